//! Counting hits in the buckets of the database, and undoing the count.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Subject};
use crate::services::account_lookup::find_by_login;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::quota::{Policy, Quota};
use crate::services::limits::rules::Rule;
use crate::store::{Db, StoreError, Transaction, rate_limits as table};

/// A hit that was counted in a bucket.
#[derive(Clone)]
pub(super) struct Hit {
    rule: Rule,
    hits: i64,
    /// The end of the lock, if this hit locked the bucket.
    pub(super) locked_until: Option<Timestamp>,
    /// When hits stop counting.
    expires_at: Timestamp,
}

/// The rule whose bucket has the longest lock, and the remaining time of that lock; `None` if none of them is locked.
pub(super) async fn longest_lock(
    services: &Services,
    rules: &[Rule],
) -> Result<Option<(Rule, Duration)>, Error> {
    let names = rules.iter().map(|rule| rule.bucket.name.clone());
    let (buckets, now) = (names.collect::<Vec<String>>(), services.clock.now());
    let locked = services
        .store
        .read(move |connection| table::find_locked(connection, &buckets, now))
        .await?;
    let longest = locked.into_iter().max_by_key(|(_, until)| *until);
    Ok(longest.and_then(|(bucket, until)| {
        let rule = rules.iter().find(|rule| rule.bucket.name == bucket)?;
        Some((rule.clone(), until.since(now)))
    }))
}

/// Counts a hit in a bucket, and locks the bucket if this hit reaches the threshold; part of a transaction, which must
/// be rolled back on [`Error::RateLimited`] (the bucket was locked before).
pub(super) fn count(connection: &mut Db, rule: &Rule, now: Timestamp) -> Result<Hit, Error> {
    let window_end = now + rule.policy.window;
    let count = table::count(connection, &rule.bucket, now, window_end, rule.slides())?;
    if let Some(until) = count.locked_until {
        return Err(Error::RateLimited {
            retry_after: until.since(now),
            policy: rule.policy,
        });
    }
    let locked_until = rule.locked_until(&count, now);
    if let Some(until) = locked_until {
        table::lock(connection, &rule.bucket.name, now, until)?;
    }
    Ok(Hit {
        rule: rule.clone(),
        hits: count.hits,
        locked_until,
        expires_at: count.expires_at,
    })
}

/// What is left of the limits of the address, by the one with the least; `None` if none of the hits is counted for an
/// address. `stays`: whether the hits stay counted.
pub(super) fn address_quota(hits: &[Hit], stays: bool, now: Timestamp) -> Option<Quota> {
    let of_address = hits.iter().filter(|hit| hit.is_of_address());
    let quotas = of_address.map(|hit| Quota {
        policy: hit.policy(),
        remaining: hit.remaining(stays),
        resets_in: hit.expires_at.since(now),
    });
    quotas.min_by_key(|quota| quota.remaining)
}

impl Hit {
    /// The limit of its bucket.
    pub(super) fn policy(&self) -> Policy {
        self.rule.policy
    }

    /// The hits that are left before the bucket is locked.
    fn remaining(&self, stays: bool) -> u32 {
        let counted = self.hits - i64::from(!stays);
        u32::try_from(self.rule.threshold() - counted).unwrap_or(0)
    }

    /// The name of its bucket.
    pub(super) fn bucket(&self) -> &str {
        &self.rule.bucket.name
    }

    /// Whether it is counted for an address.
    pub(super) fn is_of_address(&self) -> bool {
        self.rule.is_of_address()
    }

    fn take_back(&self, connection: &mut Db) -> Result<(), StoreError> {
        let name = &self.rule.bucket.name;
        table::subtract(connection, name, self.rule.threshold(), self.locked_until)
    }

    /// Records the lock that this hit started in the audit log.
    pub(super) fn record_lock(
        &self,
        connection: &mut Transaction<'_>,
        audit_context: &AuditContext,
    ) -> Result<(), StoreError> {
        let bucket = &self.rule.bucket;
        let account = match (bucket.user_type, &bucket.subject) {
            (Some(user_type), Some(name)) => find_by_login(connection, user_type, name)?,
            _ => None,
        };
        let principal = account.map(|account| account.principal);
        let mut event = Event::new(Action::Locked).to(Subject {
            principal,
            name: bucket.subject.clone(),
        });
        if let Some(kind) = bucket.kind {
            event = event.with_detail("limit", kind);
        }
        if let Some(user_type) = bucket.user_type {
            event = event.with_detail("user_type", user_type);
        }
        event = event.with_detail("tries", self.hits);
        if let Some(until) = self.locked_until {
            event = event.with_detail("until", until.whole_seconds());
        }
        audit_context.record(connection, &event)
    }
}

/// The hits of one attempt, to be undone.
#[derive(Clone, Default)]
pub(crate) struct CounterReset(pub(super) Vec<Hit>);

impl CounterReset {
    /// Clears the counter of the account or device, and takes this attempt's hit back from its address; part of the
    /// transaction of a successful login.
    pub(crate) fn apply(&self, connection: &mut Db) -> Result<(), StoreError> {
        for hit in &self.0 {
            if hit.is_of_address() {
                hit.take_back(connection)?;
            } else {
                table::delete(connection, &hit.rule.bucket.name)?;
            }
        }
        Ok(())
    }

    /// Takes this attempt's hits back, and nothing else.
    pub(super) fn take_back(&self, connection: &mut Db) -> Result<(), StoreError> {
        self.0.iter().try_for_each(|hit| hit.take_back(connection))
    }
}
