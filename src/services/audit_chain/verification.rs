//! Verification in the background, at the request of an administrator or auditor. Its result is kept until the next one.

use std::sync::{Arc, Mutex};

use tokio::task::JoinHandle;

use crate::clock::Timestamp;
use crate::services::audit_chain::chain::AuditChain;
use crate::services::audit_chain::report::ChainReport;
use crate::services::audit_chain::state::state;
use crate::services::audit_chain::verify::verify;
use crate::services::error::Error;
use crate::services::mutex::lock;
use crate::store::Store;

/// The state of a verification.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is running.
    Running,
    /// The database was unavailable.
    Failed,
    /// It has finished, with this result.
    Finished(Arc<ChainReport>),
}

/// A verification by this process.
#[derive(Clone, Debug)]
pub struct Verification {
    /// When it started.
    pub started_at: Timestamp,
    /// How many events were verified so far.
    pub verified: u64,
    /// How many linked events there were when it started.
    pub events: u64,
    /// Its state.
    pub outcome: Outcome,
}

/// The last verification by this process. Clones share it.
#[derive(Clone, Default)]
pub struct LastVerification(Arc<Mutex<Option<Verification>>>);

impl LastVerification {
    /// The last verification, or the one that is running.
    #[must_use]
    pub fn get(&self) -> Option<Verification> {
        lock(&self.0).clone()
    }

    /// Starts a verification, unless one is running. The handle resolves when it has ended.
    ///
    /// # Errors
    /// Errors of the store.
    pub(crate) async fn start(
        &self,
        store: &Store,
        chain: &AuditChain,
        now: Timestamp,
    ) -> Result<Option<JoinHandle<()>>, Error> {
        let (last, store, chain) = (self.clone(), store.clone(), chain.clone());
        let events = state(&store, &chain).await?.linked;
        if !last.begin(now, u64::try_from(events).unwrap_or(0)) {
            return Ok(None);
        }
        Ok(Some(tokio::spawn(async move {
            let report = verify(&store, &chain, None, |events| {
                last.update(|verification| verification.verified += events);
            })
            .await;
            let outcome = match report {
                Ok(report) => Outcome::Finished(Arc::new(report)),
                Err(error) => {
                    tracing::warn!(%error, "the audit chain could not be verified");
                    Outcome::Failed
                }
            };
            last.update(|verification| verification.outcome = outcome);
        })))
    }

    /// Whether this call began a verification, because none is running.
    fn begin(&self, now: Timestamp, events: u64) -> bool {
        let mut last = lock(&self.0);
        let running = |last: &Verification| matches!(last.outcome, Outcome::Running);
        if last.as_ref().is_some_and(running) {
            return false;
        }
        *last = Some(Verification {
            started_at: now,
            verified: 0,
            events,
            outcome: Outcome::Running,
        });
        true
    }

    fn update(&self, f: impl FnOnce(&mut Verification)) {
        if let Some(verification) = lock(&self.0).as_mut() {
            f(verification);
        }
    }
}
