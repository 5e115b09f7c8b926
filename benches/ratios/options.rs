//! What is asked for on the command line.

use std::{num::NonZeroU32, time::Duration};

use crate::Result;

/// What this process shall do.
pub enum Task {
    /// Take figures.
    Measure(Options),
    /// Be the baseline: answer every request with nothing, on this port.
    ServeEmpty(u16),
    /// Say how it is asked.
    Help(String),
}

/// Which figures, and how long they are looked at.
pub struct Options {
    /// These figures only; all when it is empty.
    only: Vec<String>,
    /// How often subject and baseline take turns.
    pub rounds: u32,
    /// How long a turn of either lasts, where its end is a matter of time.
    pub turn: Duration,
}

impl Options {
    /// Whether this figure is asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// A turn's whole seconds, one at least.
    pub fn seconds(&self) -> u32 {
        u32::try_from(self.turn.as_secs())
            .unwrap_or(u32::MAX)
            .max(1)
    }
}

/// Reads the command line.
pub fn read(names: &[&str]) -> Result<Task> {
    let mut options = Options {
        only: Vec::new(),
        rounds: 5,
        turn: Duration::from_secs(3),
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
            "--only" => {
                let name = value()?;
                if !names.contains(&name.as_str()) {
                    return Err(format!(
                        "there is no figure {name}; there are: {}",
                        names.join(", ")
                    )
                    .into());
                }
                options.only.push(name);
            }
            "--rounds" => options.rounds = value()?.parse::<NonZeroU32>()?.get(),
            "--seconds" => {
                options.turn = Duration::from_secs(value()?.parse::<NonZeroU32>()?.get().into());
            }
            "--serve-empty" => return Ok(Task::ServeEmpty(value()?.parse()?)),
            "--help" | "-h" => return Ok(Task::Help(help(names))),
            other => return Err(format!("unknown option {other}\n\n{}", help(names)).into()),
        }
    }
    Ok(Task::Measure(options))
}

fn help(names: &[&str]) -> String {
    format!(
        "cargo bench [-- OPTIONS]\n\n  \
         --only NAME    this figure only; may be given several times\n  \
         --rounds N     how often subject and baseline take turns (5)\n  \
         --seconds S    how long a turn lasts (3)\n\n\
         Figures: {}",
        names.join(", ")
    )
}
