//! The import of a Django site: `cargo bench --bench import [-- --scale 0.1]`.
//!
//! For each kind of database a site with 1,000,000 users and 2,000,000 outstanding tokens is made, in the tables that Django
//! makes, and imported into a new database of the same kind with `munjigi import django`. Then the same rows are written once
//! more, into tables without any index but the primary key: with `COPY` on Postgres, with prepared inserts on SQLite.
//!
//! The table shows both times, their ratio, and the greatest memory of the import.

mod baseline;
mod database;
mod site;

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use database::{Kind, Pair};

/// Any error that prevents a measurement.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    match scale().and_then(measure_all) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn scale() -> Result<f64> {
    let mut arguments = std::env::args().skip(1);
    let mut scale = 1.0;
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), &mut arguments) {
            // Added by cargo.
            ("--bench", _) => {}
            ("--scale", rest) => scale = rest.next().unwrap_or_default().parse()?,
            (other, _) => return Err(format!("unknown option {other}: there is --scale").into()),
        }
    }
    Ok(scale)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a number of users far below the limit"
)]
fn measure_all(scale: f64) -> Result<()> {
    let users = (1_000_000.0 * scale) as i64;
    println!("{users} users, {} outstanding tokens\n", 2 * users);
    println!("| Database | import | bare inserts | ratio | memory |");
    println!("|---|---:|---:|---:|---:|");
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some(pair) = Pair::create(kind)? else {
            eprintln!(
                "{kind:?}: skipped, neither MUNJIGI_BENCH_POSTGRES nor TEST_DATABASE_URL is set"
            );
            continue;
        };
        site::fill(&pair, users)?;
        let (import, memory) = import(&pair)?;
        let bare = baseline::measure(&pair)?;
        println!(
            "| {kind:?} | {:.1} s | {:.1} s | {:.1} | {memory} MiB |",
            import.as_secs_f64(),
            bare.as_secs_f64(),
            import.as_secs_f64() / bare.as_secs_f64()
        );
    }
    Ok(())
}

/// Imports the site; returns the time and the greatest memory in MiB.
fn import(pair: &Pair) -> Result<(Duration, u64)> {
    let start = Instant::now();
    let mut process = Command::new(env!("CARGO_BIN_EXE_munjigi"))
        .args(["import", "django", "--from", &pair.site])
        .env_clear()
        .env("DATABASE_URL", &pair.ours)
        .env(
            "MUNJIGI_SERVER__MASTER_KEY",
            "a-master-key-of-the-bench-with-more-than-32-bytes",
        )
        .current_dir(pair.directory.path())
        .stdout(Stdio::null())
        .spawn()?;
    let mut memory = 0;
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()));
        let greatest = status.unwrap_or_default();
        let greatest = greatest
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = greatest.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        memory = memory.max(kibibytes.unwrap_or(0) / 1024);
        if let Some(status) = process.try_wait()? {
            if !status.success() {
                return Err(format!("the import failed: {status}").into());
            }
            return Ok((start.elapsed(), memory));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
