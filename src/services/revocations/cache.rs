//! What is revoked, in memory: which sessions ended, and since when an account's access tokens are good. Only what can
//! still matter: an entry goes when the last access token that it refuses has expired.
//!
//! How long that takes is measured by the machine's own uptime, never by the clock: a clock that jumps ahead must not
//! forget what is good again when it jumps back.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::domain::{
    principal::Principal,
    session::{RevocationReason, SessionId},
};

/// How many parts the sessions are kept in: so many can be read and written side by side.
const PARTS: usize = 64;

/// A session's id as its 16 bytes.
type Key = [u8; 16];

#[derive(Clone, Copy)]
struct Ended {
    /// In seconds of uptime.
    forget_at: u32,
    reason: RevocationReason,
}

#[derive(Clone, Copy)]
struct Withdrawn {
    forget_at: u32,
    /// In milliseconds since the epoch, as token ids have it.
    until: u64,
}

/// What is revoked. About 50 bytes for each session.
pub struct RevocationCache {
    sessions: Vec<RwLock<HashMap<Key, Ended>>>,
    accounts: RwLock<HashMap<Principal, Withdrawn>>,
    hasher: RandomState,
    entries: AtomicUsize,
}

impl Default for RevocationCache {
    fn default() -> Self {
        Self {
            sessions: (0..PARTS).map(|_| RwLock::default()).collect(),
            accounts: RwLock::default(),
            hasher: RandomState::new(),
            entries: AtomicUsize::new(0),
        }
    }
}

impl RevocationCache {
    /// Notes that a session ended, for this long from now on.
    pub fn end(
        &self,
        session: &SessionId,
        reason: RevocationReason,
        uptime: Duration,
        matters_for: Duration,
    ) {
        let Some(key) = session.bytes() else { return };
        let forget_at = seconds(uptime + matters_for).saturating_add(1);
        let mut part = write(self.part(&key));
        let before = part.insert(key, Ended { forget_at, reason });
        if before.is_none() {
            self.entries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Why a session ended; none: as far as is known it did not.
    #[must_use]
    pub fn ended(&self, session: &SessionId) -> Option<RevocationReason> {
        let key = session.bytes()?;
        read(self.part(&key)).get(&key).map(|ended| ended.reason)
    }

    /// Notes that the access tokens of an account are refused that were issued until then, in milliseconds since the epoch.
    pub fn withdraw(&self, owner: Principal, until: u64, uptime: Duration, matters_for: Duration) {
        let forget_at = seconds(uptime + matters_for).saturating_add(1);
        let mut accounts = write(&self.accounts);
        if let Some(known) = accounts.get_mut(&owner) {
            known.until = known.until.max(until);
            known.forget_at = known.forget_at.max(forget_at);
        } else {
            accounts.insert(owner, Withdrawn { forget_at, until });
            self.entries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Until when the access tokens of an account are refused; none: those of every time are good.
    #[must_use]
    pub fn withdrawn(&self, owner: Principal) -> Option<u64> {
        read(&self.accounts).get(&owner).map(|known| known.until)
    }

    /// Forgets what does not matter any more.
    pub fn forget(&self, uptime: Duration) {
        let now = seconds(uptime);
        let mut entries = 0;
        for part in &self.sessions {
            let mut part = write(part);
            part.retain(|_, ended| ended.forget_at > now);
            if part.capacity() > 4 * part.len() + 64 {
                part.shrink_to_fit();
            }
            entries += part.len();
        }
        let mut accounts = write(&self.accounts);
        accounts.retain(|_, withdrawn| withdrawn.forget_at > now);
        self.entries
            .store(entries + accounts.len(), Ordering::Relaxed);
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn part(&self, key: &Key) -> &RwLock<HashMap<Key, Ended>> {
        let hash = usize::try_from(self.hasher.hash_one(key) % 64).unwrap_or(0);
        &self.sessions[hash % PARTS]
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
    use crate::{clock::Timestamp, domain::principal::UserSeq};

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn what_ended_is_known_until_it_does_not_matter() {
        let view = RevocationCache::default();
        let session = SessionId::new(Timestamp::EPOCH);
        assert_eq!(view.ended(&session), None);
        view.end(&session, RevocationReason::Logout, HOUR, HOUR);
        assert_eq!(view.ended(&session), Some(RevocationReason::Logout));
        view.forget(HOUR * 2);
        assert_eq!(view.ended(&session), Some(RevocationReason::Logout));
        assert_eq!(view.len(), 1);
        view.forget(HOUR * 2 + Duration::from_secs(2));
        assert_eq!(view.ended(&session), None);
        assert!(view.is_empty());
    }

    #[test]
    fn the_latest_withdrawal_of_an_account_counts_and_of_no_other() {
        let view = RevocationCache::default();
        let seq = UserSeq::new(1).unwrap();
        view.withdraw(Principal::user(seq), 20, HOUR, HOUR);
        view.withdraw(Principal::user(seq), 10, HOUR, Duration::ZERO);
        assert_eq!(view.withdrawn(Principal::user(seq)), Some(20));
        assert_eq!(view.withdrawn(Principal::client(seq)), None);
        view.forget(HOUR + HOUR / 2);
        assert_eq!(view.withdrawn(Principal::user(seq)), Some(20));
        view.forget(HOUR * 3);
        assert_eq!(view.withdrawn(Principal::user(seq)), None);
    }
}
