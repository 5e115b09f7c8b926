//! Limits per address for values that cannot be guessed: links, and refresh tokens with an invalid signature. An
//! attempt is counted for its address after it failed.

use std::net::IpAddr;

use crate::domain::audit::Actor;
use crate::domain::limits::LimitKind;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::counting::{count, longest_lock};
use crate::services::limits::rules;

/// Rejects an attempt from an address that is locked for this kind.
///
/// # Errors
/// [`Error::RateLimited`], and the store's.
pub async fn admit(
    services: &Services,
    kind: LimitKind,
    address: Option<IpAddr>,
) -> Result<(), Error> {
    let Some(rule) = rules::address_rule(services, kind, address) else {
        return Ok(());
    };
    let (locked, bucket) = (&services.limits.locked_addresses, rule.bucket.name);
    let Some(lock) = locked.find(&bucket) else {
        return Ok(());
    };
    let now = services.clock.now();
    let mut until = lock.until;
    if lock.is_stale(now) {
        let longest = longest_lock(services, std::slice::from_ref(&bucket)).await?;
        until = longest.map_or(now, |(_, wait)| now + wait);
        locked.insert(&bucket, until, now);
    }
    if until > now {
        return Err(Error::RateLimited {
            retry_after: until.since(now),
        });
    }
    locked.remove(&bucket);
    Ok(())
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
    let Some(rule) = rules::address_rule(services, kind, actor.ip_address) else {
        return Ok(());
    };
    let (audit_context, bucket) = (services.audit_context(actor), rule.bucket.name.clone());
    let now = audit_context.now;
    let counted = services
        .store
        .write(move |connection| {
            let hit = count(connection, &rule, now)?;
            if hit.locked_until.is_some() {
                hit.record_lock(connection, &audit_context)?;
            }
            Ok::<_, Error>(hit.locked_until)
        })
        .await;
    let locked_until = match &counted {
        Ok(locked_until) => *locked_until,
        Err(Error::RateLimited { retry_after }) => Some(now + *retry_after),
        Err(_) => None,
    };
    if let Some(until) = locked_until {
        services.limits.locked_addresses.insert(&bucket, until, now);
    }
    counted.map(|_| ())
}
