//! Accounts as their rows are, and sessions that are known to be theirs, kept in memory for those who call: an account is
//! dropped when its row changes, and read again after a while in any case.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use quick_cache::sync::Cache;

use crate::domain::{account::Account, principal::Principal, session::SessionId};

/// How many accounts are kept.
const MOST_ACCOUNTS: usize = 50_000;
/// How many sessions are kept.
const MOST_SESSIONS: usize = 200_000;
/// How long an account is believed. Its changes are told at once; this is for those that were made by hand, in SQL.
const BELIEVED_FOR: Duration = Duration::from_secs(30);

struct Known {
    account: Arc<Account>,
    /// Until when it is believed, in milliseconds of uptime.
    until: AtomicU64,
}

/// The accounts, by population and number, and the sessions.
pub struct Accounts {
    known: Cache<Principal, Arc<Known>>,
    sessions: Cache<[u8; 16], Principal>,
    /// How many changes were told. Whoever reads a row notes the count before and keeps nothing when it is another after:
    /// what he read may be older than the change.
    changes: Mutex<u64>,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            known: Cache::new(MOST_ACCOUNTS),
            sessions: Cache::new(MOST_SESSIONS),
            changes: Mutex::new(0),
        }
    }
}

impl Accounts {
    /// The account, if it is known; and whether it should be read again, which is said to one caller only.
    pub fn find(&self, principal: Principal, uptime: Duration) -> Option<(Arc<Account>, bool)> {
        let known = self.known.get(&principal)?;
        let (now, until) = (millis(uptime), known.until.load(Ordering::Relaxed));
        let is_old = until <= now
            && known
                .until
                .compare_exchange(
                    until,
                    now + millis(BELIEVED_FOR),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        Some((Arc::clone(&known.account), is_old))
    }

    /// Whether this is known to be a session of this account.
    pub fn has_session(&self, session: &SessionId, owner: Principal) -> bool {
        session
            .bytes()
            .is_some_and(|key| self.sessions.get(&key) == Some(owner))
    }

    /// How many changes were told so far.
    pub fn changes(&self) -> u64 {
        *self.lock()
    }

    /// Keeps an account that was read when so many changes had been told; unless there are more now.
    pub fn keep(&self, account: &Arc<Account>, changes: u64, uptime: Duration) {
        let now = self.lock();
        if *now == changes {
            let known = Known {
                account: Arc::clone(account),
                until: AtomicU64::new(millis(uptime + BELIEVED_FOR)),
            };
            self.known.insert(account.principal, Arc::new(known));
        }
    }

    /// Keeps a session that is this account's. That it ended is the view's to know.
    pub fn keep_session(&self, session: &SessionId, owner: Principal) {
        if let Some(key) = session.bytes() {
            self.sessions.insert(key, owner);
        }
    }

    /// Drops a session that ended.
    pub fn drop_session(&self, session: &SessionId) {
        if let Some(key) = session.bytes() {
            self.sessions.remove(&key);
        }
    }

    /// Drops an account whose row changed.
    pub fn drop_changed(&self, principal: Principal) {
        let mut changes = self.lock();
        *changes += 1;
        self.known.remove(&principal);
    }

    /// Drops all accounts.
    pub fn drop_all(&self) {
        let mut changes = self.lock();
        *changes += 1;
        self.known.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, u64> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
