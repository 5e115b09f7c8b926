//! `munjigi config`: the settings in force, and an example of all settings.

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::error::CliError;
use crate::cli::output;
use crate::config::{Config, EXAMPLE};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Show the settings in force; secrets are masked
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a configuration file with every key, its default and what it does
    Example,
    /// Turn `SIMPLE_JWT` of a Django site into a configuration file
    ///
    /// Reads the dictionary as JSON from standard input, durations in seconds, and prints TOML. Settings without an equivalent
    /// and unsafe ones are comments; docs/from-django.md has the command that prints the dictionary.
    FromSimplejwt,
}

pub(super) fn show(config: &Config, json: bool) -> Result<ExitCode, CliError> {
    if json {
        output::json(config)
    } else {
        output::line(config.to_toml().trim_end())
    }
}

pub(super) fn example() -> Result<ExitCode, CliError> {
    output::line(EXAMPLE.trim_end())
}
