//! A gate that so many pass at the same time, and before which a bounded crowd waits for a bounded time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::error::StoreError;

/// The gate. Clones share it.
#[derive(Clone)]
pub(crate) struct ConcurrencyLimit {
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    most_waiting: usize,
    timeout: Duration,
}

impl ConcurrencyLimit {
    /// A gate for `most` at the same time.
    pub(crate) fn new(most: usize, most_waiting: usize, timeout: Duration) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(most)),
            waiting: Arc::default(),
            most_waiting,
            timeout,
        }
    }

    /// The right to be inside, until it is dropped. [`StoreError::Overloaded`] when the crowd is full, or it takes too long.
    pub(crate) async fn enter(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        // Whoever goes away while he waits leaves the crowd too.
        let _place =
            WaitingSlot::take(&self.waiting, self.most_waiting).ok_or(StoreError::Overloaded)?;
        let permits = Arc::clone(&self.permits);
        match tokio::time::timeout(self.timeout, permits.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(StoreError::Overloaded),
        }
    }
}

/// A place among those who wait, given back when it is dropped.
struct WaitingSlot<'a>(&'a AtomicUsize);

impl<'a> WaitingSlot<'a> {
    fn take(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for WaitingSlot<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
