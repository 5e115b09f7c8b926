//! The command line: a third door to the same services. One file per group of verbs.
//!
//! Every verb exits 0 (done), 1 (refused or failed) or 2 (wrong usage), and prints one clear sentence when it fails.

mod audit;
pub mod bootstrap;
mod check;
mod client_users;
mod config;
mod logging;
mod migrate;
mod output;
mod password;
mod serve;
mod tokens;
mod users;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::config::Config;

/// A self-hosted JWT authentication server: access and refresh tokens for internal users and external clients.
///
/// Without a command it serves. Settings come from defaults, then `munjigi.toml`, then the environment; `munjigi config
/// example` lists them all.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Arguments {
    /// The configuration file [default: munjigi.toml where present]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server (what happens without a command)
    Serve,
    /// Bring the database's schema up to this version
    Migrate(migrate::Arguments),
    /// Manage internal users: e-mail, password, role
    #[command(subcommand)]
    User(users::Verb),
    /// Manage external clients: username, one-time code or password
    #[command(subcommand)]
    Client(client_users::Verb),
    /// Flush expired tokens, or look into one
    #[command(subcommand)]
    Tokens(tokens::Verb),
    /// Prove that the record of what was done is as it was written
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Check the settings, the key and the data against the security checklist
    ///
    /// Each check is ok, advice (it could be better, or is right for trying out only) or problem (something is wrong, or could
    /// not be looked at), with what to do about it. It looks at what the server would run with: settings, key, files, database.
    /// Nothing is made or changed. Exit code 1 when there is a problem. The panel has the same as a page.
    Check(check::Arguments),
    /// Show the settings in force, or an example of all of them
    #[command(subcommand)]
    Config(config::Verb),
}

/// Why a verb did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum CliError {
    /// It was refused, or something failed: exit code 1.
    #[error("{0}")]
    Refused(String),
    /// The command line was wrong: exit code 2.
    #[error("{0}")]
    Usage(String),
}

impl CliError {
    fn refused(error: impl std::fmt::Display) -> Self {
        Self::Refused(error.to_string())
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Refused(_) => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
        }
    }
}

/// Reads the command line and does what it says.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    // clap ends the process by itself with code 2 where the usage is wrong, and 0 for --help and --version.
    match actix_web::rt::System::new().block_on(dispatch(arguments)) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("munjigi: {failure}");
            failure.exit_code()
        }
    }
}

async fn dispatch(arguments: Arguments) -> Result<ExitCode, CliError> {
    let path = arguments.config.as_deref();
    if let Some(Command::Config(config::Verb::Example)) = arguments.command {
        return config::example();
    }
    let settings = Config::load(path).map_err(CliError::refused)?;
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(settings).await,
        Command::Migrate(arguments) => migrate::run(&settings, &arguments),
        Command::User(verb) => users::run(settings, verb).await,
        Command::Client(verb) => client_users::run(settings, verb).await,
        Command::Tokens(verb) => tokens::run(settings, verb).await,
        Command::Audit(verb) => audit::run(&settings, verb).await,
        Command::Check(arguments) => check::run(&settings, &arguments),
        Command::Config(verb) => config::run(&settings, &verb),
    }
}
