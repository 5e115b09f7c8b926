//! Command line options.

use std::num::NonZeroU32;

use crate::{Result, database::Kind};

/// The selected action.
pub enum Task {
    /// Run the benchmark.
    Measure(Options),
    /// Print this help text.
    Help(String),
}

pub struct Options {
    only: Option<Kind>,
    /// Scale of the large database: 1 is 1,000,000 users.
    pub scale: f64,
    /// Requests per page.
    pub rounds: u32,
    /// Whether to keep the databases.
    pub keep: bool,
}

impl Options {
    /// Whether this kind of database is selected.
    pub fn includes(&self, kind: Kind) -> bool {
        self.only.is_none_or(|only| only == kind)
    }
}

/// Parses the command line.
pub fn parse() -> Result<Task> {
    let mut options = Options {
        only: None,
        scale: 1.0,
        rounds: 5,
        keep: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{argument} needs a value"))
        };
        match argument.as_str() {
            // Added by cargo.
            "--bench" => {}
            "--only" => options.only = Some(Kind::parse(&value()?)?),
            "--scale" => {
                options.scale = value()?.parse()?;
                if !(0.000_1..=10.0).contains(&options.scale) {
                    return Err("--scale must be 0.0001 to 10".into());
                }
            }
            "--rounds" => options.rounds = value()?.parse::<NonZeroU32>()?.get(),
            "--keep" => options.keep = true,
            "--help" | "-h" => return Ok(Task::Help(help())),
            other => return Err(format!("unknown option {other}\n\n{}", help()).into()),
        }
    }
    Ok(Task::Measure(options))
}

fn help() -> String {
    "cargo bench --bench lists [-- OPTIONS]\n\n  \
     --scale F      scale of the large database; 1 is 1,000,000 users (default 1)\n  \
     --only KIND    sqlite or postgres only\n  \
     --rounds N     requests per page; the median is reported (default 5)\n  \
     --keep         keep the databases (target/tmp/lists, munjigi_lists_…) and reuse existing ones\n\n\
     Postgres is measured if MUNJIGI_BENCH_POSTGRES or TEST_DATABASE_URL is the URL of a superuser."
        .to_owned()
}
