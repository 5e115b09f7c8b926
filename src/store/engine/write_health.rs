//! Whether writes succeed, for readiness probes. After a failed write only a probe shows that they succeed again: other writes
//! may be smaller, or to another table.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::store::error::{StoreError, StoreFailure};

/// How long a successful write shows that writes succeed.
const SUCCESS_COUNTS_FOR: Duration = Duration::from_secs(5);
/// How long the failure of a probe is reported without another probe.
const FAILURE_COUNTS_FOR: Duration = Duration::from_secs(1);
/// How long a probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// What is known of the last writes.
#[derive(Default)]
pub(crate) struct WriteHealth {
    known: Mutex<Known>,
    /// Held during a probe, so that one runs at a time.
    probing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
enum Known {
    /// There was no write yet.
    #[default]
    Nothing,
    /// The last write succeeded, at this time.
    Succeeded(Instant),
    /// A write failed, and no probe has run since.
    Failed,
    /// The last probe failed, at this time and for this reason.
    ProbeFailed(Instant, String),
}

impl WriteHealth {
    /// Records the result of a write. An error that is not the database's says nothing about later writes.
    pub(crate) fn record<T, E: StoreFailure>(&self, result: &Result<T, E>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match (result.as_ref().map_err(StoreFailure::store_error), &*known) {
            (Ok(_), Known::Nothing | Known::Succeeded(_)) => {
                *known = Known::Succeeded(Instant::now());
            }
            (Err(Some(StoreError::Unavailable(_))), Known::Nothing | Known::Succeeded(_)) => {
                *known = Known::Failed;
            }
            _ => {}
        }
    }

    /// Whether writes succeed. Runs `probe`, which writes, where no recent write shows it.
    ///
    /// # Errors
    /// That of the probe; [`StoreError::Unavailable`] when it takes too long.
    pub(crate) async fn check(
        &self,
        probe: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        let _probing = self.probing.lock().await;
        if let Some(recent) = self.recent() {
            return recent;
        }
        let result = tokio::time::timeout(PROBE_TIMEOUT, probe)
            .await
            .unwrap_or_else(|_| Err(StoreError::unavailable("a write takes too long")));
        let now = Instant::now();
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = match &result {
            Ok(()) => Known::Succeeded(now),
            Err(StoreError::Unavailable(reason)) => Known::ProbeFailed(now, reason.clone()),
            Err(_) => Known::Failed,
        };
        result
    }

    /// The result that a recent write or probe gives.
    fn recent(&self) -> Option<Result<(), StoreError>> {
        match &*self.known.lock().unwrap_or_else(PoisonError::into_inner) {
            Known::Succeeded(at) => (at.elapsed() < SUCCESS_COUNTS_FOR).then_some(Ok(())),
            Known::ProbeFailed(at, reason) => {
                (at.elapsed() < FAILURE_COUNTS_FOR).then(|| Err(StoreError::unavailable(reason)))
            }
            Known::Nothing | Known::Failed => None,
        }
    }
}
