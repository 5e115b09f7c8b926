//! What can go wrong between the house and its database, in four words. Never swallowed: a database that is down is not
//! a wrong password.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another row holds this value already; the column is `table.column`'s latter half.
    #[error("another row has this {column} already")]
    Conflict {
        /// The name of the unique column.
        column: String,
    },
    /// More work waits for the database than may wait; trying again shortly is right.
    #[error("too much work waits for the database")]
    Overloaded,
    /// The database cannot be reached, or cannot do its work now (down, locked, disk full).
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The database refused the statement: a fault of this program.
    #[error("the database refused a statement: {0}")]
    Query(String),
}

impl StoreError {
    /// Whether the same transaction may well succeed when it is run again (Postgres: serialisation failure, deadlock).
    pub(super) fn is_retryable(&self) -> bool {
        matches!(self, Self::Query(message) if message.contains("deadlock detected") || message.contains("could not serialize access"))
    }
}

/// An error of a closure that ran in the store: it can be made of a store error, and shows it again.
pub trait StoreFailure: From<StoreError> {
    /// The store error inside, if that is what it is.
    fn store_error(&self) -> Option<&StoreError>;
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
                // A standby that has not taken over yet.
                | DatabaseErrorKind::ReadOnlyTransaction,
                _,
            )
            | DieselError::BrokenTransactionManager => Self::Unavailable(error.to_string()),
            DieselError::DatabaseError(DatabaseErrorKind::Unknown, info)
                if is_illness(info.message()) =>
            {
                Self::Unavailable(info.message().trim().to_owned())
            }
            _ => Self::Query(error.to_string()),
        }
    }
}

/// Messages by which a database says that it is ill rather than misused. Neither gives a kind of its own for them.
fn is_illness(message: &str) -> bool {
    const SIGNS: &[&str] = &[
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
    SIGNS.iter().any(|sign| message.contains(sign))
}

/// The column whose unique index refused a row. Postgres names the constraint (`users_email_normalized_key`), SQLite
/// only says `UNIQUE constraint failed: users.email_normalized`.
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
