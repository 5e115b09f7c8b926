//! The pool's connections: taken out when they can be relied on, tried again when one died, and transactions on them.

use std::time::Duration;

use diesel::{
    connection::TransactionManager,
    r2d2::{Pool, PooledConnection},
};

use crate::store::{
    engine::{
        connection::{Db, Manager, Pooled},
        writer,
    },
    error::{StoreError, StoreFailure},
};

/// How often a Postgres transaction is run again after a deadlock or a serialisation failure.
const MAX_RETRIES: u32 = 5;

/// The pool and the one who knows how its connections fare.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(crate) pool: Pool<Manager>,
    pub(crate) manager: Manager,
}

impl Connections {
    /// A connection that can be relied on; dead ones that are met on the way are dropped.
    fn get(&self) -> Result<PooledConnection<Manager>, StoreError> {
        for _ in 0..=self.pool.max_size() {
            let mut pooled = self
                .pool
                .get()
                .map_err(|error| StoreError::Unavailable(error.to_string()))?;
            if self.manager.is_sound(&mut pooled) {
                return Ok(pooled);
            }
        }
        Err(StoreError::Unavailable("no connection answers".into()))
    }

    /// Runs `f` on a connection, and once more on another when the first died under it.
    ///
    /// A connection dies while it lies in the pool (the server was restarted). What failed for that reason before its
    /// commit has left nothing behind; what failed in its commit is in doubt and is not run again.
    pub(crate) fn run<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E>,
        E: StoreFailure,
    {
        let mut pooled = self.get()?;
        let result = f(&mut pooled.connection);
        if !self.died(&result, &mut pooled) {
            return result;
        }
        drop(pooled);
        let error = result.as_ref().err().and_then(StoreFailure::store_error);
        if matches!(error, Some(StoreError::Unavailable(message)) if message == IN_DOUBT) {
            return result;
        }
        let mut pooled = self.get()?;
        let result = f(&mut pooled.connection);
        self.died(&result, &mut pooled);
        result
    }

    /// Runs `f`, a single statement that is its own commit, once.
    pub(crate) fn run_once<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut Db) -> Result<T, E>,
        E: StoreFailure,
    {
        let mut pooled = self.get()?;
        let result = f(&mut pooled.connection);
        if self.died(&result, &mut pooled) {
            return Err(StoreError::Unavailable(IN_DOUBT.into()).into());
        }
        result
    }

    /// Whether a result is a failure that the connection did not survive.
    fn died<T, E: StoreFailure>(&self, result: &Result<T, E>, pooled: &mut Pooled) -> bool {
        let error = result.as_ref().err().and_then(StoreFailure::store_error);
        !matches!(error, None | Some(StoreError::Conflict { .. })) && !self.manager.examine(pooled)
    }
}

/// The message of a commit, or of a statement that is its own commit, whose answer never came.
const IN_DOUBT: &str = "the connection broke before the database had answered";

/// Postgres: a statement that is its own commit; again after a deadlock, in which Postgres has taken it back.
pub(crate) fn undone_again<T, E, F>(connection: &mut Db, f: &F) -> Result<T, E>
where
    F: Fn(&mut Db) -> Result<T, E>,
    E: StoreFailure,
{
    for retries in 1..=MAX_RETRIES {
        match f(connection) {
            Err(error) if error.store_error().is_some_and(StoreError::is_retryable) => {}
            result => return result,
        }
        std::thread::sleep(Duration::from_millis(1 << retries));
    }
    f(connection)
}

/// Postgres: BEGIN, the closure, COMMIT; again after a deadlock or a serialisation failure.
pub(crate) fn in_transaction<T, E, F>(connection: &mut Db, f: &F) -> Result<T, E>
where
    F: Fn(&mut Db) -> Result<T, E>,
    E: StoreFailure,
{
    let mut retries = 0;
    loop {
        writer::begin(connection)?;
        let error = match f(connection) {
            Ok(value) => match <Db as TransactionManager<Db>>::commit_transaction(connection) {
                Ok(()) => return Ok(value),
                Err(error) => match StoreError::from(error) {
                    StoreError::Unavailable(_) => StoreError::Unavailable(IN_DOUBT.into()).into(),
                    error => E::from(error),
                },
            },
            Err(error) => {
                let _ = <Db as TransactionManager<Db>>::rollback_transaction(connection);
                error
            }
        };
        let again =
            retries < MAX_RETRIES && error.store_error().is_some_and(StoreError::is_retryable);
        if !again {
            return Err(error);
        }
        retries += 1;
        std::thread::sleep(Duration::from_millis(1 << retries));
    }
}
