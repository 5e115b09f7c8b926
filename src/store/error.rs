//! The errors of the store. They are never swallowed: a database that is down must not look like a wrong password.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

/// A failure of the store.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another row has the same value in a unique column.
    #[error("another row has the same {column}")]
    Conflict {
        /// The column, without its table.
        column: String,
    },
    /// Too many requests wait for a connection, or none was free in time. The caller may retry shortly.
    #[error("too many requests wait for the database")]
    Overloaded,
    /// The database cannot be reached or cannot work now (down, locked, disk full).
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The database rejected the statement: a bug of this program.
    #[error("the database rejected a statement: {0}")]
    Query(String),
}

impl StoreError {
    /// The database cannot be reached, for this reason.
    pub(super) fn unavailable(reason: impl std::fmt::Display) -> Self {
        Self::Unavailable(reason.to_string())
    }

    /// The closure of a caller panicked.
    pub(super) fn panicked() -> Self {
        Self::Query("a database job panicked".into())
    }

    /// Whether the same transaction may succeed when it is repeated (Postgres: serialisation failure, deadlock).
    pub(super) fn is_retryable(&self) -> bool {
        matches!(self, Self::Query(message) if message.contains("deadlock detected") || message.contains("could not serialize access"))
    }
}

/// An error type that the closures passed to the store may return: it converts from a store error, and gives it back.
pub trait StoreFailure: From<StoreError> + Send + 'static {
    /// The store error that it was converted from.
    fn store_error(&self) -> Option<&StoreError>;

    /// Whether a statement failed in a way that may have broken the transaction or the connection: any store error but
    /// a conflict.
    fn is_failure(&self) -> bool {
        !matches!(self.store_error(), None | Some(StoreError::Conflict { .. }))
    }
}

impl StoreFailure for StoreError {
    fn store_error(&self) -> Option<&StoreError> {
        Some(self)
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                Self::Conflict {
                    column: conflicting_column(info.as_ref()),
                }
            }
            DieselError::DatabaseError(
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                // A standby that has not been promoted yet.
                | DatabaseErrorKind::ReadOnlyTransaction,
                _,
            )
            | DieselError::BrokenTransactionManager => Self::Unavailable(error.to_string()),
            DieselError::DatabaseError(DatabaseErrorKind::Unknown, info)
                if is_outage(info.message()) =>
            {
                Self::Unavailable(info.message().trim().to_owned())
            }
            _ => Self::Query(error.to_string()),
        }
    }
}

/// Whether a message means that the database cannot work, not that the statement is wrong. diesel has no error kind for
/// these.
fn is_outage(message: &str) -> bool {
    const MESSAGES: &[&str] = &[
        // SQLite
        "database is locked",
        "database table is locked",
        "database or disk is full",
        "disk I/O error",
        "unable to open database file",
        "attempt to write a readonly database",
        "no transaction is active",
        "no such savepoint",
        "out of memory",
        // Postgres
        "server closed the connection",
        "terminating connection",
        "no connection to the server",
        "connection to server",
        "the database system is",
        "could not receive data from server",
        "SSL connection has been closed",
        "SSL SYSCALL error",
        "No space left on device",
        "too many clients",
        "remaining connection slots",
        "cannot execute",
        "canceling statement",
    ];
    MESSAGES.iter().any(|part| message.contains(part))
}

/// The column whose unique index rejected a row. Postgres names the constraint (`users_email_normalized_key`), SQLite's
/// message is `UNIQUE constraint failed: users.email_normalized`.
fn conflicting_column(info: &(dyn DatabaseErrorInformation + Send + Sync)) -> String {
    if let (Some(table), Some(constraint)) = (info.table_name(), info.constraint_name()) {
        let column = constraint.strip_prefix(table).unwrap_or(constraint);
        let column = column.strip_suffix("_key").unwrap_or(column);
        return column.trim_start_matches('_').to_owned();
    }
    info.message()
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}
