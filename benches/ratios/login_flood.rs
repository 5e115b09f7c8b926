//! `GET /api/me` while logins flood the server, against the same while nothing else happens.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    Result,
    database::{Database, add_members},
    exchange::get,
    load::{Client, run},
    login::AnonymousPage,
    options::Options,
    probe::latencies,
    server::Server,
    statistics::{Spread, millis, p99},
    table::{Row, Target},
    workplace::Workplace,
};

/// How many connections flood.
const CONNECTIONS: usize = 32;
/// How long a call may take under the flood, in 99 of 100 cases.
const LIMIT: f64 = 50.0;
/// The flood runs for so long before anybody looks.
const BUILD_UP: Duration = Duration::from_millis(500);

/// The p99 of either, as milliseconds.
pub fn measure(options: &Options, workplace: &Workplace) -> Result<Vec<Row>> {
    let directory = workplace.directory("flood")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    let members = add_members(&mut database.migrate()?, 0..CONNECTIONS)?;
    let munjigi = Server::munjigi(&database, &directory)?;
    let token = members.first().map(|member| member.access.as_str());
    let request = get("/api/me", token);
    // The first calls open connections and warm caches.
    latencies(munjigi.address, &request, options.turn / 4)?;
    let (mut flooded, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        idle.push(millis(p99(latencies(
            munjigi.address,
            &request,
            options.turn * 2,
        )?)));
        let times = while_logins_flood(&munjigi, || {
            latencies(munjigi.address, &request, options.turn * 2)
        })?;
        flooded.push(millis(p99(times)));
    }
    let highest = Spread::of(flooded.clone()).greatest;
    let absolute = highest <= LIMIT;
    Ok(vec![
        Row::ratio(
            "me-under-login-flood, p99",
            "ms",
            &flooded,
            &idle,
            Target::AtMost(5.0),
        ),
        Row::ratio("… its highest round", "ms", &[highest], &idle, Target::None)
            .with_target(&format!("≤ {LIMIT} ms"), absolute),
    ])
}

/// Does something while connections hammer logins, half of them with a wrong password.
fn while_logins_flood<T>(munjigi: &Server, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let visitor = |number| {
        if number % 2 == 0 {
            AnonymousPage::right(number)
        } else {
            AnonymousPage::wrong(number)
        }
    };
    while_flooded(munjigi, (0..CONNECTIONS).map(visitor).collect(), work)
}

/// Does something while these clients ask and ask.
pub fn while_flooded<C: Client, T>(
    munjigi: &Server,
    clients: Vec<C>,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let flooding = Arc::new(AtomicBool::new(true));
    let (go_on, address) = (Arc::clone(&flooding), munjigi.address);
    let flood =
        std::thread::spawn(move || run(address, clients, move || go_on.load(Ordering::Relaxed)));
    std::thread::sleep(BUILD_UP);
    let result = work();
    flooding.store(false, Ordering::Relaxed);
    let flood = flood.join().map_err(|_| "the flood panicked")??;
    if flood.answers == 0 {
        return Err("there was no flood: nothing was answered".into());
    }
    result
}
