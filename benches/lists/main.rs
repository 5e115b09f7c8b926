//! The panel's lists over a big installation: `cargo bench --bench lists`, or a tenth of it with `-- --scale 0.1`.
//!
//! Two databases are made on each kind: one with ten thousand rows of each kind, one with a million users, two hundred
//! thousand clients and five million tokens. A server as it is configured by default stands on each, an administrator signs
//! in, and each list is asked over the loopback: what is measured is the whole page, from the request to its last byte.
//!
//! The table says how long each page took, how that grew, and whether it stayed under a tenth of a second. Nothing here
//! fails because it was slow; a page that does not answer, or does not know the filter that is asked for, is an error.

mod browser;
mod database;
mod filling;
mod options;
mod pages;
mod server;
mod table;

use std::process::ExitCode;

use database::Kind;
use filling::Size;
use options::{Options, Task};

/// Whatever stops a figure from being taken.
type Failure = Box<dyn std::error::Error + Send + Sync>;
/// What most things here give.
type Result<T> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    let done = match options::read() {
        Ok(Task::Measure(options)) => measure(&options),
        Ok(Task::Help(text)) => {
            println!("{text}");
            Ok(())
        }
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

fn measure(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for kind in [Kind::Sqlite, Kind::Postgres] {
        if !options.wants(kind) {
            continue;
        }
        let sizes = [Size::small(options.scale), Size::big(options.scale)];
        let mut figures = Vec::new();
        for size in sizes {
            let Some(database) = kind.make(options, size)? else {
                break;
            };
            eprintln!("{kind}: measuring {size} …");
            let server = server::Server::start(&database)?;
            figures.push(runtime.block_on(pages::measure(&server, size, options.rounds))?);
        }
        if let [small, big] = figures.as_slice() {
            table::print(kind, sizes, small, big);
        }
    }
    Ok(())
}
