//! Work on a connection without the types of its result.
//!
//! Hundreds of closures are passed to the store. If each engine were compiled for each of them, a closure would be in the
//! program about ten times: for each engine, and again for each repetition of it. So a closure is boxed, and keeps its result
//! where its caller finds it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::store::engine::connection::Db;
use crate::store::engine::transaction::Transaction;
use crate::store::error::{StoreError, StoreFailure};

/// Work on a connection.
pub(crate) type Work = Box<dyn Fn(&mut Db) -> Result<(), Failure> + Send>;
/// Work in a transaction.
pub(crate) type TransactionWork = Box<dyn Fn(&mut Transaction<'_>) -> Result<(), Failure> + Send>;

/// Why work has no result.
pub(crate) struct Failure {
    /// `None` for an error that does not come from the store.
    store_error: Option<StoreError>,
    /// Whether it is the error of the closure, which is kept.
    is_kept: bool,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self {
            store_error: Some(error),
            is_kept: false,
        }
    }
}

impl StoreFailure for Failure {
    fn store_error(&self) -> Option<&StoreError> {
        self.store_error.as_ref()
    }
}

/// What the last run of a closure returned. Clones share it.
pub(crate) struct Kept<T, E>(Arc<Mutex<Option<Result<T, E>>>>);

impl<T, E> Clone for Kept<T, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + 'static, E: StoreFailure> Kept<T, E> {
    /// The closure as work, and its result.
    pub(crate) fn of<F>(f: F) -> (Work, Self)
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
    {
        let kept = Self(Arc::default());
        let place = kept.clone();
        (Box::new(move |connection| place.put(f(connection))), kept)
    }

    /// The same for a transaction.
    pub(crate) fn of_transaction<F>(f: F) -> (TransactionWork, Self)
    where
        F: Fn(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let kept = Self(Arc::default());
        let place = kept.clone();
        (Box::new(move |transaction| place.put(f(transaction))), kept)
    }

    /// Keeps a result, and returns what the engine has to know of it.
    fn put(&self, result: Result<T, E>) -> Result<(), Failure> {
        let ended = match &result {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure {
                store_error: error.store_error().cloned(),
                is_kept: true,
            }),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        ended
    }

    /// The result, after the engine has returned `ended`.
    ///
    /// # Errors
    /// The closure's, or that of the engine.
    pub(crate) fn take(self, ended: Result<(), Failure>) -> Result<T, E> {
        if let Err(Failure {
            store_error: Some(error),
            is_kept: false,
        }) = ended
        {
            return Err(error.into());
        }
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept.unwrap_or_else(|| Err(StoreError::panicked().into()))
    }
}
