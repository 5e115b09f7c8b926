//! Memory of the idle server, compared with the empty server.

use std::time::Duration;

use crate::{
    Result,
    database::Database,
    options::Options,
    server::Server,
    statistics::Spread,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Target in MiB.
const LIMIT: f64 = 30.0;
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
        subject.push(munjigi.resident_mebibytes()?);
        baseline.push(empty.resident_mebibytes()?);
    }
    let reached = Spread::of(subject.clone()).max < LIMIT;
    let row = Row::ratio("memory, idle", "MiB", &subject, &baseline, Target::None);
    Ok(vec![row.with_target(&format!("< {LIMIT} MiB"), reached)])
}
