//! The revocation cache: which sessions ended, and until when the access tokens of an account or service are refused. An entry is removed
//! when the last access token that it refuses has expired.
//!
//! That time is measured by the uptime of the process, never by the clock: after a clock has jumped ahead and back, the
//! tokens that seemed expired are valid again and must still be refused.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::domain::principal::TokenOwner;
use crate::domain::session::{RevocationReason, SessionId};

/// The number of locks over the sessions, so that threads rarely wait for each other.
const SHARDS: usize = 64;

/// The 16 bytes of a session id.
type Key = [u8; 16];

#[derive(Clone, Copy)]
struct Ended {
    /// In seconds of uptime.
    expires_at: u32,
    reason: RevocationReason,
}

#[derive(Clone, Copy)]
struct NotBefore {
    expires_at: u32,
    /// In milliseconds since the epoch, as in token ids.
    until: u64,
}

/// The ended sessions and revoked access tokens. About 50 bytes per session.
pub struct RevocationCache {
    sessions: Vec<RwLock<HashMap<Key, Ended>>>,
    owners: RwLock<HashMap<TokenOwner, NotBefore>>,
    hasher: RandomState,
    entries: AtomicUsize,
}

impl Default for RevocationCache {
    fn default() -> Self {
        Self {
            sessions: (0..SHARDS).map(|_| RwLock::default()).collect(),
            owners: RwLock::default(),
            hasher: RandomState::new(),
            entries: AtomicUsize::new(0),
        }
    }
}

impl RevocationCache {
    /// Inserts a session that ended. The entry expires after `lifetime`.
    pub fn insert_ended(
        &self,
        session: &SessionId,
        reason: RevocationReason,
        uptime: Duration,
        lifetime: Duration,
    ) {
        let Some(key) = session.bytes() else { return };
        let expires_at = seconds(uptime + lifetime).saturating_add(1);
        let mut shard = write(self.shard(&key));
        let before = shard.insert(key, Ended { expires_at, reason });
        if before.is_none() {
            self.entries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Why a session ended; `None` when there is no entry.
    #[must_use]
    pub fn ended(&self, session: &SessionId) -> Option<RevocationReason> {
        let key = session.bytes()?;
        read(self.shard(&key)).get(&key).map(|ended| ended.reason)
    }

    /// Inserts that the access tokens of an owner issued until `until`, in milliseconds since the epoch, are refused. The
    /// entry expires after `lifetime`.
    pub fn insert_not_before(
        &self,
        owner: impl Into<TokenOwner>,
        until: u64,
        uptime: Duration,
        lifetime: Duration,
    ) {
        let owner = owner.into();
        let expires_at = seconds(uptime + lifetime).saturating_add(1);
        let mut owners = write(&self.owners);
        if let Some(entry) = owners.get_mut(&owner) {
            entry.until = entry.until.max(until);
            entry.expires_at = entry.expires_at.max(expires_at);
        } else {
            owners.insert(owner, NotBefore { expires_at, until });
            self.entries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Access tokens of the owner issued until this time, in milliseconds since the epoch, are refused; `None` when there
    /// is no entry.
    #[must_use]
    pub fn not_before(&self, owner: impl Into<TokenOwner>) -> Option<u64> {
        read(&self.owners)
            .get(&owner.into())
            .map(|entry| entry.until)
    }

    /// Removes the expired entries.
    pub fn remove_expired(&self, uptime: Duration) {
        let now = seconds(uptime);
        let mut entries = 0;
        for shard in &self.sessions {
            let mut shard = write(shard);
            shard.retain(|_, ended| ended.expires_at > now);
            if shard.capacity() > 4 * shard.len() + 64 {
                shard.shrink_to_fit();
            }
            entries += shard.len();
        }
        let mut owners = write(&self.owners);
        owners.retain(|_, entry| entry.expires_at > now);
        self.entries
            .store(entries + owners.len(), Ordering::Relaxed);
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, key: &Key) -> &RwLock<HashMap<Key, Ended>> {
        let hash = usize::try_from(self.hasher.hash_one(key) % 64).unwrap_or(0);
        &self.sessions[hash % SHARDS]
    }
}

fn seconds(uptime: Duration) -> u32 {
    u32::try_from(uptime.as_secs()).unwrap_or(u32::MAX)
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        domain::principal::{Principal, UserSeq},
    };

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn an_ended_session_is_known_until_its_entry_expires() {
        let cache = RevocationCache::default();
        let session = SessionId::new(Timestamp::EPOCH);
        assert_eq!(cache.ended(&session), None);
        cache.insert_ended(&session, RevocationReason::Logout, HOUR, HOUR);
        assert_eq!(cache.ended(&session), Some(RevocationReason::Logout));
        cache.remove_expired(HOUR * 2);
        assert_eq!(cache.ended(&session), Some(RevocationReason::Logout));
        assert_eq!(cache.len(), 1);
        cache.remove_expired(HOUR * 2 + Duration::from_secs(2));
        assert_eq!(cache.ended(&session), None);
        assert!(cache.is_empty());
    }

    #[test]
    fn the_latest_not_before_time_of_an_account_applies_to_it_alone() {
        let cache = RevocationCache::default();
        let seq = UserSeq::new(1).unwrap();
        cache.insert_not_before(Principal::user(seq), 20, HOUR, HOUR);
        cache.insert_not_before(Principal::user(seq), 10, HOUR, Duration::ZERO);
        assert_eq!(cache.not_before(Principal::user(seq)), Some(20));
        assert_eq!(cache.not_before(Principal::client(seq)), None);
        cache.remove_expired(HOUR + HOUR / 2);
        assert_eq!(cache.not_before(Principal::user(seq)), Some(20));
        cache.remove_expired(HOUR * 3);
        assert_eq!(cache.not_before(Principal::user(seq)), None);
    }
}
