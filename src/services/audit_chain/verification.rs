//! A look at the whole record on an administrator's word: it runs beside everything else, and what came of it is kept
//! until the next one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;

use crate::{
    clock::Timestamp,
    services::{
        audit_chain::{
            chain::state,
            verify::{ChainReport, verify},
        },
        bootstrap::Services,
        error::Error,
    },
};

/// What came of a look.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It goes on.
    Running,
    /// The database did not answer.
    Failed,
    /// It came to its end.
    Ended(Arc<ChainReport>),
}

/// A look at the whole record that this process took.
#[derive(Clone, Debug)]
pub struct Verification {
    /// When it began.
    pub began_at: Timestamp,
    /// How many events it has looked at.
    pub looked_at: u64,
    /// How many there were when it began.
    pub events: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// The last one. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct LastVerification(Arc<Mutex<Option<Verification>>>);

impl LastVerification {
    fn lock(&self) -> MutexGuard<'_, Option<Verification>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, f: impl FnOnce(&mut Verification)) {
        if let Some(proof) = self.lock().as_mut() {
            f(proof);
        }
    }
}

/// The last look that this process took, or the one that it takes.
#[must_use]
pub(crate) fn last_proof(services: &Services) -> Option<Verification> {
    services.audit_log.proofs().lock().clone()
}

/// Begins a look at the whole record, unless one goes on already. The handle ends with it.
///
/// # Errors
/// The store's.
pub(crate) async fn prove(services: &Services) -> Result<Option<JoinHandle<()>>, Error> {
    let (store, audit_log) = (services.store.clone(), services.audit_log.clone());
    let events = state(&store, &audit_log).await?.sealed;
    let proofs = audit_log.proofs().clone();
    {
        let mut last = proofs.lock();
        if last
            .as_ref()
            .is_some_and(|proof| matches!(proof.outcome, Outcome::Running))
        {
            return Ok(None);
        }
        *last = Some(Verification {
            began_at: services.clock.now(),
            looked_at: 0,
            events: u64::try_from(events).unwrap_or(0),
            outcome: Outcome::Running,
        });
    }
    Ok(Some(tokio::spawn(async move {
        let verdict = verify(&store, &audit_log, None, |events| {
            proofs.change(|proof| proof.looked_at += events);
        })
        .await;
        let outcome = match verdict {
            Ok(verdict) => Outcome::Ended(Arc::new(verdict)),
            Err(error) => {
                tracing::warn!(%error, "the record could not be looked at");
                Outcome::Failed
            }
        };
        proofs.change(|proof| proof.outcome = outcome);
    })))
}
