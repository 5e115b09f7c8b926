//! SQLite's reading threads, each with a read-only connection of its own.
//!
//! A read by key takes microseconds: waking a thread for it costs more than the read itself. So there are no more threads
//! than cores; under load a thread finds its next job in the queue instead of going to sleep. Lists and searches, which
//! may take long, run on a second pool of low priority.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::connection::SimpleConnection;

use crate::store::engine::connection::{Db, Target, ping};
use crate::store::error::{StoreError, StoreFailure};
use crate::worker_pool::{PoolFigures, PoolSettings, WorkError, WorkerPool};

/// The reading threads. Clones share them; they end with the last clone, and their connections are closed then.
#[derive(Clone)]
pub(crate) struct Readers(WorkerPool<Reader>);

impl Readers {
    /// Starts the threads. Each opens its connection at once or, with low priority, with its first job.
    pub(crate) fn start(target: &Target, settings: PoolSettings) -> Result<Self, StoreError> {
        let (target, opens_at_once) = (target.clone(), !settings.low_priority);
        let new_reader = move || {
            let mut reader = Reader {
                target: target.clone(),
                connection: None,
            };
            if opens_at_once {
                // If it fails, the first job tries again.
                let _ = reader.connect();
            }
            reader
        };
        WorkerPool::start(settings, new_reader)
            .map(Self)
            .map_err(StoreError::unavailable)
    }

    /// How the threads are used, for metrics.
    pub(crate) fn figures(&self) -> PoolFigures {
        self.0.figures()
    }

    /// Runs `f` on one of the connections.
    ///
    /// # Errors
    /// The closure's; [`StoreError::Overloaded`] when no thread has begun it in time.
    pub(crate) async fn run<T: Send + 'static, E: StoreFailure, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        let result = self.0.run(|reader| reader.run(f)).await;
        result.map_err(|error| match error {
            WorkError::Overloaded => StoreError::Overloaded,
            WorkError::Stopped => StoreError::unavailable("the server is stopping"),
        })?
    }
}

/// A thread's connection, opened again after it broke.
struct Reader {
    target: Target,
    connection: Option<Db>,
}

impl Reader {
    fn run<T, E, F>(&mut self, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut Db) -> Result<T, E>,
        E: StoreFailure,
    {
        let connection = self.connect()?;
        let result = catch_unwind(AssertUnwindSafe(|| f(&mut *connection)))
            .unwrap_or_else(|_| Err(StoreError::panicked().into()));
        let failed = result.as_ref().is_err_and(StoreFailure::is_failure);
        if failed && ping(connection).is_err() {
            self.connection = None;
        }
        result
    }

    fn connect(&mut self) -> Result<&mut Db, StoreError> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => {
                let mut connection = self.target.connect().map_err(StoreError::unavailable)?;
                connection
                    .batch_execute("PRAGMA query_only = ON")
                    .map_err(StoreError::unavailable)?;
                Ok(none.insert(connection))
            }
        }
    }
}
