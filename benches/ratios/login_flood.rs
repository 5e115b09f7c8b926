//! Latency of `GET /api/me` during a flood of logins, compared with an idle server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    Result,
    closed_loop::{Client, run},
    database::{Database, add_logged_in},
    http::get,
    login::LoginClient,
    open_loop::latencies,
    options::Options,
    server::Server,
    statistics::{Spread, millis, p99},
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Connections of the flood.
const CONNECTIONS: usize = 32;
/// Target of the p99 during the flood, in milliseconds.
const LIMIT: f64 = 50.0;
/// Time from the start of the flood to the first measurement.
const WARM_UP: Duration = Duration::from_millis(500);

/// Compares the p99 of each round.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("flood")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    let users = add_logged_in(&mut database.migrate()?, 0..CONNECTIONS)?;
    let munjigi = Server::munjigi(&database, &directory)?;
    let token = users.first().map(|user| user.access.as_str());
    let request = get("/api/me", token);
    // Warm-up.
    latencies(munjigi.address, &request, options.duration / 4)?;
    let (mut flooded, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        idle.push(millis(p99(latencies(
            munjigi.address,
            &request,
            options.duration * 2,
        )?)));
        let times = while_logins_flood(&munjigi, || {
            latencies(munjigi.address, &request, options.duration * 2)
        })?;
        flooded.push(millis(p99(times)));
    }
    let highest = Spread::of(flooded.clone()).max;
    let absolute = highest <= LIMIT;
    Ok(vec![
        Row::ratio(
            "GET /api/me during logins, p99",
            "ms",
            &flooded,
            &idle,
            Target::AtMost(2.0),
        ),
        Row::ratio("… highest round", "ms", &[highest], &idle, Target::None)
            .with_target(&format!("≤ {LIMIT} ms"), absolute),
    ])
}

/// Runs `work` during a flood of logins, half of them with a wrong password.
fn while_logins_flood<T>(munjigi: &Server, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let client = |number| {
        if number % 2 == 0 {
            LoginClient::with_right_password(number)
        } else {
            LoginClient::with_wrong_password(number)
        }
    };
    while_flooded(munjigi, (0..CONNECTIONS).map(client).collect(), work)
}

/// Runs `work` while these clients send requests.
pub fn while_flooded<C: Client, T>(
    munjigi: &Server,
    clients: Vec<C>,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let flooding = Arc::new(AtomicBool::new(true));
    let (is_running, address) = (Arc::clone(&flooding), munjigi.address);
    let flood = std::thread::spawn(move || {
        run(address, clients, move || is_running.load(Ordering::Relaxed))
    });
    std::thread::sleep(WARM_UP);
    let result = work();
    flooding.store(false, Ordering::Relaxed);
    let flood = flood.join().map_err(|_| "the flood panicked")??;
    if flood.responses == 0 {
        return Err("there was no flood: no responses".into());
    }
    result
}
