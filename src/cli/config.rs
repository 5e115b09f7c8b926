//! `munjigi config`: the settings in force, and an example of all settings.

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::error::CliError;
use crate::cli::{from_simplejwt, output};
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

pub(super) fn run(config: &Config, verb: &Verb) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Show { json: true } => output::json(config),
        Verb::Show { json: false } => output::line(config.to_toml().trim_end()),
        Verb::Example => example(),
        Verb::FromSimplejwt => from_simplejwt::run(),
    }
}

pub(super) fn example() -> Result<ExitCode, CliError> {
    output::line(EXAMPLE.trim_end())
}
