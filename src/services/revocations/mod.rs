//! What this instance knows of revocations, so that a bearer is accepted or refused without a question to the database:
//! the ended sessions and withdrawn tokens that still matter ([`RevocationCache`]), accounts as their rows are, and how old all that
//! is. The news come from the store's feed; when they are too old nothing here counts, and the database is asked at every
//! call.

pub mod account_cache;
pub mod cache;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    clock::Timestamp,
    config::MAX_LEEWAY,
    domain::{
        account::Account,
        principal::Principal,
        session::{Jti, RevocationReason, SessionId},
    },
    services::revocations::{account_cache::Accounts, cache::RevocationCache},
    store::{
        Store, StoreError,
        revocation_feed::FeedUpdate,
        revocations::{Revocation, RevocationEvent},
    },
};

/// How often what does not matter any more is forgotten.
const FORGET_EVERY: Duration = Duration::from_mins(1);

/// What is known of an access token whose own text is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// It was not revoked.
    Good,
    /// Its session ended.
    Ended(RevocationReason),
    /// Its account's access tokens of its time were withdrawn.
    Withdrawn,
    /// What is known is too old: the database has to be asked.
    Unknown,
}

/// What this instance knows; cheap to clone.
#[derive(Clone)]
pub struct Revocations(Arc<Inner>);

struct Inner {
    view: RevocationCache,
    accounts: Accounts,
    max_lag: Duration,
    begun: Instant,
    /// Of which time the news are, in microseconds since `begun` and one; 0: there are none, or some were missed.
    known_at: AtomicU64,
    /// When it was last forgotten, in microseconds since `begun`.
    forgot_at: AtomicU64,
}

impl Revocations {
    /// Knows nothing yet, and does not follow any news: until it does, every standing is [`TokenStatus::Unknown`].
    #[must_use]
    pub fn new(max_lag: Duration) -> Self {
        Self(Arc::new(Inner {
            view: RevocationCache::default(),
            accounts: Accounts::default(),
            max_lag,
            begun: Instant::now(),
            known_at: AtomicU64::new(0),
            forgot_at: AtomicU64::new(0),
        }))
    }

    /// Reads all news and follows them from now on. It blocks until the first are read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when they cannot be read.
    pub fn follow(&self, store: &Store) -> Result<(), StoreError> {
        let inner = Arc::downgrade(&self.0);
        store.follow_revocations(Box::new(move |heard| {
            if let Some(inner) = inner.upgrade() {
                inner.hear(heard);
            }
        }))
    }

    /// What is known of the access token `jti` of this session and account.
    #[must_use]
    pub fn standing(&self, owner: Principal, session: &SessionId, jti: &Jti) -> TokenStatus {
        let inner = &self.0;
        if inner.is_stale() {
            return TokenStatus::Unknown;
        }
        if let Some(reason) = inner.view.ended(session) {
            return TokenStatus::Ended(reason);
        }
        match inner.view.withdrawn(owner) {
            Some(until) if jti.unix_millis() <= until => TokenStatus::Withdrawn,
            _ => TokenStatus::Good,
        }
    }

    /// The time for the id of an access token issued now: after the account's last withdrawal, whichever clock that was
    /// told by.
    #[must_use]
    pub fn issue_time(&self, owner: Principal, now: Timestamp) -> Timestamp {
        let Some(until) = self.0.view.withdrawn(owner) else {
            return now;
        };
        let after = i64::try_from(until.saturating_add(1)).unwrap_or(i64::MAX);
        now.max(Timestamp::from_unix_micros(after.saturating_mul(1_000)))
    }

    /// How old the news are; none: none were heard, or some were missed.
    #[must_use]
    pub fn lag(&self) -> Option<Duration> {
        self.0.lag()
    }

    /// Whether the news are too old to go by.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.0.is_stale()
    }

    /// How many revocations are kept in memory.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.0.view.len()
    }

    /// The account as its row is, if it is known; and whether the caller should see to its being read again.
    pub(super) fn account(&self, principal: Principal) -> Option<(Arc<Account>, bool)> {
        self.0.accounts.find(principal, self.0.uptime())
    }

    /// Whether this is known to be a session of this account, ended or not.
    pub(super) fn has_session(&self, session: &SessionId, owner: Principal) -> bool {
        self.0.accounts.has_session(session, owner)
    }

    /// Keeps a session that is this account's.
    pub(super) fn keep_session(&self, session: &SessionId, owner: Principal) {
        self.0.accounts.keep_session(session, owner);
        // It may have ended since it was read.
        if self.0.view.ended(session).is_some() {
            self.0.accounts.drop_session(session);
        }
    }

    /// Forgets an account and a session that the database knows otherwise.
    pub(super) fn forget(&self, owner: Principal, session: &SessionId) {
        self.0.accounts.drop_changed(owner);
        self.0.accounts.drop_session(session);
    }

    /// To be noted before a row is read that shall be kept.
    pub(super) fn changes(&self) -> u64 {
        self.0.accounts.changes()
    }

    /// Keeps an account that was read after [`Revocations::changes`] gave this.
    pub(super) fn keep(&self, account: &Arc<Account>, changes: u64) {
        self.0.accounts.keep(account, changes, self.0.uptime());
    }
}

impl Inner {
    fn uptime(&self) -> Duration {
        self.begun.elapsed()
    }

    fn lag(&self) -> Option<Duration> {
        let known_at = self.known_at.load(Ordering::Acquire).checked_sub(1)?;
        Some(
            self.uptime()
                .saturating_sub(Duration::from_micros(known_at)),
        )
    }

    fn is_stale(&self) -> bool {
        self.lag().is_none_or(|lag| lag > self.max_lag)
    }

    fn hear(&self, heard: FeedUpdate) {
        match heard {
            FeedUpdate::RevocationEvent(news, read_at) => {
                if self.is_stale() {
                    // So long a silence may have outlasted the rows that told of changes.
                    self.accounts.drop_all();
                }
                in_order(&news).for_each(|revocation| self.apply(revocation));
                let known_at = read_at.saturating_duration_since(self.begun);
                let known_at = u64::try_from(known_at.as_micros()).unwrap_or(u64::MAX - 1);
                // Last: who finds the news fresh finds them all.
                self.known_at.store(known_at + 1, Ordering::Release);
            }
            FeedUpdate::Missed => self.known_at.store(0, Ordering::Release),
        }
        self.forget_now_and_then();
    }

    fn apply(&self, revocation: &Revocation) {
        let Revocation {
            owner,
            news,
            revoked_at,
            expires_at,
        } = revocation;
        let matters_for = expires_at.since(*revoked_at) + MAX_LEEWAY.get();
        match news {
            RevocationEvent::SessionEnded(session, reason) => {
                self.view.end(session, *reason, self.uptime(), matters_for);
                // When the view has forgotten it the database is asked: a clock that was set back makes old tokens young.
                self.accounts.drop_session(session);
            }
            RevocationEvent::TokensWithdrawn => {
                let until = u64::try_from(revoked_at.unix_micros() / 1_000).unwrap_or(0);
                self.view
                    .withdraw(*owner, until, self.uptime(), matters_for);
                self.accounts.drop_changed(*owner);
            }
            RevocationEvent::AccountChanged => self.accounts.drop_changed(*owner),
        }
    }

    fn forget_now_and_then(&self) {
        let uptime = self.uptime();
        let forgot_at = Duration::from_micros(self.forgot_at.load(Ordering::Relaxed));
        if uptime.saturating_sub(forgot_at) >= FORGET_EVERY {
            let now = u64::try_from(uptime.as_micros()).unwrap_or(u64::MAX);
            self.forgot_at.store(now, Ordering::Relaxed);
            self.view.forget(uptime);
        }
    }
}

/// News of accounts first: whoever asks about a session that ended with a deactivation must not find the account as it was
/// before.
fn in_order(news: &[Revocation]) -> impl Iterator<Item = &Revocation> {
    let ends =
        |revocation: &&Revocation| matches!(revocation.news, RevocationEvent::SessionEnded(..));
    let (sessions, accounts): (Vec<_>, Vec<_>) = news.iter().partition(ends);
    accounts.into_iter().chain(sessions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::principal::UserSeq;

    #[test]
    fn news_of_accounts_are_taken_before_the_ends_of_sessions() {
        let session = SessionId::new(Timestamp::EPOCH);
        let all: Vec<Revocation> = [
            RevocationEvent::SessionEnded(session, RevocationReason::Deactivated),
            RevocationEvent::AccountChanged,
        ]
        .into_iter()
        .map(|news| Revocation {
            owner: Principal::user(UserSeq::new(1).unwrap()),
            news,
            revoked_at: Timestamp::EPOCH,
            expires_at: Timestamp::EPOCH,
        })
        .collect();
        let first = in_order(&all).next().unwrap();
        assert_eq!(first.news, RevocationEvent::AccountChanged);
        assert_eq!(in_order(&all).count(), 2);
    }

    /// When the view has forgotten an ended session, only that nobody remembers it as a live one makes the database be asked.
    #[test]
    fn a_session_that_ended_is_not_remembered_as_an_accounts() {
        let revocations = Revocations::new(Duration::from_secs(5));
        let owner = Principal::user(UserSeq::new(1).unwrap());
        let session = SessionId::new(Timestamp::EPOCH);
        revocations.keep_session(&session, owner);
        assert!(revocations.has_session(&session, owner));
        revocations.0.apply(&Revocation {
            owner,
            news: RevocationEvent::SessionEnded(session.clone(), RevocationReason::Logout),
            revoked_at: Timestamp::EPOCH,
            expires_at: Timestamp::EPOCH,
        });
        assert!(!revocations.has_session(&session, owner));
        // By one who had read it before.
        revocations.keep_session(&session, owner);
        assert!(!revocations.has_session(&session, owner));
    }
}
