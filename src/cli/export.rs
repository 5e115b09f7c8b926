//! `munjigi export`: accounts in the form that `munjigi import users` reads.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::error::CliError;
use crate::cli::import::user_type;
use crate::cli::{bootstrap, load_keys, output};
use crate::config::Config;
use crate::domain::audit::Actor;
use crate::domain::principal::UserType;
use crate::services::import::export::export;

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Print all accounts, an account a line as JSON, for `munjigi import users`
    ///
    /// The export is recorded in the audit log.
    Users(Users),
}

#[derive(Args)]
pub(super) struct Users {
    /// Only accounts of this type: user or client
    #[arg(long = "type", value_name = "TYPE", value_parser = user_type)]
    user_type: Option<UserType>,
    /// Print the password hashes as well: keep the file as safe as the database
    #[arg(long)]
    with_hashes: bool,
}

pub(super) async fn run(config: Config, verb: Verb) -> Result<ExitCode, CliError> {
    let Verb::Users(arguments) = verb;
    let services = load_keys::open(config).await?;
    let mut result = Ok(ExitCode::SUCCESS);
    let write = |line: &str| {
        let written = output::pipe_line(line);
        let goes_on = matches!(written, Ok(true));
        if let Err(error) = written {
            result = Err(error);
        }
        goes_on
    };
    let (only, hashes) = (arguments.user_type, arguments.with_hashes);
    export(&services, Actor::operator(), only, hashes, write).await?;
    bootstrap::link_events(&services).await;
    result
}
