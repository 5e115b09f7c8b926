//! The attempts that this process is verifying. Further attempts at the same bucket wait for their outcome instead of
//! being rejected because all of them might fail, so that simultaneous correct logins all succeed.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::services::mutex::lock;

/// The pause before a retry that no notification triggers.
const PAUSE: Duration = Duration::from_millis(50);
/// The maximum number of attempts that wait at the same time; further ones are rejected at once.
const MAX_WAITING: usize = 1_024;

/// The number of groups into which buckets are hashed to count started attempts.
const GROUPS: usize = 32;

fn group(bucket: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    bucket.hash(&mut hasher);
    usize::try_from(hasher.finish() % GROUPS as u64).unwrap_or(0)
}

/// The buckets with pending attempts. Clones share them.
#[derive(Clone, Default)]
pub(super) struct PendingAttempts(Arc<Shared>);

#[derive(Default)]
struct Shared {
    buckets: Mutex<Buckets>,
    waiting: AtomicUsize,
}

#[derive(Default)]
struct Buckets {
    pending: HashMap<String, PendingBucket>,
    /// How many attempts were ever started, by group of buckets.
    started: [u64; GROUPS],
}

struct PendingBucket {
    attempts: usize,
    /// Notifies when an attempt's hit was taken back; closed when no attempt is pending any more.
    released: watch::Sender<()>,
}

impl PendingAttempts {
    /// Adds a pending attempt.
    pub(super) fn start(&self, names: &[String]) -> PendingAttempt {
        let mut buckets = lock(&self.0.buckets);
        for name in names {
            buckets.started[group(name)] += 1;
            let bucket = buckets
                .pending
                .entry(name.clone())
                .or_insert_with(|| PendingBucket {
                    attempts: 0,
                    released: watch::Sender::new(()),
                });
            bucket.attempts += 1;
        }
        PendingAttempt {
            all: self.clone(),
            names: names.to_vec(),
        }
    }

    /// Subscribes to the outcomes of what is pending in these buckets. Must be called before the locks are read from
    /// the database, or an outcome in between is missed.
    pub(super) fn subscribe(&self, names: &[String]) -> PendingOutcomes {
        let buckets = lock(&self.0.buckets);
        let of = |name: &String| {
            let bucket = buckets.pending.get(name)?;
            Some((name.clone(), bucket.released.subscribe()))
        };
        PendingOutcomes {
            all: self.clone(),
            released: names.iter().filter_map(of).collect(),
            started: buckets.started,
        }
    }
}

/// A pending attempt, until it is dropped.
pub(super) struct PendingAttempt {
    all: PendingAttempts,
    names: Vec<String>,
}

impl PendingAttempt {
    /// Ends an attempt whose hits were taken back, and notifies the waiting ones.
    pub(super) fn release(self) {
        let buckets = lock(&self.all.0.buckets);
        for name in &self.names {
            if let Some(bucket) = buckets.pending.get(name) {
                bucket.released.send_replace(());
            }
        }
        drop(buckets);
    }
}

impl Drop for PendingAttempt {
    fn drop(&mut self) {
        let mut buckets = lock(&self.all.0.buckets);
        for name in &self.names {
            if let Some(bucket) = buckets.pending.get_mut(name) {
                bucket.attempts -= 1;
                if bucket.attempts == 0 {
                    buckets.pending.remove(name);
                }
            }
        }
    }
}

/// A subscription to the outcomes of pending attempts.
pub(super) struct PendingOutcomes {
    all: PendingAttempts,
    released: HashMap<String, watch::Receiver<()>>,
    started: [u64; GROUPS],
}

impl PendingOutcomes {
    /// Waits until an attempt at this bucket was released or none is pending. Returns `true` if the locks should be
    /// read again, `false` if there was nothing to wait for, too many wait, or the deadline has passed.
    pub(super) async fn wait_for(mut self, bucket: &str, deadline: Instant) -> bool {
        let Some(released) = self.released.get_mut(bucket) else {
            // Nothing was pending at the subscription; an attempt may have started and ended before the locks were
            // read.
            let group = group(bucket);
            let has_started = lock(&self.all.0.buckets).started[group] != self.started[group];
            if has_started && Instant::now() < deadline {
                // Attempts at other buckets of the group start all the time, so retries are spaced out.
                tokio::time::sleep(PAUSE).await;
            }
            return has_started && Instant::now() < deadline;
        };
        let Some(_slot) = WaitingSlot::take(&self.all.0.waiting) else {
            return false;
        };
        // A closed channel means that nothing is pending any more.
        timeout_at(deadline, released.changed()).await.is_ok()
    }
}

/// One of the [`MAX_WAITING`] slots, released when it is dropped.
struct WaitingSlot<'a>(&'a AtomicUsize);

impl<'a> WaitingSlot<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let slot = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < MAX_WAITING).then_some(slot)
    }
}

impl Drop for WaitingSlot<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
