//! `munjigi migrate --check`: which migrations would run, and how long they would take on this data.

use std::process::ExitCode;

use serde_json::json;

use crate::cli::database::{database_name, open_read_only, target};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::config::{Config, Database};
use crate::services::backup::archive::DATABASE;
use crate::services::backup::workspace::Workspace;
use crate::store::engine::migrations::{self, MigrationError, Ran, SchemaStatus};
use crate::store::engine::snapshot;
use crate::store::{Db, Target, totals};

/// What would run.
struct Found {
    pending: Vec<String>,
    /// What was measured; `None` if it could not be.
    measured: Option<Vec<Ran>>,
    /// How many other connections prevented it.
    others: i64,
    /// The size of the database in bytes; 0 if there is none.
    size: i64,
}

pub(super) fn run(config: &Config, as_json: bool) -> Result<ExitCode, CliError> {
    let found = match open_read_only(config)? {
        Some(connection) => find(config, connection)?,
        None => Found {
            pending: names(migrations::status_without_file().map_err(CliError::refused)?),
            measured: None,
            others: 0,
            size: 0,
        },
    };
    if as_json {
        return print_json(&found);
    }
    print(config, &found)
}

fn names(states: Vec<migrations::MigrationState>) -> Vec<String> {
    let pending = states.into_iter().filter(|state| !state.applied);
    pending.map(|state| state.name).collect()
}

fn find(config: &Config, mut connection: Db) -> Result<Found, CliError> {
    let schema = migrations::schema_status(&mut connection).map_err(CliError::refused)?;
    if let SchemaStatus::Ahead(newest) = schema {
        return Err(CliError::refused(MigrationError::SchemaIsNewer(newest)));
    }
    let states = migrations::status(&mut connection).map_err(CliError::refused)?;
    let mut found = Found {
        pending: names(states),
        measured: None,
        others: migrations::other_connections(&mut connection).map_err(CliError::refused)?,
        size: totals::database_size(&mut connection).map_err(CliError::refused)?,
    };
    drop(connection);
    if !found.pending.is_empty() && found.others == 0 {
        found.measured = Some(measure(config)?);
    }
    Ok(found)
}

fn measure(config: &Config) -> Result<Vec<Ran>, CliError> {
    let mut connection = target(config).connect().map_err(CliError::refused)?;
    let Database::Sqlite(path) = config.database() else {
        return migrations::rehearse(&mut connection).map_err(CliError::refused);
    };
    let workspace = Workspace::beside(&path).map_err(CliError::refused)?;
    let copy = workspace.path().join(DATABASE);
    snapshot::copy(&mut connection, &copy).map_err(CliError::refused)?;
    drop(connection);
    let copy = Target::Sqlite {
        path: copy,
        busy_timeout: config.database.busy_timeout.get(),
    };
    let mut connection = copy.connect().map_err(CliError::refused)?;
    migrations::rehearse(&mut connection).map_err(CliError::refused)
}

fn print_json(found: &Found) -> Result<ExitCode, CliError> {
    let seconds = |name: &String| {
        let measured = found.measured.iter().flatten();
        let ran = measured.into_iter().find(|ran| ran.name == *name);
        ran.map(|ran| ran.took.as_secs_f64())
    };
    let rows: Vec<_> = found
        .pending
        .iter()
        .map(|name| json!({"name": name, "seconds": seconds(name)}))
        .collect();
    output::json(&json!({
        "migrations": rows, "measured": found.measured.is_some(), "other_connections": found.others,
        "database_bytes": found.size,
    }))
}

fn print(config: &Config, found: &Found) -> Result<ExitCode, CliError> {
    let database = database_name(config);
    if found.pending.is_empty() {
        return output::line(&format!("The schema is up to date ({database})."));
    }
    let count = found.pending.len();
    output::line(&format!(
        "{count} migrations would run ({database}, {} bytes):",
        found.size
    ))?;
    let Some(measured) = &found.measured else {
        for name in &found.pending {
            output::line(&format!("  {name}"))?;
        }
        return output::line(&not_measured(found));
    };
    for ran in measured {
        output::line(&format!(
            "  {:>9.3} s  {}",
            ran.took.as_secs_f64(),
            ran.name
        ))?;
    }
    let total: f64 = measured.iter().map(|ran| ran.took.as_secs_f64()).sum();
    output::line(&format!(
        "  {total:>9.3} s  in all; requests that write wait for that time"
    ))
}

fn not_measured(found: &Found) -> String {
    if found.others == 0 {
        return "There is no database yet: they run on an empty one.".to_owned();
    }
    format!(
        "Not measured: {} other connections use the database, and the migrations would be in their way. Run this on a copy of \
         it (pg_dump and pg_restore).",
        found.others
    )
}
