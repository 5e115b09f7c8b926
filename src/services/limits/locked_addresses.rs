//! A cache of locked addresses, so that requests from them cost no query.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use crate::clock::Timestamp;
use crate::services::limits::quota::Policy;
use crate::services::mutex::lock;

/// How long a cached lock is used before it is read again: another instance may have lifted it.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// The maximum number of cached addresses; for others the database is queried.
const CAPACITY: usize = 10_000;

/// The locked addresses that this process knows of, by the name of their bucket.
#[derive(Default)]
pub(super) struct LockedAddresses(Mutex<HashMap<String, AddressLock>>);

#[derive(Clone, Copy)]
pub(super) struct AddressLock {
    pub(super) until: Timestamp,
    /// The limit that is used up.
    pub(super) policy: Policy,
    read_at: Timestamp,
}

impl AddressLock {
    /// Whether it must be read from the database again.
    pub(super) fn is_stale(&self, now: Timestamp) -> bool {
        self.until > now && now.since(self.read_at) >= FRESH_FOR
    }
}

impl LockedAddresses {
    pub(super) fn find(&self, bucket: &str) -> Option<AddressLock> {
        lock(&self.0).get(bucket).copied()
    }

    pub(super) fn insert(&self, bucket: &str, until: Timestamp, policy: Policy, now: Timestamp) {
        let mut locks = lock(&self.0);
        if locks.len() >= CAPACITY {
            locks.retain(|_, lock| lock.until > now);
        }
        if locks.len() < CAPACITY || locks.contains_key(bucket) {
            let lock = AddressLock {
                until,
                policy,
                read_at: now,
            };
            locks.insert(bucket.to_owned(), lock);
        }
    }

    pub(super) fn remove(&self, bucket: &str) {
        lock(&self.0).remove(bucket);
    }
}
