//! Response times of the lists in the admin panel on large databases: `cargo bench --bench lists [-- --scale 0.1]`.
//!
//! For each kind of database, a small one (10,000 rows per table) and a large one (1,000,000 users, 200,000 clients,
//! 5,000,000 tokens) are created. Each is served with the default configuration, and each page is requested over the
//! loopback interface. The time is measured from the request to the last byte of the response.
//!
//! The table shows the times, the growth factor, and whether a page took less than 100 ms. A slow page is not an error; a
//! page that fails or ignores its filter is reported.

mod browser;
mod database;
mod options;
mod pages;
mod rows;
mod server;
mod table;

use std::process::ExitCode;

use database::Kind;
use options::{Options, Task};
use rows::Size;

/// Any error that prevents a measurement.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    let result = match options::parse() {
        Ok(Task::Measure(options)) => measure(&options),
        Ok(Task::Help(text)) => {
            println!("{text}");
            Ok(())
        }
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

fn measure(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for kind in [Kind::Sqlite, Kind::Postgres] {
        if !options.includes(kind) {
            continue;
        }
        let sizes = [Size::small(options.scale), Size::large(options.scale)];
        let mut figures = Vec::new();
        for size in sizes {
            let Some(database) = kind.create(options, size)? else {
                break;
            };
            eprintln!("{kind}: measuring {size} …");
            let server = server::Server::start(&database)?;
            figures.push(runtime.block_on(pages::measure(&server, size, options.rounds))?);
        }
        if let [small, large] = figures.as_slice() {
            table::print(kind, sizes, small, large);
        }
    }
    Ok(())
}
