//! Time from the start of the process to the first response with an existing database, compared with the empty server.

use crate::{
    Result,
    database::Database,
    options::Options,
    server::Server,
    statistics::millis,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Target: so many times as long as the empty server.
const LIMIT: f64 = 5.0;
/// Starts per round.
const STARTS_PER_ROUND: u32 = 2;

/// Measures the median of all starts.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("start")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    drop(database.migrate()?);
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds * STARTS_PER_ROUND {
        subject.push(millis(Server::munjigi(&database, &directory)?.started_in));
        baseline.push(millis(Server::empty()?.started_in));
    }
    let target = Target::AtMost(LIMIT);
    Ok(vec![Row::ratio(
        "start to the first answer",
        "ms",
        &subject,
        &baseline,
        target,
    )])
}
