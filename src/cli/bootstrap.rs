//! Building what a command works with from the configuration: data directory, database, schema, key, services.
//!
//! Only `serve` and `migrate` create a database, with `migrated_store`. Another command that writes uses `open` or
//! `existing_store`; one that only reads uses `read_only_store` or `open_read_only`, with `existing_signing_key`.

use std::path::{Path, PathBuf};

use crate::cli::database::{
    connect, create_private_directory, database_name, no_database, open_read_only, target,
};
use crate::cli::error::CliError;
use crate::clock::Clock;
use crate::config::{Config, OtpDelivery, SmtpConfig};
use crate::delivery::Channel;
use crate::services::Services;
use crate::services::audit::log::AuditKey;
use crate::services::audit_chain::linking::link_pending;
use crate::services::audit_chain::restart::is_of_another_key;
use crate::store::engine::file_access::unwritable;
use crate::store::engine::migrations::{self, MigrationError, SchemaStatus};
use crate::store::totals::is_in_use;
use crate::store::{Db, Store, StoreSettings};
use crate::tokens::{KeyError, SigningKey};

/// Opens the database and runs the missing migrations; returns their names.
pub(super) fn migrated_store(config: &Config) -> Result<(Store, Vec<String>), CliError> {
    // One connection first: several that open a new SQLite file at the same time block each other.
    let ran = migrations::migrate(&mut connect(config, true)?).map_err(CliError::refused)?;
    let store = Store::open(&store_settings(config)).map_err(CliError::refused)?;
    Ok((store, ran))
}

/// The database for a command that writes, but creates no database and runs no migration.
///
/// Refused if there is no database yet, or if its schema is not this version's.
pub(super) fn existing_store(config: &Config) -> Result<Store, CliError> {
    check_schema(config, &mut connect(config, false)?)?;
    Store::open(&store_settings(config)).map_err(CliError::refused)
}

/// The database for a command that only reads: nothing is created, and no migration runs.
///
/// Refused if there is no database yet, or if its schema is not this version's.
pub(super) fn read_only_store(config: &Config) -> Result<Store, CliError> {
    let Some(mut connection) = open_read_only(config)? else {
        return Err(no_database(config));
    };
    check_schema(config, &mut connection)?;
    Store::open_read_only(&store_settings(config)).map_err(CliError::refused)
}

/// Checks that the schema is that of this version.
fn check_schema(config: &Config, connection: &mut Db) -> Result<(), CliError> {
    let database = database_name(config);
    match migrations::schema_status(connection).map_err(CliError::refused)? {
        SchemaStatus::UpToDate => Ok(()),
        SchemaStatus::Empty => Err(CliError::Refused(format!(
            "the database ({database}) has no tables yet: `munjigi serve` or `munjigi migrate` creates them"
        ))),
        SchemaStatus::Behind(missing) => Err(CliError::Refused(format!(
            "the schema of the database ({database}) is older than this munjigi: {missing} migrations are missing. \
             This command runs none; start the server, or run `munjigi migrate`"
        ))),
        SchemaStatus::Ahead(version) => {
            Err(CliError::refused(MigrationError::SchemaIsNewer(version)))
        }
    }
}

/// The settings of the store.
pub(super) fn store_settings(config: &Config) -> StoreSettings {
    StoreSettings {
        target: target(config),
        pool_size: config.database.pool_size,
        acquire_timeout: config.database.acquire_timeout.get(),
    }
}

/// Without a checkpoint outside the database the server works, but does not notice an old copy of the database.
pub(super) fn report_lost_checkpoint(config: &Config) {
    let directory = &config.server.data_dir;
    let created = create_private_directory(directory).err();
    let reason = created.map(|error| error.to_string());
    let reason = reason.or_else(|| unwritable(directory).map(|file| file.to_string()));
    if let Some(reason) = reason {
        tracing::warn!(
            reason,
            "no checkpoint of the audit chain is kept outside the database, so an old copy of it would not be detected: set \
             server.data_dir to a directory that can be written"
        );
    }
}

/// The signing key, and the path of its file if it was created by this call. Over a database that is in use a key is created
/// only if `new_key`.
pub(super) fn signing_key(
    config: &Config,
    new_key: bool,
) -> Result<(SigningKey, Option<PathBuf>), CliError> {
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
    if !new_key && !path.exists() {
        refuse_if_in_use(config, &path)?;
    }
    if let Some(directory) = path.parent() {
        create_private_directory(directory)?;
    }
    let (key, created) =
        SigningKey::from_file_or_new(&path, config.tokens.algorithm).map_err(CliError::refused)?;
    Ok((key, created.then_some(path)))
}

/// A new key over an existing database would end every login, and the audit log could not be verified any more.
fn refuse_if_in_use(config: &Config, key: &Path) -> Result<(), CliError> {
    let is_in_use = is_in_use(&mut connect(config, false)?).map_err(CliError::refused)?;
    if !is_in_use {
        return Ok(());
    }
    Err(CliError::Refused(format!(
        "the signing key {} is missing, but the database ({}) has accounts or audit events of an earlier key. Put \
         signing.key back from the backup. If it is lost, run `munjigi serve --new-key`: it creates a new key, and everyone \
         has to log in again",
        key.display(),
        database_name(config)
    )))
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

/// The services for a command that writes, on a database that exists. The key is created if the database is new.
pub(super) fn open(config: Config) -> Result<Box<Services>, CliError> {
    let store = existing_store(&config)?;
    let mut connection = connect(&config, false)?;
    let (key, _) = signing_key(&config, false)?;
    // An audit event written with another key would fail the verification.
    if is_of_another_key(&mut connection, &AuditKey::of(&key)).map_err(CliError::refused)? {
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
