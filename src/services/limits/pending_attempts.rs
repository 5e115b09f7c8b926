//! Tries that are being judged in this process, so that an honest one waits for the verdict of those before it instead of
//! being turned away because they might all be wrong.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// How long somebody waits before another look where nothing tells when it is worth it.
const PAUSE: Duration = Duration::from_millis(50);
/// How many tries may wait at the same time; one more is turned away at once.
const MAX_WAITING: usize = 1_024;

/// Buckets are put into so many groups where it need not be known exactly which of them had a try.
const GROUPS: usize = 32;

fn group(name: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    usize::try_from(hasher.finish() % GROUPS as u64).unwrap_or(0)
}

/// Which buckets have tries that are being judged.
#[derive(Clone, Default)]
pub(super) struct PendingAttempts(Arc<Inner>);

#[derive(Default)]
struct Inner {
    tries: Mutex<Tries>,
    waiting: AtomicUsize,
}

#[derive(Default)]
struct Tries {
    judged: HashMap<String, Judged>,
    /// How many tries there ever were, of each group of buckets.
    entered: [u64; GROUPS],
}

/// The tries of one bucket.
struct Judged {
    count: usize,
    /// Whoever waits sees it change when a try was given back, and go when the last one has its verdict.
    freed: watch::Sender<()>,
}

impl PendingAttempts {
    fn tries(&self) -> MutexGuard<'_, Tries> {
        self.0.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a try.
    pub(super) fn enter(&self, names: &[String]) -> Entry {
        let mut tries = self.tries();
        for name in names {
            tries.entered[group(name)] += 1;
            let of_bucket = tries.judged.entry(name.clone()).or_insert_with(|| Judged {
                count: 0,
                freed: watch::Sender::new(()),
            });
            of_bucket.count += 1;
        }
        Entry {
            gate: self.clone(),
            names: names.to_vec(),
        }
    }

    /// What is being judged of these buckets at this moment. Look before the database is asked, or a verdict that falls in
    /// between is missed.
    pub(super) fn watch(&self, names: &[String]) -> Watch {
        let tries = self.tries();
        let of = |name: &String| Some((name.clone(), tries.judged.get(name)?.freed.subscribe()));
        Watch {
            gate: self.clone(),
            verdicts: names.iter().filter_map(of).collect(),
            entered: tries.entered,
        }
    }
}

/// A try that is being judged, until this value goes.
pub(super) struct Entry {
    gate: PendingAttempts,
    names: Vec<String>,
}

impl Entry {
    /// The try was given back: whoever waits may have it.
    pub(super) fn free(self) {
        let tries = self.gate.tries();
        for name in &self.names {
            if let Some(of_bucket) = tries.judged.get(name) {
                of_bucket.freed.send_replace(());
            }
        }
        drop(tries);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut tries = self.gate.tries();
        for name in &self.names {
            if let Some(of_bucket) = tries.judged.get_mut(name) {
                of_bucket.count -= 1;
                if of_bucket.count == 0 {
                    tries.judged.remove(name);
                }
            }
        }
    }
}

/// Verdicts that can be waited for.
pub(super) struct Watch {
    gate: PendingAttempts,
    verdicts: HashMap<String, watch::Receiver<()>>,
    entered: [u64; GROUPS],
}

impl Watch {
    /// Waits until a try of this bucket was given back, or all of them have their verdicts; whether there was anything to
    /// wait for, and it is worth another look.
    pub(super) async fn wait_for(mut self, bucket: &str, deadline: Instant) -> bool {
        let Some(verdict) = self.verdicts.get_mut(bucket) else {
            // Nothing was being judged when this began, but may have been when the database was asked.
            let group = group(bucket);
            let have_come = self.gate.tries().entered[group] != self.entered[group];
            if have_come && Instant::now() < deadline {
                // Others of the group come all the time: not faster than this.
                tokio::time::sleep(PAUSE).await;
            }
            return have_come && Instant::now() < deadline;
        };
        let Some(_place) = WaitingSlot::take(&self.gate.0.waiting) else {
            return false;
        };
        // That the sender is gone says that nothing is being judged any more.
        timeout_at(deadline, verdict.changed()).await.is_ok()
    }
}

/// A place among those who wait, given back when it is dropped.
struct WaitingSlot<'a>(&'a AtomicUsize);

impl<'a> WaitingSlot<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < MAX_WAITING).then_some(place)
    }
}

impl Drop for WaitingSlot<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
