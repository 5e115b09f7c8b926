//! A cache of account rows and of the sessions that belong to them, for requests with an access token. An account is removed
//! when its row changes, and read again after a while in any case.

use std::{
    hash::Hash,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;
use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};

use crate::domain::account::Account;
use crate::domain::principal::Principal;
use crate::domain::session::SessionId;
use crate::services::mutex::lock;

/// How many accounts are cached.
const MAX_ACCOUNTS: usize = 50_000;
/// How many sessions are cached.
const MAX_SESSIONS: usize = 200_000;
/// How long an account stays fresh. Changes by munjigi remove it at once; this covers changes by hand, in SQL.
const FRESH_FOR: Duration = Duration::from_secs(30);

struct CachedAccount {
    account: Arc<Account>,
    /// In milliseconds of uptime.
    fresh_until: AtomicU64,
}

/// A cache whose keys no caller can choose, so a fast hash is enough.
type FastCache<K, V> = Cache<K, V, UnitWeighter, RandomState>;

fn with_capacity<K: Eq + Hash, V: Clone>(capacity: usize) -> FastCache<K, V> {
    Cache::with(
        capacity,
        capacity as u64,
        UnitWeighter,
        RandomState::default(),
        DefaultLifecycle::default(),
    )
}

/// The cached accounts and sessions.
pub struct AccountCache {
    accounts: FastCache<Principal, Arc<CachedAccount>>,
    sessions: FastCache<[u8; 16], Principal>,
    /// Incremented with every change of an account. A reader takes it before it reads a row, and the row is not cached when
    /// it has changed since: the row may be older than the change.
    generation: Mutex<u64>,
}

impl Default for AccountCache {
    fn default() -> Self {
        Self {
            accounts: with_capacity(MAX_ACCOUNTS),
            sessions: with_capacity(MAX_SESSIONS),
            generation: Mutex::new(0),
        }
    }
}

impl AccountCache {
    /// The cached account, and whether it is stale and the caller must read it again. Only one caller gets `true`.
    pub fn find(&self, principal: Principal, uptime: Duration) -> Option<(Arc<Account>, bool)> {
        let cached = self.accounts.get(&principal)?;
        let now = millis(uptime);
        let fresh_until = cached.fresh_until.load(Ordering::Relaxed);
        let is_stale = fresh_until <= now
            && cached
                .fresh_until
                .compare_exchange(
                    fresh_until,
                    now + millis(FRESH_FOR),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        Some((Arc::clone(&cached.account), is_stale))
    }

    /// Whether the session is cached as one of this account.
    pub fn has_session(&self, session: &SessionId, owner: Principal) -> bool {
        session
            .bytes()
            .is_some_and(|key| self.sessions.get(&key) == Some(owner))
    }

    /// The number of changes so far, to be passed to [`AccountCache::insert`].
    pub fn generation(&self) -> u64 {
        *lock(&self.generation)
    }

    /// Caches an account that was read after [`AccountCache::generation`] returned `generation`, unless an account has
    /// changed since.
    pub fn insert(&self, account: &Arc<Account>, generation: u64, uptime: Duration) {
        let current = lock(&self.generation);
        if *current == generation {
            let cached = CachedAccount {
                account: Arc::clone(account),
                fresh_until: AtomicU64::new(millis(uptime + FRESH_FOR)),
            };
            self.accounts.insert(account.principal, Arc::new(cached));
        }
    }

    /// Caches a session of this account. Whether it has ended is in the revocation cache.
    pub fn insert_session(&self, session: &SessionId, owner: Principal) {
        if let Some(key) = session.bytes() {
            self.sessions.insert(key, owner);
        }
    }

    /// Removes a session that ended.
    pub fn remove_session(&self, session: &SessionId) {
        if let Some(key) = session.bytes() {
            self.sessions.remove(&key);
        }
    }

    /// Removes an account whose row changed.
    pub fn remove(&self, principal: Principal) {
        let mut generation = lock(&self.generation);
        *generation += 1;
        self.accounts.remove(&principal);
    }

    /// Removes all accounts.
    pub fn clear(&self) {
        let mut generation = lock(&self.generation);
        *generation += 1;
        self.accounts.clear();
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
