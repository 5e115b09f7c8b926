//! `munjigi migrate`: the schema, on demand. The server does the same at its start.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::{
    cli::{CliError, bootstrap, output},
    config::Config,
    store::engine::migrations,
};

#[derive(Args)]
pub(super) struct Arguments {
    /// Only show which migrations the database has
    #[arg(long)]
    status: bool,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode, CliError> {
    let mut connection = bootstrap::connect(config)?;
    if arguments.status {
        let states = migrations::status(&mut connection).map_err(CliError::refused)?;
        if arguments.json {
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
        return Ok(ExitCode::SUCCESS);
    }
    let ran = migrations::migrate(&mut connection).map_err(CliError::refused)?;
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
