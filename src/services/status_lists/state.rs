//! What an instance keeps in memory for the status lists.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use crate::clock::Timestamp;
use crate::domain::status_index::StatusIndex;
use crate::services::mutex::lock;

/// How long a list may be used after it was signed.
pub const VALID_FOR: Duration = Duration::from_mins(5);
/// A changed list is signed again at most this often: compressing it takes a few milliseconds.
const SIGN_EVERY: Duration = Duration::from_secs(1);

/// A signed list.
#[derive(Debug)]
pub struct SignedList {
    /// The list, as a JWT.
    pub token: String,
    /// A hash of it, in hex digits.
    pub etag: String,
    /// The key that signed it.
    pub(super) kid: String,
    /// The version of the marks that it contains.
    pub(super) version: u64,
    /// The claim `iat`.
    pub(super) issued_at: Timestamp,
    /// When it was signed, by a clock that cannot be set.
    pub(super) signed_at: Instant,
}

impl SignedList {
    /// Whether it is signed with this key, and contains the marks of this version or is so new that it is not signed again yet.
    fn is_current(&self, kid: &str, version: u64, now: Timestamp) -> bool {
        let is_young = self.issued_at <= now && now < self.issued_at + VALID_FOR / 2;
        is_young
            && self.kid == kid
            && (self.version == version || self.signed_at.elapsed() < SIGN_EVERY)
    }
}

/// The indexes that no session has got yet, and the lists that were signed last.
#[derive(Default)]
pub struct StatusLists {
    free: Mutex<VecDeque<StatusIndex>>,
    /// Held while indexes are taken from the database.
    pub(super) taking: tokio::sync::Mutex<()>,
    last_known: Mutex<u64>,
    signed: Mutex<HashMap<u64, Arc<SignedList>>>,
}

impl StatusLists {
    pub(super) fn next_free(&self) -> Option<StatusIndex> {
        lock(&self.free).pop_front()
    }

    /// Adds indexes that no session has got.
    pub(crate) fn add_free(&self, indexes: impl IntoIterator<Item = StatusIndex>) {
        lock(&self.free).extend(indexes);
    }

    /// The number of the last list that is known to exist. Another instance may have begun further ones.
    pub(super) fn last_known(&self) -> u64 {
        *lock(&self.last_known)
    }

    /// Notes that all indexes before this one may belong to sessions. Returns the number of the last list.
    pub(super) fn note_next(&self, next_index: i64) -> u64 {
        let last = StatusIndex::new(next_index - 1).map_or(0, StatusIndex::list);
        let mut known = lock(&self.last_known);
        *known = last.max(*known);
        *known
    }

    /// The list as it was signed last, if it is still current.
    pub(super) fn signed(
        &self,
        number: u64,
        kid: &str,
        version: u64,
        now: Timestamp,
    ) -> Option<Arc<SignedList>> {
        let signed = lock(&self.signed).get(&number).cloned();
        signed.filter(|list| list.is_current(kid, version, now))
    }

    /// Keeps a list that was signed.
    pub(super) fn insert_signed(&self, number: u64, list: Arc<SignedList>) {
        lock(&self.signed).insert(number, list);
    }
}
