//! Throughput of password logins, compared with bcrypt alone on all cores.

use std::{
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread::ScopedJoinHandle,
    time::Instant,
};

use crate::{
    Result,
    closed_loop::{Client, run},
    cpu::{self, Sample, thread_cpu_time},
    database::{COST, Database, PASSWORD, add_users, email},
    http::{Response, post},
    options::Options,
    server::Server,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Number of connections.
const CONNECTIONS: usize = 12;
/// Approximate hashes per core and second. Determines only how long a round takes.
const HASHES_PER_SECOND: u32 = 4;

/// Logs in repeatedly. A 503 response of a full queue does not count.
pub struct LoginClient {
    request: Vec<u8>,
    expected: u16,
    /// The number of the next account, with a wrong password.
    next: Option<usize>,
}

/// Accounts per client with a wrong password.
const ACCOUNTS_PER_CLIENT: usize = 1_000_000;

impl LoginClient {
    /// A client with the correct password.
    pub fn with_right_password(number: usize) -> Self {
        Self {
            request: request(&email(number), PASSWORD),
            expected: 200,
            next: None,
        }
    }

    /// A client with a wrong password. It uses another account each time, because accounts are locked after some failures.
    pub fn with_wrong_password(number: usize) -> Self {
        Self {
            request: Vec::new(),
            expected: 401,
            next: Some((number + 1) * ACCOUNTS_PER_CLIENT),
        }
    }
}

/// A login request of an internal user.
pub fn request(email: &str, password: &str) -> Vec<u8> {
    post(
        "/auth/login",
        &format!("{{\"username\":\"{email}\",\"password\":\"{password}\"}}"),
    )
}

impl Client for LoginClient {
    fn request(&mut self) -> &[u8] {
        if let Some(number) = &mut self.next {
            self.request = request(&email(*number), "a wrong password");
            *number += 1;
        }
        &self.request
    }

    fn accept(&mut self, response: &Response<'_>) -> Result<bool> {
        if response.status == 503 {
            return Ok(false);
        }
        response.expect(self.expected).map(|()| true)
    }
}

/// Compares the time for a fixed number of logins with the time for as many hashes.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("login")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    add_users(&mut database.migrate()?, 0..CONNECTIONS, true)?;
    let munjigi = Server::munjigi(&database, &directory)?;
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let hashes = u32::try_from(cores)? * HASHES_PER_SECOND * options.seconds();
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let clients = (0..CONNECTIONS)
            .map(LoginClient::with_right_password)
            .collect();
        let left = Countdown::new(hashes);
        let load = || run(munjigi.address, clients, move || left.take());
        subject.push(Sample::take(&munjigi, load)?.0);
        baseline.push(bare_bcrypt(cores, hashes)?);
    }
    let (rate, cpu_time) = (Target::AtLeast(0.97), Target::None);
    Ok(cpu::rows("login", &subject, &baseline, rate, cpu_time))
}

/// Hashes on this number of threads.
fn bare_bcrypt(threads: usize, hashes: u32) -> Result<Sample> {
    let left = Countdown::new(hashes);
    let start = Instant::now();
    let hash = || {
        while left.take() {
            std::hint::black_box(bcrypt::bcrypt(COST, [7; 16], PASSWORD.as_bytes()));
        }
        thread_cpu_time()
    };
    let used: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(hash)).collect();
        threads.into_iter().map(ScopedJoinHandle::join).collect()
    });
    let elapsed = start.elapsed();
    let mut micros = 0.0;
    for used in used {
        micros += used.map_err(|_| "a hash panicked")??.as_secs_f64() * 1e6;
    }
    Ok(Sample {
        rate: f64::from(hashes) / elapsed.as_secs_f64(),
        micros: micros / f64::from(hashes),
        generator: 0.0,
    })
}

/// A shared counter that is decremented to zero.
#[derive(Clone)]
struct Countdown(Arc<AtomicU32>);

impl Countdown {
    fn new(number: u32) -> Self {
        Self(Arc::new(AtomicU32::new(number)))
    }

    fn take(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }
}
