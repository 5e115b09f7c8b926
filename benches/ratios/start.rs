//! From the start of the process to its first answer, on a database that is there already, against the empty server.

use crate::{
    Result,
    database::Database,
    options::Options,
    server::Server,
    statistics::{Spread, millis},
    table::{Row, Target},
    workplace::Workplace,
};

/// How long a start may take, in milliseconds.
const LIMIT: f64 = 100.0;
/// A start is short, so it is looked at more often than other things.
const STARTS_PER_ROUND: u32 = 2;

/// The median of the starts.
pub fn measure(options: &Options, workplace: &Workplace) -> Result<Vec<Row>> {
    let directory = workplace.directory("start")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    drop(database.migrate()?);
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds * STARTS_PER_ROUND {
        subject.push(millis(Server::munjigi(&database, &directory)?.started_in));
        baseline.push(millis(Server::empty()?.started_in));
    }
    let reached = Spread::of(subject.clone()).median < LIMIT;
    let row = Row::ratio("start", "ms", &subject, &baseline, Target::None);
    Ok(vec![row.with_target(&format!("< {LIMIT} ms"), reached)])
}
