//! One connection that can only read, for commands that must not change the database.

use std::sync::{Arc, Mutex, PoisonError};

use crate::store::engine::connection::{Db, Target};
use crate::store::error::{StoreError, StoreFailure};

/// The connection. Clones share it.
#[derive(Clone)]
pub(crate) struct ReadOnly(Arc<Mutex<Db>>);

impl ReadOnly {
    /// Opens the connection, and creates nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database does not exist or the connection cannot be opened.
    pub(crate) fn open(target: &Target) -> Result<Self, StoreError> {
        let connection = target.open_read_only().map_err(StoreError::unavailable)?;
        match connection {
            Some(connection) => Ok(Self(Arc::new(Mutex::new(connection)))),
            None => Err(StoreError::unavailable("the database does not exist")),
        }
    }

    /// The error of every write.
    pub(crate) fn error() -> StoreError {
        StoreError::Query("the database was opened for reading only".into())
    }

    /// Runs `f` on the connection, after other uses of it have ended.
    ///
    /// # Errors
    /// The closure's.
    pub(crate) async fn run<T: Send + 'static, E: StoreFailure, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        let connection = Arc::clone(&self.0);
        let job = tokio::task::spawn_blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            f(&mut connection)
        });
        job.await
            .unwrap_or_else(|_| Err(StoreError::panicked().into()))
    }
}
