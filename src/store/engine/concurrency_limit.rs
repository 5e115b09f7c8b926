//! A limit on how many callers run at the same time. A bounded number of further callers wait, for a bounded time.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::error::StoreError;

/// The limit. Clones share it.
#[derive(Clone)]
pub(crate) struct ConcurrencyLimit {
    permits: Arc<Semaphore>,
    /// One permit for each caller that may wait.
    waiting: Arc<Semaphore>,
    timeout: Duration,
}

impl ConcurrencyLimit {
    /// A limit of `max` callers at the same time, with `max_waiting` more that wait for up to `timeout`.
    pub(crate) fn new(max: usize, max_waiting: usize, timeout: Duration) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(max)),
            waiting: Arc::new(Semaphore::new(max_waiting)),
            timeout,
        }
    }

    /// Waits for a permit, which is returned when it is dropped.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] at once when too many wait, or after the timeout.
    pub(crate) async fn acquire(&self) -> Result<OwnedSemaphorePermit, StoreError> {
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
}
