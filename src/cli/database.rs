//! The database of a command: reaching it, waiting for it at the start, and refusing one that cannot be used.

use std::path::Path;
use std::time::{Duration, Instant};

use diesel::ConnectionError;

use crate::cli::error::CliError;
use crate::config::database::with_parameters;
use crate::config::{Config, Database};
use crate::store::engine::preconditions::{
    UnusableDatabase, check_files, check_pooling, check_usable,
};
use crate::store::{Db, Target};

/// The first pause between two attempts to connect; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The database that the configuration names.
pub(super) fn target(config: &Config) -> Target {
    match config.database() {
        Database::Sqlite(path) => Target::Sqlite {
            path,
            busy_timeout: config.database.busy_timeout.get(),
        },
        Database::Postgres(url) => Target::Postgres { url },
    }
}

/// The database as it is printed, without a password.
pub(super) fn database_name(config: &Config) -> String {
    match config.database() {
        Database::Sqlite(path) => format!("SQLite, {}", path.display()),
        database @ Database::Postgres(_) => format!("Postgres, {database}"),
    }
}

/// A connection that can write, to a database that can be used. A missing SQLite file is created only if `create`.
pub(super) fn connect(config: &Config, create: bool) -> Result<Db, CliError> {
    if let Database::Sqlite(path) = config.database() {
        if !create && !path.exists() {
            return Err(no_database(config));
        }
        if let Some(directory) = path.parent() {
            create_private_directory(directory)?;
        }
    }
    let target = target(config);
    check_files(&target).map_err(|error| unusable(config, &error))?;
    let mut connection = target
        .connect()
        .map_err(|error| not_reached(config, &error))?;
    check_pooling(&target, &mut connection)
        .and_then(|()| check_usable(&mut connection))
        .map_err(|error| unusable(config, &error))?;
    Ok(connection)
}

/// A connection that cannot write; `None` if there is no database file yet. None is created.
pub(super) fn open_read_only(config: &Config) -> Result<Option<Db>, CliError> {
    let target = target(config);
    // Before the connection is set to read only: a pooler would hand this setting to others.
    if let Database::Postgres(_) = config.database() {
        let connection = target.connect();
        let mut connection = connection.map_err(|error| not_reached(config, &error))?;
        check_pooling(&target, &mut connection).map_err(|error| unusable(config, &error))?;
    }
    target
        .open_read_only()
        .map_err(|error| not_reached(config, &error))
}

/// Waits until Postgres accepts connections, for up to `database.start_timeout`. `report` is called once if it does not at
/// first.
///
/// Refused at once if waiting cannot help.
pub(super) fn wait(config: &Config, report: impl FnOnce(&str)) -> Result<(), CliError> {
    let Database::Postgres(url) = config.database() else {
        return Ok(());
    };
    let target = Target::Postgres {
        url: with_connect_timeout(url),
    };
    let (begun, timeout) = (Instant::now(), config.database.start_timeout);
    let mut pause = FIRST_PAUSE;
    let mut report = Some(report);
    while let Err(error) = target.connect() {
        let left = timeout.get().saturating_sub(begun.elapsed());
        let reason = not_reached(config, &error);
        if left.is_zero() || !is_temporary(&error) {
            return Err(reason);
        }
        if let Some(report) = report.take() {
            report(&format!("{reason}; trying again for up to {timeout}"));
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(())
}

/// The URL with a limit on the time of an attempt: a host that does not answer would take minutes.
fn with_connect_timeout(url: String) -> String {
    if url.contains("connect_timeout") {
        url
    } else {
        with_parameters(&url, "connect_timeout=5")
    }
}

/// Whether a later attempt to connect may succeed: the server is not there, or is starting or stopping.
fn is_temporary(error: &ConnectionError) -> bool {
    const MESSAGES: &[&str] = &[
        "Connection refused",
        "No such file or directory",
        "No route to host",
        "Network is unreachable",
        "Host is unreachable",
        "Connection timed out",
        "timeout expired",
        "Connection reset",
        "server closed the connection",
        // A name that does not exist may be that of a service that was not started yet.
        "could not translate host name",
        "too many clients already",
        "remaining connection slots",
        // SQLSTATE 57P03 in the languages of the server; libpq does not pass on the code.
        "the database system is",
        "데이터베이스 시스템",
        "データベースシステム",
    ];
    let text = error.to_string();
    MESSAGES.iter().any(|part| text.contains(part))
}

/// There is no database, and this command creates none.
pub(super) fn no_database(config: &Config) -> CliError {
    CliError::Refused(format!(
        "there is no database yet ({}): `munjigi serve` or `munjigi migrate` creates it. If there should be one, run the \
         command in the server's working directory and with its configuration",
        database_name(config)
    ))
}

fn unusable(config: &Config, error: &UnusableDatabase) -> CliError {
    let (database, reason) = (database_name(config), error.to_string());
    // Postgres adds advice on further lines.
    let reason = reason.lines().next().unwrap_or_default();
    CliError::Refused(format!(
        "the database ({database}) cannot be used: {reason}"
    ))
}

fn not_reached(config: &Config, error: &impl std::fmt::Display) -> CliError {
    // libpq adds advice on further lines; the first line is the error.
    let reason = error.to_string();
    let reason = reason.lines().next().unwrap_or_default().trim();
    // libpq's message about a URL that it cannot parse repeats parts of it.
    let unparsable = [
        "for connection option",
        "URI",
        "percent-encoded",
        "integer value",
    ];
    let reason = if unparsable.iter().any(|part| reason.contains(part)) {
        "its URL cannot be parsed; percent-encode the special characters of user name and password"
    } else {
        reason
    };
    let needs_tls = ["SSL support is not compiled in", "no encryption"];
    let advice = if needs_tls.iter().any(|part| reason.contains(part)) {
        ". For TLS to Postgres build munjigi with `--features postgres-tls`, and set `sslmode=verify-full`"
    } else {
        ""
    };
    let database = database_name(config);
    CliError::Refused(format!(
        "the database ({database}) cannot be reached: {reason}{advice}"
    ))
}

/// Creates a directory that only its owner may enter, unless it exists.
pub(super) fn create_private_directory(directory: &Path) -> Result<(), CliError> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|error| {
        CliError::Refused(format!(
            "the data directory {} cannot be created: {error}",
            directory.display()
        ))
    })
}
