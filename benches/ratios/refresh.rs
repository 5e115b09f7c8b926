//! Clients that refresh their tokens repeatedly, and a check that each response was a rotation.

use std::{net::SocketAddr, time::Duration};

use crate::{
    Result,
    closed_loop::{Client, run_for, run_paced},
    cpu::Sample,
    database::{Database, LoggedIn},
    http::{Response, post},
    options::Options,
    server::Server,
};

/// Numbers of clients, each a figure of its own.
pub const NUMBERS_OF_CLIENTS: [usize; 2] = [32, 256];

/// A client that refreshes.
pub struct Refresher {
    token: String,
    request: Vec<u8>,
}

impl Refresher {
    /// A client with the refresh token of this user.
    pub fn new(user: &LoggedIn) -> Self {
        Self {
            token: user.refresh.clone(),
            request: Vec::new(),
        }
    }
}

impl Client for Refresher {
    fn request(&mut self) -> &[u8] {
        self.request = post(
            "/auth/refresh",
            &format!("{{\"refresh\":\"{}\"}}", self.token),
        );
        &self.request
    }

    fn accept(&mut self, response: &Response<'_>) -> Result<bool> {
        response.expect(200)?;
        let text = std::str::from_utf8(response.body)?;
        let (_, after) = text
            .split_once("\"refresh\":\"")
            .ok_or("the response has no refresh token")?;
        let (token, _) = after
            .split_once('"')
            .ok_or("the refresh token is incomplete")?;
        if token == self.token {
            return Err("the refresh token did not change".into());
        }
        token.clone_into(&mut self.token);
        Ok(true)
    }
}

/// The clients of a server, between two measurements.
pub struct Refreshers {
    address: SocketAddr,
    clients: Vec<Refresher>,
    /// How many refreshes were acknowledged.
    pub acknowledged: i64,
}

impl Refreshers {
    /// Clients for these users.
    pub fn new(address: SocketAddr, users: &[LoggedIn]) -> Self {
        Self {
            address,
            clients: users.iter().map(Refresher::new).collect(),
            acknowledged: 0,
        }
    }

    /// Runs the clients on this server, whose address is theirs, and returns the rate and the CPU time of the refreshes.
    pub fn run(&mut self, server: &Server, options: &Options) -> Result<Sample> {
        let clients = std::mem::take(&mut self.clients);
        let (sample, run) =
            Sample::take(server, || run_for(self.address, clients, options.duration))?;
        self.acknowledged += i64::from(run.responses);
        self.clients = run.clients;
        Ok(sample)
    }

    /// Runs the clients with this many refreshes per second and returns the latencies.
    pub fn latencies(&mut self, rate: f64, duration: Duration) -> Result<Vec<Duration>> {
        let interval = Duration::from_secs_f64(1.0 / rate);
        let clients = std::mem::take(&mut self.clients);
        let (latencies, clients) = run_paced(self.address, clients, interval, duration)?;
        self.clients = clients;
        Ok(latencies)
    }
}

/// Checks that the number of rotated tokens in the database equals the number of acknowledged refreshes.
pub fn check_rotated(database: &Database, acknowledged: i64) -> Result<()> {
    let rows = database.count_blacklisted()?;
    if rows == acknowledged {
        Ok(())
    } else {
        Err(
            format!("{acknowledged} refreshes were acknowledged, but {rows} are in the database")
                .into(),
        )
    }
}
