//! Limits per address for values that cannot be guessed: links, and refresh tokens with an invalid signature. An
//! attempt is counted for its address after it failed.

use std::net::IpAddr;

use crate::domain::audit::Actor;
use crate::domain::limits::LimitKind;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::counting::{count, longest_lock};
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
    let mut until = lock.until;
    if lock.is_stale(now) {
        let buckets: Vec<String> = rules.iter().map(|rule| rule.bucket.name.clone()).collect();
        let longest = longest_lock(services, &buckets).await?;
        until = longest.map_or(now, |(_, wait)| now + wait);
        locked.insert(cached_as, until, now);
    }
    if until > now {
        return Err(Error::RateLimited {
            retry_after: until.since(now),
        });
    }
    locked.remove(cached_as);
    Ok(())
}

/// The name that the lock of an address is cached under: the bucket of its narrowest network.
fn cache_key(rules: &[Rule]) -> Option<&str> {
    rules.first().map(|rule| rule.bucket.name.as_str())
}

/// Counts a failed attempt of this kind for its address.
///
/// # Errors
/// [`Error::RateLimited`] if the address was locked before, and the store's.
pub async fn record_failure(
    services: &Services,
    kind: LimitKind,
    actor: &Actor,
) -> Result<(), Error> {
    let rules = address_rules(services, kind, actor.ip_address);
    let Some(cached_as) = cache_key(&rules).map(str::to_owned) else {
        return Ok(());
    };
    let audit_context = services.audit_context(actor);
    let now = audit_context.now;
    let counted = services
        .store
        .write(move |connection| {
            let mut locked_until = None;
            for rule in &rules {
                let hit = count(connection, rule, now)?;
                if hit.locked_until.is_some() {
                    hit.record_lock(connection, &audit_context)?;
                }
                locked_until = locked_until.max(hit.locked_until);
            }
            Ok::<_, Error>(locked_until)
        })
        .await;
    let locked_until = match &counted {
        Ok(locked_until) => *locked_until,
        Err(Error::RateLimited { retry_after }) => Some(now + *retry_after),
        Err(_) => None,
    };
    if let Some(until) = locked_until {
        services
            .limits
            .locked_addresses
            .insert(&cached_as, until, now);
    }
    counted.map(|_| ())
}
