//! [`BackupError`]: why a backup or a restore failed.

use std::{io, path::Path, path::PathBuf};

use crate::services::error::Error;
use crate::store::StoreError;

/// Why a backup or a restore failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database is not SQLite.
    #[error("only SQLite databases are backed up; back up Postgres with `pg_dump`")]
    NotSqlite,
    /// Another backup or restore of the same database is running.
    #[error("another backup or restore of this database is running")]
    Busy,
    /// The file to be written exists.
    #[error("{path} exists already, and is not replaced", path = .0.display())]
    Exists(PathBuf),
    /// A file or directory cannot be read or written.
    #[error("{path} cannot be {what}: {source}", path = path.display())]
    File {
        /// What was tried, such as `read`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The structure of the database is damaged.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The audit log does not pass its verification.
    #[error(
        "the audit log is not intact ({0} violations). `munjigi audit verify` has the details, and docs/audit-log.md what to do"
    )]
    AuditLog(u64),
    /// The text is not a recipient.
    #[error(
        "not an age recipient: give the public key that `age-keygen` prints, which begins with `age1`"
    )]
    Recipient,
    /// The file cannot be decrypted.
    #[error("{path} cannot be decrypted: {reason}", path = path.display())]
    NotDecrypted {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The file is not a complete backup.
    #[error("{path} is not a complete backup of munjigi: {reason}", path = path.display())]
    NotABackup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key of the configuration is another one than that of the backup, or has no place.
    #[error("{0}")]
    Keys(String),
    /// An error of another service.
    #[error(transparent)]
    Service(#[from] Error),
    /// An error of the store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackupError {
    /// A file that cannot be read or written.
    pub(crate) fn file(what: &'static str, path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File {
            what,
            path: path.clone(),
            source,
        }
    }

    /// A file that is not a backup.
    pub(crate) fn not_a_backup(path: &Path, reason: &(impl ToString + ?Sized)) -> Self {
        Self::NotABackup {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}
