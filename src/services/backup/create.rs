//! Making a backup while the database is in use: a copy of the database, its verification, and the archive.

use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use crate::clock::Timestamp;
use crate::config::{Config, Database};
use crate::domain::audit::Action;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::audit_chain::verify::verify;
use crate::services::backup::archive::{self, Contents, DATABASE};
use crate::services::backup::encryption::Encryption;
use crate::services::backup::error::BackupError;
use crate::services::backup::keys;
use crate::services::backup::workspace::Workspace;
use crate::services::bootstrap::audit_chain;
use crate::services::error::Error;
use crate::store::engine::snapshot;
use crate::store::{Store, StoreError, StoreSettings, Target};
use crate::tokens::MasterKeys;

/// What is to be made.
#[derive(Clone)]
pub struct BackupRequest {
    /// The file to be written, which must not exist.
    pub to: PathBuf,
    /// How it is encrypted.
    pub encryption: Encryption,
    /// Whether the audit log may fail its verification.
    pub accepts_damaged_audit_log: bool,
}

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// When the database was as it is in the backup.
    pub created_at: Timestamp,
    /// How many audit events were verified.
    pub events: i64,
    /// How many violations the audit log has.
    pub violations: u64,
}

/// The SQLite database of a configuration.
///
/// # Errors
/// [`BackupError::NotSqlite`].
pub fn database(config: &Config) -> Result<PathBuf, BackupError> {
    match config.database() {
        Database::Sqlite(path) => Ok(path),
        Database::Postgres(_) => Err(BackupError::NotSqlite),
    }
}

/// Makes a backup of the database, the keys and the audit checkpoint of a configuration. The copy is verified before the file
/// appears.
///
/// # Errors
/// [`BackupError`]; no file is written then.
pub async fn create(
    config: &Config,
    master_keys: &MasterKeys,
    request: BackupRequest,
    now: Timestamp,
) -> Result<Backup, BackupError> {
    let database = database(config)?;
    if request.to.exists() {
        return Err(BackupError::Exists(request.to));
    }
    // Before the copy, which then has at least these events.
    let chain = audit_chain(config, master_keys);
    let keys = keys::read(config)?;
    let workspace = Workspace::beside(&database)?;
    let copy = target(config, workspace.path().join(DATABASE));
    let settings = StoreSettings {
        target: copy.clone(),
        pool_size: 1,
        acquire_timeout: config.database.acquire_timeout.get(),
    };
    let source = target(config, database);
    blocking(move || copy_database(&source, &copy)).await??;
    let store = Store::open_read_only(&settings)?;
    let report = verify(&store, &chain, None, |_| ()).await?;
    if !report.is_intact() && !request.accepts_damaged_audit_log {
        return Err(BackupError::AuditLog(report.violation_count));
    }
    let contents = Contents {
        created_at: now,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        keys,
        checkpoint: report.checkpoint,
    };
    let (path, file) = (request.to.clone(), workspace.path().join(DATABASE));
    let write = move || archive::write(&path, &request.encryption, &contents, &file);
    Ok(Backup {
        size: blocking(write).await??,
        path: request.to,
        created_at: now,
        events: report.linked,
        violations: report.violation_count,
    })
}

/// The database in a file, with the settings of a configuration.
fn target(config: &Config, path: PathBuf) -> Target {
    Target::Sqlite {
        path,
        busy_timeout: config.database.busy_timeout.get(),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BackupError> {
    let done = spawn_blocking(work).await;
    Ok(done.map_err(|error| Error::Internal(error.to_string()))?)
}

fn copy_database(source: &Target, copy: &Target) -> Result<(), BackupError> {
    let Target::Sqlite { path, .. } = copy else {
        return Err(BackupError::NotSqlite);
    };
    let mut source = source
        .connect()
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    snapshot::copy(&mut source, path)?;
    check_structure(copy)
}

/// Checks that the structure of a database is intact.
///
/// # Errors
/// [`BackupError::Damaged`], and errors of the store.
pub fn check_structure(target: &Target) -> Result<(), BackupError> {
    let connection = target
        .open_read_only()
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let found = match connection {
        Some(mut connection) => snapshot::find_damage(&mut connection),
        None => Ok(Some("the file is missing".to_owned())),
    };
    match found {
        Ok(None) => Ok(()),
        Ok(Some(found)) => Err(BackupError::Damaged(found)),
        // What is too damaged to be checked.
        Err(error) => Err(BackupError::Damaged(error.to_string())),
    }
}

/// Records in the database that a backup of it was made: it contains the keys.
///
/// # Errors
/// Errors of the store.
pub async fn record(
    store: &Store,
    audit_context: AuditContext,
    backup: &Backup,
    encryption: &Encryption,
) -> Result<(), Error> {
    let event = Event::new(Action::BackupCreated)
        .with_detail("file", name_of(&backup.path))
        .with_detail("bytes", backup.size)
        .with_detail("encrypted", encryption.is_encrypted());
    store
        .write(move |connection| Ok::<_, Error>(audit_context.record(connection, &event)?))
        .await
}

/// The name of a file without its directory.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
