//! The revocations that this instance knows, so that an access token is accepted or refused without a query: ended
//! sessions and revoked access tokens ([`RevocationCache`]), rows of accounts and services ([`AccountCache`],
//! [`ServiceCache`]), and how old that knowledge is. It comes from the store's revocation feed. When it is too old it is not used, and every request queries the database.

pub mod account_cache;
pub mod cache;
pub mod service_cache;
pub mod status_marks;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::clock::Timestamp;
use crate::config::MAX_LEEWAY;
use crate::domain::account::Account;
use crate::domain::principal::{Principal, TokenOwner, UserSeq};
use crate::domain::session::{Jti, RevocationReason, SessionId};
use crate::services::revocations::account_cache::AccountCache;
use crate::services::revocations::cache::RevocationCache;
use crate::services::revocations::service_cache::ServiceCache;
use crate::services::revocations::status_marks::StatusMarks;
use crate::store::revocation_feed::{FeedUpdate, RevocationUpdate};
use crate::store::revocations::{RevocationEvent, RevocationKind};
use crate::store::services::ServiceRow;
use crate::store::signing_keys::SigningKeyRow;
use crate::store::{Store, StoreError};

/// How often expired entries are removed.
const CLEAN_EVERY: Duration = Duration::from_mins(1);

/// What is known about an access token with a valid signature and lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// It was not revoked.
    Valid,
    /// Its session ended.
    SessionEnded(RevocationReason),
    /// It was issued at or before the time until which its account's access tokens are refused.
    Revoked,
    /// The cache is too old: the database must be queried.
    Unknown,
}

/// The caches. Clones share them.
#[derive(Clone)]
pub struct Revocations(Arc<Inner>);

struct Inner {
    cache: RevocationCache,
    accounts: AccountCache,
    services: ServiceCache,
    status_marks: StatusMarks,
    /// Changes after new events were applied.
    changes: watch::Sender<()>,
    max_lag: Duration,
    started: Instant,
    /// All events committed until then are applied, in microseconds since `started` plus one; 0 when no events were read or
    /// some were missed.
    current_at: AtomicU64,
    /// When expired entries were last removed, in microseconds since `started`.
    cleaned_at: AtomicU64,
}

impl Revocations {
    /// Empty caches. Until [`Revocations::follow`] every status is [`TokenStatus::Unknown`].
    #[must_use]
    pub fn new(max_lag: Duration) -> Self {
        Self(Arc::new(Inner {
            cache: RevocationCache::default(),
            accounts: AccountCache::default(),
            services: ServiceCache::default(),
            status_marks: StatusMarks::default(),
            changes: watch::Sender::new(()),
            max_lag,
            started: Instant::now(),
            current_at: AtomicU64::new(0),
            cleaned_at: AtomicU64::new(0),
        }))
    }

    /// Reads all revocation events and follows them from then on. Blocks until the first have been read. The signing keys are
    /// passed to `on_keys` when they have changed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when they cannot be read.
    pub fn follow(
        &self,
        store: &Store,
        on_keys: impl Fn(Vec<SigningKeyRow>) + Send + 'static,
    ) -> Result<(), StoreError> {
        let inner = Arc::downgrade(&self.0);
        store.follow_revocations(Box::new(move |update| match update {
            FeedUpdate::Keys(rows) => on_keys(rows),
            FeedUpdate::Revocations(update) => {
                if let Some(inner) = inner.upgrade() {
                    inner.apply(update);
                }
            }
        }))
    }

    /// The status of the access token of this session and account that was issued at this time, in milliseconds.
    #[must_use]
    pub fn status(&self, owner: Principal, session: &SessionId, issued_at: u64) -> TokenStatus {
        let inner = &self.0;
        if inner.is_stale() {
            return TokenStatus::Unknown;
        }
        if let Some(reason) = inner.cache.ended(session) {
            return TokenStatus::SessionEnded(reason);
        }
        match inner.cache.not_before(owner) {
            Some(until) if issued_at <= until => TokenStatus::Revoked,
            _ => TokenStatus::Valid,
        }
    }

    /// The status of the access token `jti` of this service.
    #[must_use]
    pub fn status_of_service(&self, service: UserSeq, jti: &Jti) -> TokenStatus {
        let inner = &self.0;
        if inner.is_stale() {
            return TokenStatus::Unknown;
        }
        match inner.cache.not_before(TokenOwner::Service(service)) {
            Some(until) if jti.unix_millis() <= until => TokenStatus::Revoked,
            _ => TokenStatus::Valid,
        }
    }

    /// The time for the id of an access token issued now: later than the time until which the owner's access tokens are
    /// refused, which may come from an instance with another clock.
    #[must_use]
    pub fn issue_time(&self, owner: Principal, now: Timestamp) -> Timestamp {
        let Some(until) = self.0.cache.not_before(owner) else {
            return now;
        };
        let after = i64::try_from(until.saturating_add(1)).unwrap_or(i64::MAX);
        now.max(Timestamp::from_unix_micros(after.saturating_mul(1_000)))
    }

    /// How old the caches are; `None` when no events were read or some were missed.
    #[must_use]
    pub fn lag(&self) -> Option<Duration> {
        self.0.lag()
    }

    /// Whether the caches are too old to be used.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.0.is_stale()
    }

    /// The number of cached revocations.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.0.cache.len()
    }

    /// Changes after new events were applied.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.0.changes.subscribe()
    }

    /// The revoked indexes of the status lists.
    #[must_use]
    pub fn status_marks(&self) -> &StatusMarks {
        &self.0.status_marks
    }

    /// The cached account, and whether it is stale and the caller must read it again.
    pub(super) fn account(&self, principal: Principal) -> Option<(Arc<Account>, bool)> {
        self.0.accounts.find(principal, self.0.uptime())
    }

    /// Whether the session is cached as one of this account, ended or not.
    pub(super) fn has_session(&self, session: &SessionId, owner: Principal) -> bool {
        self.0.accounts.has_session(session, owner)
    }

    /// Caches a session of this account.
    pub(super) fn insert_session(&self, session: &SessionId, owner: Principal) {
        self.0.accounts.insert_session(session, owner);
        // It may have ended since it was read.
        if self.0.cache.ended(session).is_some() {
            self.0.accounts.remove_session(session);
        }
    }

    /// Removes an account and a session whose rows differ from the cache.
    pub(super) fn remove(&self, owner: Principal, session: &SessionId) {
        self.0.accounts.remove(owner);
        self.0.accounts.remove_session(session);
    }

    /// The cached service with this number; `None` too if the caches are too old.
    pub(super) fn service(&self, number: UserSeq) -> Option<Arc<ServiceRow>> {
        let inner = &self.0;
        (!inner.is_stale()).then(|| inner.services.find(number, inner.uptime()))?
    }

    /// The cached service with this name; `None` too if the caches are too old.
    pub(super) fn service_by_name(&self, name: &str) -> Option<Arc<ServiceRow>> {
        let inner = &self.0;
        (!inner.is_stale()).then(|| inner.services.find_by_name(name, inner.uptime()))?
    }

    /// To be taken before a service is read, for [`Revocations::insert_service`].
    pub(super) fn service_generation(&self) -> u64 {
        self.0.services.generation()
    }

    /// Caches a service that was read after [`Revocations::service_generation`] returned `generation`, unless one has
    /// changed since.
    pub(super) fn insert_service(&self, service: &Arc<ServiceRow>, generation: u64) {
        let uptime = self.0.uptime();
        self.0.services.insert(service, generation, uptime);
    }

    /// To be taken before an account is read, for [`Revocations::insert_account`].
    pub(super) fn generation(&self) -> u64 {
        self.0.accounts.generation()
    }

    /// Caches an account that was read after [`Revocations::generation`] returned `generation`, unless an account has
    /// changed since.
    pub(super) fn insert_account(&self, account: &Arc<Account>, generation: u64) {
        let uptime = self.0.uptime();
        self.0.accounts.insert(account, generation, uptime);
    }
}

impl Inner {
    fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    fn lag(&self) -> Option<Duration> {
        let current_at = self.current_at.load(Ordering::Acquire).checked_sub(1)?;
        Some(
            self.uptime()
                .saturating_sub(Duration::from_micros(current_at)),
        )
    }

    fn is_stale(&self) -> bool {
        self.lag().is_none_or(|lag| lag > self.max_lag)
    }

    fn apply(&self, update: RevocationUpdate) {
        match update {
            RevocationUpdate::Events(events, read_at) => {
                if self.is_stale() {
                    // Events may have been deleted before they were read.
                    self.accounts.clear();
                    self.services.clear();
                }
                in_order(&events).for_each(|event| self.apply_event(event));
                let current_at = read_at.saturating_duration_since(self.started);
                let current_at = u64::try_from(current_at.as_micros()).unwrap_or(u64::MAX - 1);
                // Last, so that a request that finds the caches current finds all of these events.
                self.current_at.store(current_at + 1, Ordering::Release);
                if !events.is_empty() {
                    self.changes.send_replace(());
                }
            }
            RevocationUpdate::Missed => self.current_at.store(0, Ordering::Release),
        }
        self.clean();
    }

    fn apply_event(&self, event: &RevocationEvent) {
        let RevocationEvent {
            owner,
            kind,
            revoked_at,
            expires_at,
            status_index,
        } = event;
        let lifetime = expires_at.since(*revoked_at) + MAX_LEEWAY.get();
        if let Some(index) = status_index {
            self.status_marks.insert(*index, self.uptime(), lifetime);
        }
        match kind {
            RevocationKind::SessionEnded(session, reason) => {
                self.cache
                    .insert_ended(session, *reason, self.uptime(), lifetime);
                // So that the database is queried once the entry has expired: after a clock was set back, old tokens are
                // valid again.
                self.accounts.remove_session(session);
            }
            RevocationKind::AccessTokensRevoked => {
                let until = u64::try_from(revoked_at.unix_micros() / 1_000).unwrap_or(0);
                self.cache
                    .insert_not_before(*owner, until, self.uptime(), lifetime);
                self.remove(*owner);
            }
            RevocationKind::AccountChanged => self.remove(*owner),
            RevocationKind::StatusMarked => {}
        }
    }

    /// Removes the row of an owner from its cache.
    fn remove(&self, owner: TokenOwner) {
        match owner {
            TokenOwner::Account(principal) => self.accounts.remove(principal),
            TokenOwner::Service(number) => self.services.remove(number),
        }
    }

    fn clean(&self) {
        let uptime = self.uptime();
        let cleaned_at = Duration::from_micros(self.cleaned_at.load(Ordering::Relaxed));
        if uptime.saturating_sub(cleaned_at) >= CLEAN_EVERY {
            let now = u64::try_from(uptime.as_micros()).unwrap_or(u64::MAX);
            self.cleaned_at.store(now, Ordering::Relaxed);
            self.cache.remove_expired(uptime);
            self.status_marks.remove_expired(uptime);
        }
    }
}

/// Events of accounts first: a request with a token of a session that ended with a deactivation must not find the account
/// as it was before.
fn in_order(events: &[RevocationEvent]) -> impl Iterator<Item = &RevocationEvent> {
    let ends_session =
        |event: &&RevocationEvent| matches!(event.kind, RevocationKind::SessionEnded(..));
    let (sessions, accounts): (Vec<_>, Vec<_>) = events.iter().partition(ends_session);
    accounts.into_iter().chain(sessions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_accounts_are_applied_before_those_of_sessions() {
        let session = SessionId::new(Timestamp::EPOCH);
        let all: Vec<RevocationEvent> = [
            RevocationKind::SessionEnded(session, RevocationReason::Deactivated),
            RevocationKind::AccountChanged,
        ]
        .into_iter()
        .map(|kind| RevocationEvent {
            owner: Principal::user(UserSeq::new(1).unwrap()).into(),
            kind,
            revoked_at: Timestamp::EPOCH,
            expires_at: Timestamp::EPOCH,
            status_index: None,
        })
        .collect();
        let first = in_order(&all).next().unwrap();
        assert_eq!(first.kind, RevocationKind::AccountChanged);
        assert_eq!(in_order(&all).count(), 2);
    }

    /// Once the entry of an ended session has expired, the database is queried only because the session is not cached.
    #[test]
    fn an_ended_session_is_not_cached_as_one_of_its_account() {
        let revocations = Revocations::new(Duration::from_secs(5));
        let owner = Principal::user(UserSeq::new(1).unwrap());
        let session = SessionId::new(Timestamp::EPOCH);
        revocations.insert_session(&session, owner);
        assert!(revocations.has_session(&session, owner));
        revocations.0.apply_event(&RevocationEvent {
            owner: owner.into(),
            kind: RevocationKind::SessionEnded(session.clone(), RevocationReason::Logout),
            revoked_at: Timestamp::EPOCH,
            expires_at: Timestamp::EPOCH,
            status_index: None,
        });
        assert!(!revocations.has_session(&session, owner));
        // By a request that read it before it ended.
        revocations.insert_session(&session, owner);
        assert!(!revocations.has_session(&session, owner));
    }
}
