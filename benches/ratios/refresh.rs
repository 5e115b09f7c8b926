//! Clients who refresh their own token over and over, and the proof that each answer was a rotation.

use std::net::SocketAddr;

use crate::{
    Result,
    database::{Database, Member},
    exchange::{Answer, post},
    load::{Client, run_for},
    options::Options,
};

/// How many clients refresh at the same time.
pub const CLIENTS: usize = 32;

/// Somebody who refreshes.
pub struct Refresher {
    token: String,
    request: Vec<u8>,
}

impl Client for Refresher {
    fn request(&mut self) -> &[u8] {
        self.request = post(
            "/auth/refresh",
            &format!("{{\"refresh\":\"{}\"}}", self.token),
        );
        &self.request
    }

    fn accept(&mut self, answer: &Answer<'_>) -> Result<bool> {
        answer.expect(200)?;
        let text = std::str::from_utf8(answer.body)?;
        let (_, after) = text
            .split_once("\"refresh\":\"")
            .ok_or("a refresh without a refresh token")?;
        let (token, _) = after
            .split_once('"')
            .ok_or("a refresh token without an end")?;
        if token == self.token {
            return Err("the refresh token did not change".into());
        }
        token.clone_into(&mut self.token);
        Ok(true)
    }
}

/// The clients of a server, between their turns.
pub struct Refreshers {
    address: SocketAddr,
    clients: Vec<Refresher>,
    acknowledged: i64,
}

impl Refreshers {
    /// These members, at this server.
    pub fn new(address: SocketAddr, members: &[Member]) -> Self {
        let refresher = |member: &Member| Refresher {
            token: member.refresh.clone(),
            request: Vec::new(),
        };
        Self {
            address,
            clients: members.iter().map(refresher).collect(),
            acknowledged: 0,
        }
    }

    /// They refresh, each as fast as it is answered; how many refreshes each second.
    pub fn take_turn(&mut self, options: &Options) -> Result<f64> {
        let run = run_for(
            self.address,
            std::mem::take(&mut self.clients),
            options.turn,
        )?;
        self.acknowledged += i64::from(run.answers);
        let rate = run.rate();
        self.clients = run.clients;
        Ok(rate)
    }

    /// Every acknowledged refresh has left its row in the database, and nothing else has.
    pub fn check(&self, database: &Database) -> Result<()> {
        let rows = database.count_blacklisted()?;
        if rows == self.acknowledged {
            Ok(())
        } else {
            Err(format!(
                "{} refreshes were acknowledged, and {rows} are in the database",
                self.acknowledged
            )
            .into())
        }
    }
}
