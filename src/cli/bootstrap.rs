//! Building what a command works with from the configuration: data directory, database, schema, key, services.
//!
//! A command that writes uses `open` or `migrated_store`; one that only reads uses `read_only_store` or
//! `open_read_only`, with `existing_signing_key`.

use std::path::{Path, PathBuf};

use crate::cli::error::CliError;
use crate::clock::Clock;
use crate::config::{Config, Database, OtpDelivery, SmtpConfig};
use crate::delivery::Channel;
use crate::services::Services;
use crate::services::audit::log::AuditKey;
use crate::services::audit_chain::linking::link_pending;
use crate::services::audit_chain::restart::is_of_another_key;
use crate::store::engine::migrations::{self, MigrationError, SchemaStatus};
use crate::store::{Db, Store, StoreSettings, Target};
use crate::tokens::{KeyError, SigningKey};

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

/// A connection to the database. For SQLite, missing parent directories are created.
pub(super) fn connect(config: &Config) -> Result<Db, CliError> {
    if let Database::Sqlite(path) = config.database()
        && let Some(directory) = path.parent()
    {
        create_private_directory(directory)?;
    }
    target(config)
        .connect()
        .map_err(|error| not_reached(config, &error))
}

/// A connection that cannot write; `None` if there is no database file yet. None is created.
pub(super) fn open_read_only(config: &Config) -> Result<Option<Db>, CliError> {
    target(config)
        .open_read_only()
        .map_err(|error| not_reached(config, &error))
}

fn not_reached(config: &Config, error: &impl std::fmt::Display) -> CliError {
    // libpq adds advice on further lines; the first line is the error.
    let reason = error.to_string();
    let reason = reason.lines().next().unwrap_or_default().trim();
    // libpq's message about a URL that it cannot parse repeats parts of it, which may belong to the password.
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

/// Opens the database and runs the missing migrations; returns their names.
pub(super) fn migrated_store(config: &Config) -> Result<(Store, Vec<String>), CliError> {
    // One connection first: several that open a new SQLite file at the same time block each other.
    let ran = migrations::migrate(&mut connect(config)?).map_err(CliError::refused)?;
    let store = Store::open(&store_settings(config)).map_err(CliError::refused)?;
    Ok((store, ran))
}

/// The database for a command that only reads: nothing is created, and no migration runs.
///
/// Refused if there is no database yet, or if its schema is not this version's.
pub(super) fn read_only_store(config: &Config) -> Result<Store, CliError> {
    let database = database_name(config);
    let first_steps = "start the server once, or run `munjigi migrate`";
    let Some(mut connection) = open_read_only(config)? else {
        return Err(CliError::Refused(format!(
            "there is no database yet ({database}): {first_steps}"
        )));
    };
    match migrations::schema_status(&mut connection).map_err(CliError::refused)? {
        SchemaStatus::UpToDate => {}
        SchemaStatus::Empty => {
            return Err(CliError::Refused(format!(
                "the database ({database}) has no tables yet: {first_steps}"
            )));
        }
        SchemaStatus::Behind(missing) => {
            return Err(CliError::Refused(format!(
                "the schema of the database ({database}) is older than this munjigi: {missing} migrations are missing. \
                 This command runs none; start the server, or run `munjigi migrate`"
            )));
        }
        SchemaStatus::Ahead(version) => {
            return Err(CliError::refused(MigrationError::SchemaIsNewer(version)));
        }
    }
    Store::open_read_only(&store_settings(config)).map_err(CliError::refused)
}

/// The settings of the store.
pub(super) fn store_settings(config: &Config) -> StoreSettings {
    StoreSettings {
        target: target(config),
        pool_size: config.database.pool_size,
        acquire_timeout: config.database.acquire_timeout.get(),
    }
}

/// The signing key, and the path of its file if it was created by this call.
pub(super) fn signing_key(config: &Config) -> Result<(SigningKey, Option<PathBuf>), CliError> {
    if let Some(secret) = &config.tokens.signing_key {
        return Ok((SigningKey::from_bytes(secret.reveal().as_bytes()), None));
    }
    let path = config.signing_key_file().unwrap_or_default();
    if config.tokens.signing_key_file.is_some() {
        // A configured file is never created: after a typo the server would sign with a new key.
        let key =
            SigningKey::from_file(&path, config.tokens.algorithm).map_err(CliError::refused)?;
        return Ok((key, None));
    }
    if let Some(directory) = path.parent() {
        create_private_directory(directory)?;
    }
    let (key, created) =
        SigningKey::from_file_or_new(&path, config.tokens.algorithm).map_err(CliError::refused)?;
    Ok((key, created.then_some(path)))
}

/// The signing key; `None` if there is no key file yet. None is created.
pub(super) fn existing_signing_key(config: &Config) -> Result<Option<SigningKey>, KeyError> {
    if let Some(secret) = &config.tokens.signing_key {
        return Ok(Some(SigningKey::from_bytes(secret.reveal().as_bytes())));
    }
    let path = config.signing_key_file().unwrap_or_default();
    if !path.exists() {
        return Ok(None);
    }
    SigningKey::from_file(&path, config.tokens.algorithm).map(Some)
}

/// The signing key; refused if there is none yet.
pub(super) fn required_signing_key(config: &Config) -> Result<SigningKey, CliError> {
    let key = existing_signing_key(config).map_err(CliError::refused)?;
    key.ok_or_else(|| {
        let file = config.signing_key_file().unwrap_or_default();
        CliError::Refused(format!(
            "there is no signing key yet ({}): start the server once, or check server.data_dir",
            file.display()
        ))
    })
}

/// The services for a command that writes. Database, schema and key are created if they are missing.
pub(super) fn open(config: Config) -> Result<Box<Services>, CliError> {
    let (store, _) = migrated_store(&config)?;
    let (key, _) = signing_key(&config)?;
    // An audit event written with another key would fail the verification.
    if is_of_another_key(&mut connect(&config)?, &AuditKey::of(&key)).map_err(CliError::refused)? {
        return Err(CliError::Refused(
            "the audit log in this database was written with another signing key: use that key, or, if you changed the \
             key, start the server with the new one first"
                .into(),
        ));
    }
    start(config, store, key, Channel::Console, None).map(Box::new)
}

/// The services, with the system's clock.
pub(super) fn start(
    config: Config,
    store: Store,
    key: SigningKey,
    channel: Channel,
    mail: Option<SmtpConfig>,
) -> Result<Services, CliError> {
    let login = config.login.clone();
    Services::start(config, Clock::System, store, key, &login, channel, mail)
        .map_err(CliError::refused)
}

/// Links the audit events of a command into the audit chain. If that fails, the next command or the server links them.
pub(super) async fn link_events(services: &Services) {
    if let Err(error) = link_pending(&services.store, &services.audit_chain).await {
        tracing::warn!(%error, "audit events cannot be linked into the chain now");
    }
}

/// The mail server, if one is configured. It sends links and notices even if codes are sent another way.
pub(super) fn mail(config: &Config) -> Option<SmtpConfig> {
    let is_configured = config.smtp.host.is_some() && config.smtp.from.is_some();
    is_configured.then(|| config.mail_server())
}

/// The configured channel for one-time codes.
pub(super) fn channel(config: &Config) -> Channel {
    match config.otp.delivery {
        OtpDelivery::Console => Channel::Console,
        OtpDelivery::Smtp => Channel::Smtp(config.mail_server()),
        OtpDelivery::Webhook => Channel::Webhook(config.webhook.clone(), config.otp.phone_region),
        OtpDelivery::Off => Channel::Off,
    }
}

/// Creates a directory that only its owner may enter, unless it exists.
fn create_private_directory(directory: &Path) -> Result<(), CliError> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|error| {
        CliError::Refused(format!(
            "the data directory {} cannot be created: {error}",
            directory.display()
        ))
    })
}
