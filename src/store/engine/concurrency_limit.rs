//! A limit on how many callers run at the same time. A bounded number of further callers wait, for a bounded time.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::error::StoreError;
use crate::worker_pool::{PoolFigures, PoolUse};

/// The limit. Clones share it.
#[derive(Clone)]
pub(crate) struct ConcurrencyLimit {
    permits: Arc<Semaphore>,
    /// One permit for each caller that may wait.
    waiting: Arc<Semaphore>,
    max: usize,
    max_waiting: usize,
    timeout: Duration,
    pool_use: Arc<PoolUse>,
}

/// The permission to run, until it is dropped.
pub(crate) struct Permit {
    _held: OwnedSemaphorePermit,
    begun: Instant,
    pool_use: Arc<PoolUse>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pool_use.used(self.begun.elapsed());
    }
}

impl ConcurrencyLimit {
    /// A limit of `max` callers at the same time, with `max_waiting` more that wait for up to `timeout`.
    pub(crate) fn new(max: usize, max_waiting: usize, timeout: Duration) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(max)),
            waiting: Arc::new(Semaphore::new(max_waiting)),
            max,
            max_waiting,
            timeout,
            pool_use: Arc::default(),
        }
    }

    /// Waits for a permit, which is returned when it is dropped.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] at once when too many wait, or after the timeout.
    pub(crate) async fn acquire(&self) -> Result<Permit, StoreError> {
        let asked = Instant::now();
        let permit = self.wait().await.inspect_err(|_| self.pool_use.reject())?;
        let begun = Instant::now();
        self.pool_use.waited(begun.duration_since(asked));
        Ok(Permit {
            _held: permit,
            begun,
            pool_use: Arc::clone(&self.pool_use),
        })
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let _waiting = self
            .waiting
            .try_acquire()
            .map_err(|_| StoreError::Overloaded)?;
        let permits = Arc::clone(&self.permits);
        match tokio::time::timeout(self.timeout, permits.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(StoreError::Overloaded),
        }
    }

    /// How the limit is used, for metrics.
    pub(crate) fn figures(&self) -> PoolFigures {
        let taken =
            |semaphore: &Semaphore, of: usize| of.saturating_sub(semaphore.available_permits());
        let in_use = taken(&self.permits, self.max);
        let waiting = taken(&self.waiting, self.max_waiting);
        self.pool_use.figures(self.max, in_use, waiting)
    }
}
