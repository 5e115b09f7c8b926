//! How many instructions the server executes for a request: `cargo bench --bench instructions`. Unlike a rate, the number
//! does not depend on the machine and hardly on what else runs there.
//!
//! The server runs in callgrind, a tool of valgrind, and gets one request after the other on one connection. The instructions
//! of a request are the difference between a server with many requests and one with few, divided by the further requests, so
//! the start does not count. What the kernel executes does not count either. Everything is measured twice.

mod client;
mod server;

use std::process::ExitCode;

use client::{Client, Pair};
use server::{Place, Server};

/// Any error that prevents a measurement.
type Failure = Box<dyn std::error::Error>;
type Result<T> = std::result::Result<T, Failure>;

/// How many requests a server gets at first: buffers grow, caches fill.
const FEW: u32 = 500;
/// How many it gets in the longer run.
const MANY: u32 = 3_500;

/// What is counted: its name, the settings of the server, and how one request is sent.
struct Figure {
    name: &'static str,
    settings: &'static [(&'static str, &'static str)],
    send: fn(&mut Client, &mut Pair) -> Result<()>,
}

/// The line of a request is logged at `info` only.
const NO_LINES: &[(&str, &str)] = &[("MUNJIGI_LOG__LEVEL", "warn")];

const BEARER_CHECK: Figure = Figure {
    name: "bearer check (GET /api/me), with its log line",
    settings: &[],
    send: Client::me,
};
const WITHOUT_LINE: Figure = Figure {
    name: "bearer check without its log line",
    settings: NO_LINES,
    send: Client::me,
};
const REFRESH: Figure = Figure {
    name: "refresh on SQLite",
    settings: &[],
    send: Client::refresh,
};

fn main() -> ExitCode {
    let result = server::check_valgrind().and_then(|()| measure());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<()> {
    println!(
        "{:<50} {:>9} {:>9} {:>11}",
        "instructions per", "first", "second", "difference"
    );
    let bearer_check = twice(&BEARER_CHECK)?;
    print(BEARER_CHECK.name, bearer_check);
    let without_line = twice(&WITHOUT_LINE)?;
    print(WITHOUT_LINE.name, without_line);
    let of_line = [0, 1].map(|run| bearer_check[run] - without_line[run]);
    print("log line", of_line);
    print(REFRESH.name, twice(&REFRESH)?);
    Ok(())
}

fn print(name: &str, [first, second]: [f64; 2]) {
    let difference = (second / first - 1.0) * 100.0;
    println!("{name:<50} {first:>9.0} {second:>9.0} {difference:>+10.2}%");
}

fn twice(figure: &Figure) -> Result<[f64; 2]> {
    Ok([per_request(figure)?, per_request(figure)?])
}

/// The instructions for one request.
fn per_request(figure: &Figure) -> Result<f64> {
    let further = instructions(figure, MANY)?.checked_sub(instructions(figure, FEW)?);
    let further = further.ok_or("the longer run took fewer instructions")?;
    Ok(f64::from(u32::try_from(further)?) / f64::from(MANY - FEW))
}

/// The instructions of a server from its start to its end, with this many requests.
fn instructions(figure: &Figure, requests: u32) -> Result<u64> {
    let place = Place::new()?;
    let (server, mut client) = Server::start(&place, figure.settings)?;
    let mut pair = client.log_in()?;
    for _ in 0..requests {
        (figure.send)(&mut client, &mut pair)?;
    }
    drop(client);
    server.stop()
}
