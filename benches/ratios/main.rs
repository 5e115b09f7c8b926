//! Performance of the server: `cargo bench`, or `cargo bench -- --only me --rounds 3 --seconds 1`.
//!
//! Each figure is the ratio of munjigi to a baseline measured in the same run, because absolute numbers depend on the
//! machine. Both are measured alternately for several rounds; the result is the median of the ratios. Each response is
//! checked. A missed target is not an error; the table shows whether a target was reached.

mod beside_jobs;
mod chart;
mod closed_loop;
mod cluster;
mod connections;
mod cpu;
mod database;
mod django_timing;
mod empty;
mod flush;
mod forward;
mod http;
mod instances;
mod login;
mod login_flood;
mod me;
mod memory;
mod open_loop;
mod options;
mod other_floods;
mod other_services;
mod propagation;
mod refresh;
mod refresh_among;
mod refresh_postgres;
mod refresh_sqlite;
mod refused_timing;
mod revocation_cache;
mod rows;
mod server;
mod signatures;
mod start;
mod statistics;
mod status_list;
mod table;
mod work_dir;

use std::process::ExitCode;

use options::{Options, Task};
use table::Row;
use work_dir::WorkDir;

/// Any error that prevents a measurement.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

/// Measures a figure.
type Measure = fn(&Options, &WorkDir) -> Result<Vec<Row>>;

/// The figures by name, in the order of measurement.
const FIGURES: [(&str, Measure); 22] = [
    ("me", me::measure),
    ("connections", connections::measure),
    ("forward", forward::measure),
    ("refresh-sqlite", refresh_sqlite::measure),
    ("refresh-postgres", refresh_postgres::measure),
    ("refresh-among", refresh_among::measure),
    ("flush", flush::measure),
    ("beside-jobs", beside_jobs::measure),
    ("propagation", propagation::measure),
    ("instances", instances::measure),
    ("revocations", revocation_cache::measure),
    ("signatures", signatures::measure),
    ("status-list", status_list::measure),
    ("other-services", other_services::measure),
    ("login", login::measure),
    ("me-under-login-flood", login_flood::measure),
    ("me-under-other-floods", other_floods::measure),
    ("memory", memory::measure),
    ("memory-under-load", memory::measure_under_load),
    ("refused-login-timing", refused_timing::measure),
    ("django-login-timing", django_timing::measure),
    ("start", start::measure),
];

fn main() -> ExitCode {
    let names = FIGURES.map(|(name, _)| name);
    let result = match options::parse(&names) {
        Ok(Task::ServeEmpty(port)) => empty::serve(port),
        Ok(Task::Help(text)) => {
            println!("{text}");
            Ok(())
        }
        Ok(Task::Measure(options)) => measure(&options),
        Err(failure) => Err(failure),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Measures the selected figures. A figure that fails becomes a row with the reason.
fn measure(options: &Options) -> Result<()> {
    let work_dir = WorkDir::new()?;
    let mut rows = Vec::new();
    for (name, measure) in FIGURES {
        if !options.includes(name) {
            continue;
        }
        eprintln!("{name} …");
        match measure(options, &work_dir) {
            Ok(measured) => rows.extend(measured),
            Err(failure) => rows.push(Row::without_figure(name, &failure.to_string())),
        }
    }
    table::print(options, &rows);
    match &options.chart {
        Some(file) => chart::write(file, options, &rows),
        None => Ok(()),
    }
}
