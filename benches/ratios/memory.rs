//! Memory of the idle server and of one under load, compared with the empty server.

use std::time::Duration;

use crate::{
    Result,
    closed_loop::run_for,
    database::{Database, add_logged_in},
    me::{CONNECTIONS, request_me},
    options::Options,
    server::{Memory, Server},
    statistics::Spread,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Target in MiB.
const LIMIT: f64 = 20.0;
/// Target after a load, in MiB.
const LIMIT_UNDER_LOAD: f64 = 40.0;
/// Time from the start to the measurement.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// Measures the resident memory after the start with SQLite and one request.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("memory")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    drop(database.migrate()?);
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let (munjigi, empty) = (Server::munjigi(&database, &directory)?, Server::empty()?);
        std::thread::sleep(IDLE_AFTER);
        subject.push(munjigi.memory()?);
        baseline.push(empty.memory()?);
    }
    Ok(rows(
        "memory of the idle server",
        &subject,
        &baseline,
        LIMIT,
    ))
}

/// Measures the resident memory at the end of a load of `GET /api/me`, which takes as long as one measurement.
pub fn measure_under_load(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("memory-under-load")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    let logged_in = add_logged_in(&mut database.migrate()?, 0..CONNECTIONS)?;
    let clients: Vec<_> = logged_in.iter().map(request_me).collect();
    let after_load = |server: &Server| {
        run_for(server.address, clients.clone(), options.duration)?;
        server.memory()
    };
    let subject = after_load(&Server::munjigi(&database, &directory)?)?;
    let baseline = after_load(&Server::empty()?)?;
    let name = "memory at the end of a load";
    Ok(rows(name, &[subject], &[baseline], LIMIT_UNDER_LOAD))
}

/// All resident memory, and the part that is not the program file.
fn rows(name: &str, subject: &[Memory], baseline: &[Memory], limit: f64) -> Vec<Row> {
    let row = |name: &str, value: fn(&Memory) -> f64| {
        let subject: Vec<f64> = subject.iter().map(value).collect();
        let baseline: Vec<f64> = baseline.iter().map(value).collect();
        let reached = Spread::of(subject.clone()).max < limit;
        let row = Row::ratio(name, "MiB", &subject, &baseline, Target::None);
        row.with_target(&format!("< {limit} MiB"), reached)
    };
    vec![
        row(name, |memory| memory.resident),
        row("… without the program file", |memory| memory.own),
    ]
}
