//! What is claimed to be fast, measured: `cargo bench`, or `cargo bench -- --only me --rounds 3 --seconds 1`.
//!
//! Each figure is a ratio of the real server to a baseline that was measured in the same run: the two take turns for
//! several rounds, and the median of the rounds' ratios counts. Absolute numbers say more about the machine than about
//! munjigi, and a single round more about its neighbours. The load checks every answer: a fast wrong one is an error.
//!
//! Nothing here fails because it was slow; the table at the end says what was reached.

mod cluster;
mod database;
mod empty;
mod exchange;
mod flood;
mod floods;
mod load;
mod login;
mod me;
mod memory;
mod options;
mod probe;
mod propagation;
mod refresh;
mod refresh_postgres;
mod refresh_sqlite;
mod refused;
mod server;
mod start;
mod statistics;
mod table;
mod view;
mod workplace;

use std::process::ExitCode;

use options::{Options, Task};
use table::Row;
use workplace::Workplace;

/// Whatever stops a figure from being taken.
type Failure = Box<dyn std::error::Error + Send + Sync>;
/// What most things here give.
type Result<T> = std::result::Result<T, Failure>;

/// Takes a figure.
type Measure = fn(&Options, &Workplace) -> Result<Vec<Row>>;

/// The figures by name, in the order in which they are taken.
const FIGURES: [(&str, Measure); 11] = [
    ("me", me::measure),
    ("refresh-sqlite", refresh_sqlite::measure),
    ("refresh-postgres", refresh_postgres::measure),
    ("propagation", propagation::measure),
    ("revocations", view::measure),
    ("login", login::measure),
    ("me-under-login-flood", flood::measure),
    ("me-under-other-floods", floods::measure),
    ("memory", memory::measure),
    ("refused-login-timing", refused::measure),
    ("start", start::measure),
];

fn main() -> ExitCode {
    let names = FIGURES.map(|(name, _)| name);
    let done = match options::read(&names) {
        Ok(Task::ServeEmpty(port)) => empty::serve(port),
        Ok(Task::Help(text)) => {
            println!("{text}");
            Ok(())
        }
        Ok(Task::Measure(options)) => measure(&options),
        Err(failure) => Err(failure),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Takes the figures that were asked for; one that cannot be taken leaves a line that says why.
fn measure(options: &Options) -> Result<()> {
    let workplace = Workplace::new()?;
    let mut rows = Vec::new();
    for (name, measure) in FIGURES {
        if !options.wants(name) {
            continue;
        }
        eprintln!("{name} …");
        match measure(options, &workplace) {
            Ok(taken) => rows.extend(taken),
            Err(failure) => rows.push(Row::without_figure(name, &failure.to_string())),
        }
    }
    table::print(options, &rows);
    Ok(())
}
