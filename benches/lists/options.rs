//! What is asked for on the command line.

use std::num::NonZeroU32;

use crate::{Result, database::Kind};

/// What this process shall do.
pub enum Task {
    /// Take figures.
    Measure(Options),
    /// Say how it is asked.
    Help(String),
}

/// Which figures, and how big the installations are.
pub struct Options {
    only: Option<Kind>,
    /// How big they are: 1 is a million users.
    pub scale: f64,
    /// How often each page is asked for.
    pub rounds: u32,
    /// Whether the databases stay there for a look at them.
    pub keep: bool,
}

impl Options {
    /// Whether this kind of database is asked for.
    pub fn wants(&self, kind: Kind) -> bool {
        self.only.is_none_or(|only| only == kind)
    }
}

/// Reads the command line.
pub fn read() -> Result<Task> {
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
            // Cargo adds it.
            "--bench" => {}
            "--only" => options.only = Some(Kind::read(&value()?)?),
            "--scale" => {
                options.scale = value()?.parse()?;
                if !(0.000_1..=10.0).contains(&options.scale) {
                    return Err("--scale is between 0.0001 and 10".into());
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
     --scale F      how big the big installation is; 1 is a million users (1)\n  \
     --only KIND    sqlite or postgres only\n  \
     --rounds N     how often each page is asked for; the median counts (5)\n  \
     --keep         leave the databases there (target/tmp/lists, munjigi_lists_…), and take them again if they are there\n\n\
     Postgres is measured where MUNJIGI_BENCH_POSTGRES or TEST_DATABASE_URL is the URL of a superuser."
        .to_owned()
}
