//! The memory of the idle server, against that of the empty one.

use std::time::Duration;

use crate::{
    Result,
    database::Database,
    options::Options,
    server::Server,
    statistics::Spread,
    table::{Row, Target},
    workplace::Workplace,
};

/// How much the idle server may hold, in MiB.
const LIMIT: f64 = 30.0;
/// So long after its start a server is idle.
const SETTLED: Duration = Duration::from_secs(1);

/// Resident memory after the start on SQLite and one answered request.
pub fn measure(options: &Options, workplace: &Workplace) -> Result<Vec<Row>> {
    let directory = workplace.directory("memory")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    drop(database.migrate()?);
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let (munjigi, empty) = (Server::munjigi(&database, &directory)?, Server::empty()?);
        std::thread::sleep(SETTLED);
        subject.push(munjigi.resident_mebibytes()?);
        baseline.push(empty.resident_mebibytes()?);
    }
    let reached = Spread::of(subject.clone()).greatest < LIMIT;
    let row = Row::ratio("memory, idle", "MiB", &subject, &baseline, Target::None);
    Ok(vec![row.with_target(&format!("< {LIMIT} MiB"), reached)])
}
