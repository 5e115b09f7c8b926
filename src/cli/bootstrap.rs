//! Building what a command works with from the configuration: data directory, database, schema, key, services.
//!
//! Only `serve` and `migrate` create a database, with `migrated_store`. Another command that writes uses `open` or
//! `existing_store`; one that only reads uses `read_only_store` or `open_read_only`, and creates no key. The keys are in `load_keys.rs`.

use crate::cli::database::{
    connect, create_private_directory, database_name, no_database, open_read_only, target,
};
use crate::cli::error::CliError;
use crate::clock::Clock;
use crate::config::{Config, OtpDelivery, SmtpConfig};
use crate::delivery::Channel;
use crate::services::Services;
use crate::services::audit_chain::linking::link_pending;
use crate::services::bootstrap::Keys;
use crate::store::engine::file_access::unwritable;
use crate::store::engine::migrations::{self, MigrationError, SchemaStatus};
use crate::store::{Db, Store, StoreSettings};

/// Opens the database and runs the missing migrations; returns their names.
pub(super) fn migrated_store(config: &Config) -> Result<(Store, Vec<String>), CliError> {
    // One connection first: several that open a new SQLite file at the same time block each other.
    let mut first = connect(config, true)?;
    let ran = migrations::migrate(&mut first).map_err(CliError::refused)?;
    let store = Store::open_with(&store_settings(config), first).map_err(CliError::refused)?;
    Ok((store, ran))
}

/// The database for a command that writes, but creates no database and runs no migration. A server logs its audit events.
///
/// Refused if there is no database yet, or if its schema is not this version's.
pub(super) fn existing_store(config: &Config) -> Result<Store, CliError> {
    open_existing(config, connect(config, false)?)
}

/// The same for a flush: on SQLite its commits do not wait for the disk.
pub(super) fn store_for_flush(config: &Config) -> Result<Store, CliError> {
    let mut first = connect(config, false)?;
    first.defer_sync().map_err(CliError::refused)?;
    open_existing(config, first)
}

fn open_existing(config: &Config, mut first: Db) -> Result<Store, CliError> {
    check_schema(config, &mut first)?;
    let store = Store::open_with(&store_settings(config), first).map_err(CliError::refused)?;
    Ok(store.with_audit_outbox())
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

/// The services, with the system's clock.
pub(super) fn start(
    config: Config,
    store: Store,
    keys: Keys,
    channel: Channel,
    mail: Option<SmtpConfig>,
) -> Result<Services, CliError> {
    let login = config.login.clone();
    Services::start(config, Clock::System, store, keys, &login, channel, mail)
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
