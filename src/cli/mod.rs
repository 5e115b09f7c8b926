//! The command-line interface, over the same services as the API and the admin panel. One file per group of verbs.
//!
//! Every verb exits with 0 (done), 1 (refused or failed) or 2 (wrong usage), and prints the reason when it fails. A verb that
//! only reads writes nothing: no directory, file, table or row is created, and no migration runs.

mod accounts;
mod addresses;
mod audit;
mod background;
mod backup;
pub mod bootstrap;
mod check;
mod client_users;
mod config;
mod confirmation;
mod database;
mod error;
mod export;
mod from_simplejwt;
mod health;
mod import;
mod import_output;
mod invitation;
mod keys;
mod listeners;
mod load_keys;
mod logging;
mod mail;
mod migrate;
mod migrate_check;
mod openapi;
mod output;
mod packaging;
mod password;
mod python_values;
mod reload;
mod restore;
mod restore_report;
mod serve;
mod service_manager;
mod services;
mod sessions;
mod signals;
mod tokens;
mod toml_file;
mod users;
mod webhooks;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};

use crate::cli::error::CliError;
use crate::config::Config;

const EXIT_CODES: &str = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage";

/// A self-hosted JWT authentication server: access and refresh tokens for internal users and external clients.
///
/// Without a command it starts the server. Settings are read from `munjigi.toml` and the environment, which overrides the
/// file; `munjigi config example` lists them all.
#[derive(Parser)]
#[command(version, about, max_term_width = 100, after_help = EXIT_CODES)]
struct Arguments {
    /// The configuration file [default: munjigi.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server (the default)
    Serve(serve::Arguments),
    /// Run the database migrations that are missing
    Migrate(migrate::Arguments),
    /// Manage internal users, who log in with e-mail address and password and have a role
    #[command(subcommand)]
    User(users::Verb),
    /// Manage external clients, which log in with username and one-time code or password
    #[command(subcommand)]
    Client(client_users::Verb),
    /// Manage services: programs that check tokens and call each other with a secret of their own
    #[command(subcommand)]
    Service(services::Verb),
    /// Manage webhooks: the endpoints that events such as logins and changes of accounts are sent to
    #[command(subcommand)]
    Webhooks(webhooks::Verb),
    /// Import accounts and refresh tokens from a Django site, or accounts from a file
    #[command(subcommand)]
    Import(import::Verb),
    /// Export accounts in the form that `import users` reads
    #[command(subcommand)]
    Export(export::Verb),
    /// Remove expired rows, or inspect a token
    #[command(subcommand)]
    Tokens(tokens::Verb),
    /// Write a backup of the database, its keys and the audit checkpoint to a file, also while the server runs
    ///
    /// SQLite only. The copy is verified before the file appears: its structure and its audit log. With `backup.directory` the
    /// server makes backups by itself.
    Backup(backup::Arguments),
    /// Restore a backup where there is no database, or mark a copy of the database that was put back
    ///
    /// The backup is verified first. All sessions end, unless they are kept; open links and codes are withdrawn. The audit log
    /// records the restore.
    Restore(restore::Arguments),
    /// End sessions
    #[command(subcommand)]
    Sessions(sessions::Verb),
    /// Verify the audit log, or start its chain again
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Send a test mail, or preview mails and write their templates
    #[command(subcommand)]
    Mail(mail::Verb),
    /// List and change the keys that sign tokens
    #[command(subcommand)]
    Keys(keys::Verb),
    /// Check the settings, the key and the data against the security checklist
    ///
    /// The result of each check is ok, advice (could be better, or is fine for evaluation only) or problem (is wrong, or could
    /// not be checked), with what to do about it. The checks cover what the server would run with: settings, key, files and
    /// database. Nothing is created or changed. Exit code 1 when there is a problem. The admin panel shows the same checks.
    Check(check::Arguments),
    /// Ask the running server at `server.listen` whether it is ready
    ///
    /// For the health check of a container: exit code 0 when `/readyz` answers that it is ready, otherwise 1.
    Health,
    /// Print the OpenAPI 3.1 document of the API
    Openapi,
    /// Print the completions of a shell, for a file that the shell reads
    Completions(packaging::CompletionsArguments),
    /// Print the manual page, or write the pages of all commands
    Man(packaging::ManArguments),
    /// Show the settings in force, or an example of all settings
    #[command(subcommand)]
    Config(config::Verb),
}

/// Parses the command line, runs the command and returns its exit code.
#[must_use]
pub fn run() -> ExitCode {
    // The files that the server creates are readable by its user only, also those that SQLite creates.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let arguments = Arguments::parse();
    // clap exits by itself: with 2 for wrong usage, with 0 for --help and --version.
    match actix_web::rt::System::new().block_on(dispatch(arguments)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("munjigi: {error}");
            error.exit_code()
        }
    }
}

async fn dispatch(arguments: Arguments) -> Result<ExitCode, CliError> {
    let path = arguments.config.as_deref();
    let load = || Config::load(path).map_err(CliError::refused);
    let default = Command::Serve(serve::Arguments::default());
    match arguments.command.unwrap_or(default) {
        Command::Serve(arguments) => serve::run(load()?, path, arguments).await,
        Command::Migrate(arguments) => migrate::run(&load()?, &arguments),
        Command::User(verb) => Box::pin(users::run(load()?, verb)).await,
        Command::Client(verb) => Box::pin(client_users::run(load()?, verb)).await,
        Command::Service(verb) => Box::pin(services::run(load()?, verb)).await,
        Command::Webhooks(verb) => Box::pin(webhooks::run(load()?, verb)).await,
        Command::Import(verb) => import::run_verb(load()?, verb).await,
        Command::Export(verb) => export::run(load()?, verb).await,
        Command::Tokens(verb) => Box::pin(tokens::run(load()?, verb)).await,
        Command::Backup(arguments) => Box::pin(backup::run(&load()?, arguments)).await,
        Command::Restore(arguments) => Box::pin(restore::run(&load()?, &arguments)).await,
        Command::Sessions(verb) => Box::pin(sessions::run(load()?, verb)).await,
        Command::Audit(verb) => audit::run(&load()?, verb).await,
        Command::Mail(verb) => mail::run(&load()?, verb).await,
        Command::Keys(verb) => keys::run(load()?, verb).await,
        Command::Check(arguments) => check::run(&load()?, &arguments),
        Command::Health => health::run(&load()?).await,
        Command::Openapi => openapi::run(&load()?),
        Command::Completions(arguments) => packaging::completions(Arguments::command(), &arguments),
        Command::Man(arguments) => packaging::man(Arguments::command(), &arguments),
        Command::Config(config::Verb::Show { json }) => config::show(&load()?, json),
        Command::Config(config::Verb::Example) => config::example(),
        Command::Config(config::Verb::FromSimplejwt) => from_simplejwt::run(),
    }
}
