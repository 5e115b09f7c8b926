//! The revocation cache: which sessions ended, and until when the access tokens of an account or service are refused. An entry is removed
//! when the last access token that it refuses has expired.
//!
//! That time is measured by the uptime of the process, never by the clock: after a clock has jumped ahead and back, the
//! tokens that seemed expired are valid again and must still be refused.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash},
    sync::{
        PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;

use crate::domain::principal::TokenOwner;
use crate::domain::session::{RevocationReason, SessionId};

/// The number of locks over a map, so that threads rarely wait for each other.
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
#[derive(Default)]
pub struct RevocationCache {
    sessions: Shards<Key, Ended>,
    owners: Shards<TokenOwner, NotBefore>,
    entries: AtomicUsize,
}

/// A map in parts with a lock each. No caller can choose its keys, so a fast hash is enough.
struct Shards<K, V> {
    maps: Vec<RwLock<Map<K, V>>>,
    hasher: RandomState,
}

type Map<K, V> = HashMap<K, V, RandomState>;

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self {
            maps: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hasher: RandomState::default(),
        }
    }
}

impl<K: Eq + Hash, V: Copy> Shards<K, V> {
    fn of(&self, key: &K) -> &RwLock<Map<K, V>> {
        let shard = usize::try_from(self.hasher.hash_one(key) % 64).unwrap_or(0);
        &self.maps[shard % SHARDS]
    }

    fn get(&self, key: &K) -> Option<V> {
        let map = self.of(key).read().unwrap_or_else(PoisonError::into_inner);
        map.get(key).copied()
    }

    fn write(&self, key: &K) -> RwLockWriteGuard<'_, Map<K, V>> {
        write(self.of(key))
    }

    /// Keeps the values that these are; the number of those that are left.
    fn retain(&self, is_kept: impl Fn(&V) -> bool) -> usize {
        let mut left = 0;
        for map in &self.maps {
            let mut map = write(map);
            map.retain(|_, value| is_kept(value));
            if map.capacity() > 4 * map.len() + 64 {
                map.shrink_to_fit();
            }
            left += map.len();
        }
        left
    }
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
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
        let ended = Ended { expires_at, reason };
        if self.sessions.write(&key).insert(key, ended).is_none() {
            self.entries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Why a session ended; `None` when there is no entry.
    #[must_use]
    pub fn ended(&self, session: &SessionId) -> Option<RevocationReason> {
        let key = session.bytes()?;
        self.sessions.get(&key).map(|ended| ended.reason)
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
        let mut owners = self.owners.write(&owner);
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
        self.owners.get(&owner.into()).map(|entry| entry.until)
    }

    /// Removes the expired entries.
    pub fn remove_expired(&self, uptime: Duration) {
        let now = seconds(uptime);
        let sessions = self.sessions.retain(|ended| ended.expires_at > now);
        let owners = self.owners.retain(|entry| entry.expires_at > now);
        self.entries.store(sessions + owners, Ordering::Relaxed);
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
}

fn seconds(uptime: Duration) -> u32 {
    u32::try_from(uptime.as_secs()).unwrap_or(u32::MAX)
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
