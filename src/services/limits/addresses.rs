//! Limits per address for values that cannot be guessed: links, and refresh tokens with an invalid signature. An
//! attempt is counted for its address after it failed.

use std::net::IpAddr;

use crate::clock::Timestamp;
use crate::domain::audit::Actor;
use crate::domain::limits::LimitKind;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::counting::{Hit, address_quota, count, longest_lock};
use crate::services::limits::quota::{Policy, Quota};
use crate::services::limits::rules::{Rule, address_rules};

/// Rejects an attempt from an address that is locked for this kind, alone or with its network.
///
/// # Errors
/// [`Error::RateLimited`], and the store's.
pub async fn admit(
    services: &Services,
    kind: LimitKind,
    address: Option<IpAddr>,
) -> Result<(), Error> {
    let rules = address_rules(services, kind, address);
    let Some(cached_as) = cache_key(&rules) else {
        return Ok(());
    };
    let locked = &services.limits.locked_addresses;
    let Some(lock) = locked.find(cached_as) else {
        return Ok(());
    };
    let now = services.clock.now();
    let (mut until, mut policy) = (lock.until, lock.policy);
    if lock.is_stale(now) {
        let longest = longest_lock(services, &rules).await?;
        (until, policy) = longest.map_or((now, policy), |(rule, wait)| (now + wait, rule.policy));
        locked.insert(cached_as, until, policy, now);
    }
    if until > now {
        return Err(Error::RateLimited {
            retry_after: until.since(now),
            policy,
        });
    }
    locked.remove(cached_as);
    Ok(())
}

/// The name that the lock of an address is cached under: the bucket of its narrowest network.
fn cache_key(rules: &[Rule]) -> Option<&str> {
    rules.first().map(|rule| rule.bucket.name.as_str())
}

/// Counts a failed attempt of this kind for its address, and returns what is left of the limit.
///
/// # Errors
/// [`Error::RateLimited`] if the address was locked before, and the store's.
pub async fn record_failure(
    services: &Services,
    kind: LimitKind,
    actor: &Actor,
) -> Result<Option<Quota>, Error> {
    let rules = address_rules(services, kind, actor.ip_address);
    let Some(cached_as) = cache_key(&rules).map(str::to_owned) else {
        return Ok(None);
    };
    let audit_context = services.audit_context(actor);
    let now = audit_context.now;
    let counted = services
        .store
        .write(move |connection| {
            let mut hits = Vec::with_capacity(rules.len());
            for rule in &rules {
                let hit = count(connection, rule, now)?;
                if hit.locked_until.is_some() {
                    hit.record_lock(connection, &audit_context)?;
                }
                hits.push(hit);
            }
            Ok::<_, Error>(hits)
        })
        .await;
    let lock = match &counted {
        Ok(hits) => longest_started(hits),
        Err(Error::RateLimited {
            retry_after,
            policy,
        }) => Some((now + *retry_after, *policy)),
        Err(_) => None,
    };
    if let Some((until, policy)) = lock {
        let locked = &services.limits.locked_addresses;
        locked.insert(&cached_as, until, policy, now);
    }
    counted.map(|hits| address_quota(&hits, true, now))
}

/// The end and the limit of the longest lock that these hits started.
fn longest_started(hits: &[Hit]) -> Option<(Timestamp, Policy)> {
    let locks = hits
        .iter()
        .filter_map(|hit| Some((hit.locked_until?, hit.policy())));
    locks.max_by_key(|(until, _)| *until)
}
