//! Transactions: the argument of write closures, and how transactions are begun, committed and repeated.

use std::{
    num::NonZero,
    ops::{Deref, DerefMut},
    time::Duration,
};

use diesel::connection::{AnsiTransactionManager, TransactionManager};

use crate::store::engine::connection::Db;
use crate::store::error::{StoreError, StoreFailure};

/// How often a Postgres transaction is repeated after a deadlock or a serialisation failure.
const MAX_RETRIES: u32 = 5;

/// The message of a commit, or of a statement that is its own commit, whose answer was never received.
pub(crate) const IN_DOUBT: &str = "the connection broke before the database had answered";

/// A connection inside a transaction of [`Store::write`](crate::store::Store::write).
///
/// It dereferences to [`Db`], so every store function accepts it. The functions that insert revocation events require it:
/// the store has to know of them to wait for the revocation feed after the commit.
pub struct Transaction<'a> {
    pub(in crate::store) connection: &'a mut Db,
    /// Whether it has inserted a revocation event.
    pub(in crate::store) has_revocation_events: bool,
}

impl Deref for Transaction<'_> {
    type Target = Db;

    fn deref(&self) -> &Db {
        self.connection
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Db {
        self.connection
    }
}

/// Begins a transaction. On SQLite it holds the write lock from the start: a deferred one that reads before it writes
/// fails when another connection wrote in between, without waiting for the busy timeout.
pub(crate) fn begin(connection: &mut Db) -> Result<(), StoreError> {
    match connection {
        Db::Sqlite(sqlite) => {
            AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?;
        }
        Db::Postgres(postgres) => AnsiTransactionManager::begin_transaction(postgres)?,
    }
    Ok(())
}

/// Commits the transaction, or releases the innermost savepoint.
pub(crate) fn commit(connection: &mut Db) -> Result<(), StoreError> {
    Ok(<Db as TransactionManager<Db>>::commit_transaction(
        connection,
    )?)
}

/// Rolls back the transaction, or to the innermost savepoint.
pub(crate) fn roll_back(connection: &mut Db) -> Result<(), StoreError> {
    Ok(<Db as TransactionManager<Db>>::rollback_transaction(
        connection,
    )?)
}

/// How many transactions are open inside one another.
pub(crate) fn depth(connection: &mut Db) -> u32 {
    <Db as TransactionManager<Db>>::transaction_manager_status_mut(connection)
        .transaction_depth()
        .ok()
        .flatten()
        .map_or(0, NonZero::get)
}

/// Postgres: BEGIN, the closure, COMMIT; repeated after a deadlock or a serialisation failure.
pub(crate) fn in_transaction<T, E, F>(connection: &mut Db, f: &F) -> Result<T, E>
where
    F: Fn(&mut Db) -> Result<T, E>,
    E: StoreFailure,
{
    with_retries(|| {
        begin(connection)?;
        match f(connection) {
            Ok(value) => match commit(connection) {
                Ok(()) => Ok(value),
                Err(StoreError::Unavailable(_)) => Err(StoreError::unavailable(IN_DOUBT).into()),
                Err(error) => Err(error.into()),
            },
            Err(error) => {
                // When this fails the connection is broken, and the server rolls back.
                let _ = roll_back(connection);
                Err(error)
            }
        }
    })
}

/// Repeats `f` after a deadlock or a serialisation failure, in which Postgres has rolled it back.
pub(crate) fn with_retries<T, E, F>(mut f: F) -> Result<T, E>
where
    F: FnMut() -> Result<T, E>,
    E: StoreFailure,
{
    for retry in 1..=MAX_RETRIES {
        match f() {
            Err(error) if error.store_error().is_some_and(StoreError::is_retryable) => {}
            result => return result,
        }
        std::thread::sleep(Duration::from_millis(1 << retry));
    }
    f()
}
