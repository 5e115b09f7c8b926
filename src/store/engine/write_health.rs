//! Whether writes succeed, for readiness probes: the result of the last write, or of a probe where that is not recent.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::store::error::{StoreError, StoreFailure};

/// How long a successful write shows that writes succeed.
const SUCCESS_COUNTS_FOR: Duration = Duration::from_secs(5);
/// How long a failed write is reported without another attempt.
const FAILURE_COUNTS_FOR: Duration = Duration::from_secs(1);
/// How long a probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// The result of the last write.
#[derive(Default)]
pub(crate) struct WriteHealth {
    last: Mutex<Option<Last>>,
    /// Held during a probe, so that one runs at a time.
    probing: tokio::sync::Mutex<()>,
}

struct Last {
    at: Instant,
    /// Why it failed.
    failure: Option<String>,
}

impl WriteHealth {
    /// Records the result of a write. An error that is not the database's says nothing about later writes.
    pub(crate) fn record<T, E: StoreFailure>(&self, result: &Result<T, E>) {
        let failure = match result.as_ref().map_err(StoreFailure::store_error) {
            Ok(_) => None,
            Err(Some(StoreError::Unavailable(reason))) => Some(reason.clone()),
            Err(_) => return,
        };
        let at = Instant::now();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Last { at, failure });
    }

    /// Whether writes succeed. Runs `probe`, which writes, where no recent write shows it.
    ///
    /// # Errors
    /// That of the write or probe that failed; [`StoreError::Unavailable`] when the probe takes too long.
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
        self.record(&result);
        result
    }

    /// The result of the last write, if it is recent.
    fn recent(&self) -> Option<Result<(), StoreError>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let Last { at, failure } = last.as_ref()?;
        let (counts_for, result) = match failure {
            None => (SUCCESS_COUNTS_FOR, Ok(())),
            Some(reason) => (FAILURE_COUNTS_FOR, Err(StoreError::unavailable(reason))),
        };
        (at.elapsed() < counts_for).then_some(result)
    }
}
