//! `munjigi migrate`: runs the missing migrations, as the server does at its start, and creates missing search indexes.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::cli::database::{connect, database_name, open_read_only, wait};
use crate::cli::error::CliError;
use crate::cli::{migrate_check, output};
use crate::config::Config;
use crate::store::engine::{migrations, search_indexes};

#[derive(Args)]
pub(super) struct Arguments {
    /// Only list the migrations, `[x]` for those that the database has; nothing is created or changed
    ///
    /// Exit code 0 even if migrations are missing or there is no database yet.
    #[arg(long)]
    status: bool,
    /// Say which migrations would run and how long they would take on this data; the database is not changed
    ///
    /// SQLite: they run on a copy beside the database, which is deleted. Postgres: they run in a transaction that is rolled back,
    /// but only if nobody else is connected, because they would be in the way; restore a copy of the database for it.
    #[arg(long, conflicts_with = "status")]
    check: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode, CliError> {
    if arguments.status {
        return status(config, arguments.json);
    }
    if arguments.check {
        return migrate_check::run(config, arguments.json);
    }
    wait(config, |message| eprintln!("munjigi: {message}"))?;
    let mut connection = connect(config, true)?;
    let ran = migrations::migrate(&mut connection).map_err(CliError::refused)?;
    search_indexes::create_missing(&mut connection).map_err(CliError::refused)?;
    if arguments.json {
        return output::json(&json!({"migrations": ran}));
    }
    if ran.is_empty() {
        output::line("The schema is up to date.")?;
    }
    for name in ran {
        output::line(&format!("ran {name}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn status(config: &Config, json: bool) -> Result<ExitCode, CliError> {
    let connection = open_read_only(config)?;
    if connection.is_none() && !json {
        let database = database_name(config);
        output::line(&format!("There is no database yet ({database})."))?;
    }
    let states = match connection {
        Some(mut connection) => migrations::status(&mut connection),
        None => migrations::status_without_file(),
    };
    let states = states.map_err(CliError::refused)?;
    if json {
        let states: Vec<_> = states
            .iter()
            .map(|state| json!({"name": state.name, "applied": state.applied}))
            .collect();
        return output::json(&states);
    }
    for state in states {
        let mark = if state.applied { "x" } else { " " };
        output::line(&format!("[{mark}] {}", state.name))?;
    }
    Ok(ExitCode::SUCCESS)
}
