//! A look at the whole record on an administrator's word: it runs beside everything else, and what came of it is kept
//! until the next one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;

use super::{
    chain::state,
    verify::{Verdict, verify},
};
use crate::{
    clock::Timestamp,
    services::{Error, Services},
};

/// What came of a look.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It goes on.
    Running,
    /// The database did not answer.
    Failed,
    /// It came to its end.
    Ended(Arc<Verdict>),
}

/// A look at the whole record that this process took.
#[derive(Clone, Debug)]
pub struct Proof {
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
pub(super) struct Proofs(Arc<Mutex<Option<Proof>>>);

impl Proofs {
    fn lock(&self) -> MutexGuard<'_, Option<Proof>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, f: impl FnOnce(&mut Proof)) {
        if let Some(proof) = self.lock().as_mut() {
            f(proof);
        }
    }
}

/// The last look that this process took, or the one that it takes.
#[must_use]
pub fn last_proof(services: &Services) -> Option<Proof> {
    services.recorder.proofs().lock().clone()
}

/// Begins a look at the whole record, unless one goes on already. The handle ends with it.
///
/// # Errors
/// The store's.
pub async fn prove(services: &Services) -> Result<Option<JoinHandle<()>>, Error> {
    let (store, recorder) = (services.store.clone(), services.recorder.clone());
    let events = state(&store, &recorder).await?.sealed;
    let proofs = recorder.proofs().clone();
    {
        let mut last = proofs.lock();
        if last
            .as_ref()
            .is_some_and(|proof| matches!(proof.outcome, Outcome::Running))
        {
            return Ok(None);
        }
        *last = Some(Proof {
            began_at: services.clock.now(),
            looked_at: 0,
            events: u64::try_from(events).unwrap_or(0),
            outcome: Outcome::Running,
        });
    }
    Ok(Some(tokio::spawn(async move {
        let verdict = verify(&store, &recorder, None, |events| {
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
