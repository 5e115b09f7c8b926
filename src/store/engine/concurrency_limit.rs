//! A limit on how many callers run at the same time. A bounded number of further callers wait, for a bounded time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::error::StoreError;

/// The limit. Clones share it.
#[derive(Clone)]
pub(crate) struct ConcurrencyLimit {
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    max_waiting: usize,
    timeout: Duration,
}

impl ConcurrencyLimit {
    /// A limit of `max` callers at the same time, with `max_waiting` more that wait for up to `timeout`.
    pub(crate) fn new(max: usize, max_waiting: usize, timeout: Duration) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(max)),
            waiting: Arc::default(),
            max_waiting,
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
        // Also freed when this future is dropped.
        let _slot =
            WaitingSlot::take(&self.waiting, self.max_waiting).ok_or(StoreError::Overloaded)?;
        let permits = Arc::clone(&self.permits);
        match tokio::time::timeout(self.timeout, permits.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(StoreError::Overloaded),
        }
    }
}

/// One of the `max_waiting` waiting callers; freed when it is dropped.
struct WaitingSlot<'a>(&'a AtomicUsize);

impl<'a> WaitingSlot<'a> {
    fn take(waiting: &'a AtomicUsize, max: usize) -> Option<Self> {
        let slot = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < max).then_some(slot)
    }
}

impl Drop for WaitingSlot<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
