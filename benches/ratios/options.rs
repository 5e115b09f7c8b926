//! Command line options.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use crate::Result;

/// The selected action.
pub enum Task {
    /// Run the benchmark.
    Measure(Options),
    /// Run the empty server on this port.
    ServeEmpty(u16),
    /// Print this help text.
    Help(String),
}

/// The selected figures and the duration.
pub struct Options {
    /// Empty for all figures.
    only: Vec<String>,
    /// Number of rounds; each measures munjigi and the baseline.
    pub rounds: u32,
    /// Duration of one measurement, if it is limited by time.
    pub duration: Duration,
    /// The file to which a chart of the results is written.
    pub chart: Option<PathBuf>,
}

impl Options {
    /// Whether this figure is selected.
    pub fn includes(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// The duration in seconds, at least 1.
    pub fn seconds(&self) -> u32 {
        u32::try_from(self.duration.as_secs())
            .unwrap_or(u32::MAX)
            .max(1)
    }
}

/// Parses the command line.
pub fn parse(names: &[&str]) -> Result<Task> {
    let mut options = Options {
        only: Vec::new(),
        rounds: 5,
        duration: Duration::from_secs(3),
        chart: None,
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
            "--only" => {
                let name = value()?;
                if !names.contains(&name.as_str()) {
                    return Err(format!(
                        "unknown figure {name}; the figures are {}",
                        names.join(", ")
                    )
                    .into());
                }
                options.only.push(name);
            }
            "--rounds" => options.rounds = value()?.parse::<NonZeroU32>()?.get(),
            "--seconds" => {
                options.duration =
                    Duration::from_secs(value()?.parse::<NonZeroU32>()?.get().into());
            }
            "--chart" => options.chart = Some(std::path::absolute(value()?)?),
            "--serve-empty" => return Ok(Task::ServeEmpty(value()?.parse()?)),
            "--help" | "-h" => return Ok(Task::Help(help(names))),
            other => return Err(format!("unknown option {other}\n\n{}", help(names)).into()),
        }
    }
    Ok(Task::Measure(options))
}

fn help(names: &[&str]) -> String {
    format!(
        "cargo bench --bench ratios [-- OPTIONS]\n\n  \
         --only NAME    only this figure; can be repeated\n  \
         --rounds N     number of rounds (default 5)\n  \
         --seconds S    duration of one measurement (default 3)\n  \
         --chart FILE   also draw a chart of the results (SVG)\n\n\
         Figures: {}",
        names.join(", ")
    )
}
