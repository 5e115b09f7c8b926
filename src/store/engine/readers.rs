//! SQLite's reading threads, each with a read-only connection of its own.
//!
//! A read by key takes microseconds: waking a thread for it costs more than the read itself. So there are no more threads
//! than cores; under load a thread finds its next job in the queue instead of going to sleep. Lists and searches, which
//! may take long, run on a second pool of low priority.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use diesel::connection::SimpleConnection;

use crate::store::engine::connection::{Db, Target, ping};
use crate::store::error::{StoreError, StoreFailure};
use crate::worker_pool::{PoolSettings, WorkError, WorkerPool, cores};

/// The reading threads. Clones share them; they end with the last clone, and their connections are closed then.
#[derive(Clone)]
pub(crate) struct Readers(WorkerPool<Reader>);

impl Readers {
    /// Starts threads for reads by key, at most `max_threads`. Each opens its connection with its first job.
    pub(crate) fn start(
        target: &Target,
        max_threads: u32,
        max_waiting: usize,
        timeout: Duration,
    ) -> Result<Self, StoreError> {
        Self::with_settings(
            target,
            PoolSettings {
                name: "store-reader",
                threads: threads(max_threads),
                max_waiting,
                timeout,
                low_priority: false,
            },
        )
    }

    /// Starts threads of low priority for lists and searches.
    pub(crate) fn start_for_lists(
        target: &Target,
        max_threads: u32,
        max_waiting: usize,
        timeout: Duration,
    ) -> Result<Self, StoreError> {
        Self::with_settings(
            target,
            PoolSettings {
                name: "store-lists",
                threads: threads(max_threads),
                max_waiting,
                timeout,
                low_priority: true,
            },
        )
    }

    fn with_settings(target: &Target, settings: PoolSettings) -> Result<Self, StoreError> {
        let target = target.clone();
        let new_reader = move || Reader {
            target: target.clone(),
            connection: None,
        };
        WorkerPool::start(settings, new_reader)
            .map(Self)
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// Runs `f` on one of the connections.
    ///
    /// # Errors
    /// The closure's; [`StoreError::Overloaded`] when no thread has begun it in time.
    pub(crate) async fn run<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        let result = self.0.run(|reader| reader.run(f)).await;
        result.unwrap_or_else(|error| {
            Err(match error {
                WorkError::Overloaded => StoreError::Overloaded,
                WorkError::Stopped => StoreError::Unavailable("the server is stopping".into()),
            }
            .into())
        })
    }
}

fn threads(max: u32) -> usize {
    cores().max(2).min(usize::try_from(max).unwrap_or(2))
}

/// A thread's connection, opened when it is first needed and again after it broke.
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
            .unwrap_or_else(|_| Err(StoreError::Query("a database job panicked".into()).into()));
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
                let unavailable =
                    |error: &dyn std::fmt::Display| StoreError::Unavailable(error.to_string());
                let mut connection = self.target.connect().map_err(|e| unavailable(&e))?;
                connection
                    .batch_execute("PRAGMA query_only = ON")
                    .map_err(|e| unavailable(&e))?;
                Ok(none.insert(connection))
            }
        }
    }
}
