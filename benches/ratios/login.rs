//! Logging in by password against bcrypt alone on all cores: how much of the machine reaches the one thing that must be slow.

use std::{
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use crate::{
    Result,
    database::{COST, Database, PASSWORD, add_users, email},
    exchange::{Answer, post},
    load::{Client, run},
    options::Options,
    server::Server,
    table::{Row, Target},
    workplace::Workplace,
};

/// How many people log in at the same time.
const CONNECTIONS: usize = 12;
/// About as many hashes does a core make in a second; how long a turn takes hangs on it, and nothing else.
const HASHES_PER_SECOND: u32 = 4;

/// Somebody who logs in again and again. A queue that is full says 503, which is no login.
pub struct AnonymousPage {
    request: Vec<u8>,
    due: u16,
    /// Whose name a guesser tries next.
    next: Option<usize>,
}

/// How many names a guesser has for himself.
const NAMES: usize = 1_000_000;

impl AnonymousPage {
    /// Somebody with the right password.
    pub fn right(number: usize) -> Self {
        Self {
            request: request(&email(number), PASSWORD),
            due: 200,
            next: None,
        }
    }

    /// Somebody who guesses, at another name each time: the same one is not heard again after a few tries.
    pub fn wrong(number: usize) -> Self {
        Self {
            request: Vec::new(),
            due: 401,
            next: Some((number + 1) * NAMES),
        }
    }
}

/// A log-in of an internal user.
pub fn request(email: &str, password: &str) -> Vec<u8> {
    post(
        "/auth/login",
        &format!("{{\"username\":\"{email}\",\"password\":\"{password}\"}}"),
    )
}

impl Client for AnonymousPage {
    fn request(&mut self) -> &[u8] {
        if let Some(name) = &mut self.next {
            self.request = request(&email(*name), "a wrong password");
            *name += 1;
        }
        &self.request
    }

    fn accept(&mut self, answer: &Answer<'_>) -> Result<bool> {
        if answer.status == 503 {
            return Ok(false);
        }
        answer.expect(self.due).map(|()| true)
    }
}

/// A fixed number of logins against as many hashes: how long they take is compared, to the end of the last one.
pub fn measure(options: &Options, workplace: &Workplace) -> Result<Vec<Row>> {
    let directory = workplace.directory("login")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    add_users(&mut database.migrate()?, 0..CONNECTIONS, true)?;
    let munjigi = Server::munjigi(&database, &directory)?;
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let hashes = u32::try_from(cores)? * HASHES_PER_SECOND * options.seconds();
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let clients = (0..CONNECTIONS).map(AnonymousPage::right).collect();
        let left = Tickets::new(hashes);
        subject.push(run(munjigi.address, clients, move || left.take())?.rate());
        baseline.push(bare_bcrypt(cores, hashes));
    }
    Ok(vec![Row::ratio(
        "login",
        "/s",
        &subject,
        &baseline,
        Target::AtLeast(0.9),
    )])
}

/// Hashes on as many threads as there are cores; how many each second.
fn bare_bcrypt(threads: usize, hashes: u32) -> f64 {
    let left = Tickets::new(hashes);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while left.take() {
                    std::hint::black_box(bcrypt::bcrypt(COST, [7; 16], PASSWORD.as_bytes()));
                }
            });
        }
    });
    f64::from(hashes) / began.elapsed().as_secs_f64()
}

/// A number of times, shared by all who want one.
#[derive(Clone)]
struct Tickets(Arc<AtomicU32>);

impl Tickets {
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
