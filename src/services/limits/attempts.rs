//! Limits on passwords and one-time codes that are tried. An attempt is counted before it is verified, so a hundred
//! simultaneous attempts count like a hundred successive ones, on any number of instances; a successful one is taken
//! back.
//!
//! `begin` an attempt, verify it, then `Attempt::finish` it. Values that cannot be guessed are counted only for
//! their address, after they failed: see `addresses`.

use std::{iter, time::Duration};

use tokio::time::Instant;

use crate::clock::Clock;
use crate::domain::audit::{Action, Actor};
use crate::domain::limits::LimitKind;
use crate::services::audit::log::{AuditContext, AuditLog};
use crate::services::audit::refusal_throttle::RefusalThrottle;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::counting::{CounterReset, Hit, address_quota, count, longest_lock};
use crate::services::limits::login_name::LoginName;
use crate::services::limits::pending_attempts::PendingAttempt;
use crate::services::limits::quota::Quota;
use crate::services::limits::rules::{Rule, account_rule, address_rules};
use crate::services::limits::unknown_names;
use crate::store::{Store, Transaction, rate_limits};

/// The longest an attempt waits for the outcome of other attempts at the same account.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// An attempt that is counted and can be verified. If it is dropped without an outcome it stays counted as a failure.
#[must_use]
pub struct Attempt {
    hits: Vec<Hit>,
    actor: Actor,
    store: Store,
    clock: Clock,
    audit_log: AuditLog,
    pending: Option<PendingAttempt>,
    /// For a name that no account has: limits how often its locks are recorded.
    throttle: Option<RefusalThrottle>,
}

/// Counts an attempt to log in with this name, whether or not the account exists.
///
/// While all allowed attempts are being verified it waits for their outcome. An attempt from a known device is not counted
/// for its address, so that others at the same address cannot lock the owner out.
///
/// # Errors
/// [`Error::RateLimited`] if the account (or the known device) or the address is locked; and the store's.
pub async fn begin(
    services: &Services,
    kind: LimitKind,
    login_name: &LoginName,
    actor: &Actor,
) -> Result<Attempt, Error> {
    let of_account = account_rule(services, kind, login_name);
    let address = actor.ip_address.filter(|_| login_name.device.is_none());
    let of_address = address_rules(services, kind, address);
    let rules: Vec<Rule> = iter::once(of_account).chain(of_address).collect();
    let buckets: Vec<String> = rules.iter().map(|rule| rule.bucket.name.clone()).collect();
    let deadline = Instant::now() + MAX_WAIT;
    loop {
        let outcomes = services.limits.pending.subscribe(&buckets);
        if let Some((rule, retry_after)) = longest_lock(services, &rules).await? {
            if outcomes.wait_for(&rule.bucket.name, deadline).await {
                continue;
            }
            return Err(Error::RateLimited {
                retry_after,
                policy: rule.policy,
            });
        }
        let pending = services.limits.pending.start(&buckets);
        match count_all(services, &rules).await {
            Ok(hits) => {
                return Ok(Attempt {
                    hits,
                    actor: actor.clone(),
                    store: services.store.clone(),
                    clock: services.clock.clone(),
                    audit_log: services.audit_log.clone(),
                    pending: Some(pending),
                    throttle: login_name
                        .principal
                        .is_none()
                        .then(|| services.unknown_name_throttle.clone()),
                });
            }
            // A concurrent attempt locked the bucket in between; the next round decides whether to wait.
            Err(Error::RateLimited { .. }) if Instant::now() < deadline => {}
            Err(error) => return Err(error),
        }
    }
}

/// Counts in all of the buckets or, if one of them is locked, in none.
async fn count_all(services: &Services, rules: &[Rule]) -> Result<Vec<Hit>, Error> {
    let (rules, now) = (rules.to_vec(), services.clock.now());
    services
        .store
        .write(move |connection| {
            let hits = rules.iter().map(|rule| count(connection, rule, now));
            hits.collect::<Result<Vec<_>, Error>>()
        })
        .await
}

impl Attempt {
    /// The reset that a successful login applies in its transaction.
    pub(crate) fn counter_reset(&self) -> CounterReset {
        CounterReset(self.hits.clone())
    }

    /// What is left of the limit of the address after this outcome; `None` if the attempt is not counted for its address.
    /// What is left of the account's limit is not shown: it would show that its owner logged in, and so that it exists.
    pub(crate) fn quota<T>(&self, result: &Result<T, Error>) -> Option<Quota> {
        let stays = matches!(
            result,
            Err(Error::InvalidCredentials
                | Error::InvalidOtp
                | Error::InvalidSecondFactor
                | Error::Overloaded)
        );
        address_quota(&self.hits, stays, self.clock.now())
    }

    /// Ends the attempt with its outcome: a success has applied [`Attempt::counter_reset`]; wrong credentials and codes
    /// stay counted; one of a stranger that found the hashing queue full stays counted for its address; after any other
    /// error the hits are taken back.
    pub(crate) async fn finish<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        match &result {
            Ok(_) => self.succeed(),
            Err(Error::InvalidCredentials | Error::InvalidOtp | Error::InvalidSecondFactor) => {
                self.fail().await;
            }
            // A known device is not counted for its address at all.
            Err(Error::Overloaded) if self.actor.principal.is_none() => self.reject().await,
            Err(_) => self.cancel().await,
        }
        result
    }

    fn succeed(mut self) {
        if let Some(pending) = self.pending.take() {
            pending.release();
        }
    }

    /// Ends the attempt as failed, and records the locks that it started.
    pub(crate) async fn fail(mut self) {
        let pending = self.pending.take();
        let started = self.hits.iter().find(|hit| hit.locked_until.is_some());
        let started = started.map(|hit| hit.bucket().to_owned());
        let locks = self.locks();
        if !locks.is_empty() {
            record_locks(self.store.clone(), self.audit_context(), locks).await;
        } else if let Some(bucket) = started {
            // A write where nothing is recorded, too, so that the response takes the same time for every name.
            let touch =
                move |connection: &mut Transaction<'_>| rate_limits::touch(connection, &bucket);
            if let Err(error) = self.store.write(touch).await {
                tracing::warn!(%error, "a login attempt was not counted completely");
            }
        }
        // Dropped last: the audit log is complete when waiting attempts continue.
        drop(pending);
    }

    /// Takes the hit back from the account. It stays counted for the address, so that filling the hashing queue is not
    /// free.
    async fn reject(mut self) {
        let (of_address, of_account) = self.hits.drain(..).partition(Hit::is_of_address);
        self.hits = of_address;
        let locks = self.locks();
        if !locks.is_empty() {
            record_locks(self.store.clone(), self.audit_context(), locks).await;
        }
        self.hits = of_account;
        self.cancel().await;
    }

    async fn cancel(mut self) {
        let pending = self.pending.take();
        let reset = self.counter_reset();
        let result = self
            .store
            .write(move |connection| reset.take_back(connection))
            .await;
        if let Err(error) = result {
            tracing::warn!(%error, "a cancelled login attempt stays counted as a failure");
        }
        if let Some(pending) = pending {
            pending.release();
        }
    }

    fn audit_context(&self) -> AuditContext {
        self.audit_log.audit_context(&self.actor, self.clock.now())
    }

    /// The hits that started a lock, as far as it is to be recorded.
    fn locks(&self) -> Vec<Hit> {
        let is_recorded = |hit: &Hit| match &self.throttle {
            Some(throttle) if !hit.is_of_address() => {
                unknown_names::is_recorded(throttle, Action::Locked, &self.actor, self.clock.now())
            }
            _ => true,
        };
        let locks = self.hits.iter().filter(|hit| hit.locked_until.is_some());
        locks.filter(|hit| is_recorded(hit)).cloned().collect()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // The client disconnected before the outcome: the attempt stays counted, so its locks are recorded.
        if self.pending.is_none() {
            return;
        }
        let locks = self.locks();
        if !locks.is_empty() {
            let (store, audit_context) = (self.store.clone(), self.audit_context());
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(record_locks(store, audit_context, locks));
            }
        }
    }
}

async fn record_locks(store: Store, audit_context: AuditContext, locks: Vec<Hit>) {
    let result = store
        .write(move |connection| {
            locks
                .iter()
                .try_for_each(|hit| hit.record_lock(connection, &audit_context))
        })
        .await;
    if let Err(error) = result {
        tracing::warn!(%error, "a lock was not recorded in the audit log");
    }
}
