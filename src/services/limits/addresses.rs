//! What nobody can guess and many may try: links, and texts in the place of refresh tokens. They are counted for their
//! address once they were refused. An address that has had enough is remembered, so that its flood costs no database.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    clock::Timestamp,
    domain::{audit::Actor, limits::LimitKind},
    services::{
        bootstrap::Services,
        error::Error,
        limits::{
            attempts::{count, longest_lock, record_lock},
            rules,
        },
    },
};

/// How long a lock is believed before the database is asked again: it may have been lifted elsewhere.
const BELIEVED_FOR: Duration = Duration::from_secs(1);
/// How many locked addresses are remembered; of any more the database is asked.
const MAX_REMEMBERED: usize = 10_000;

/// The addresses that have had enough, as far as this process knows.
#[derive(Default)]
pub(crate) struct Addresses(Mutex<HashMap<String, Locked>>);

#[derive(Clone, Copy)]
struct Locked {
    until: Timestamp,
    seen_at: Timestamp,
}

impl Addresses {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Locked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, bucket: &str) -> Option<Locked> {
        self.known().get(bucket).copied()
    }

    fn remember(&self, bucket: &str, until: Timestamp, now: Timestamp) {
        let mut known = self.known();
        if known.len() >= MAX_REMEMBERED {
            known.retain(|_, locked| locked.until > now);
        }
        if known.len() < MAX_REMEMBERED || known.contains_key(bucket) {
            let seen_at = now;
            known.insert(bucket.to_owned(), Locked { until, seen_at });
        }
    }

    /// Forgets a lock that was lifted.
    pub(super) fn forget(&self, bucket: &str) {
        self.known().remove(bucket);
    }
}

/// Refuses what comes from an address that has had enough of this kind.
///
/// # Errors
/// [`Error::RateLimited`], and the store's.
pub async fn admit(
    services: &Services,
    kind: LimitKind,
    address: Option<IpAddr>,
) -> Result<(), Error> {
    let Some(rule) = rules::of_address(services, kind, address) else {
        return Ok(());
    };
    let (known, bucket) = (&services.limits.addresses, rule.bucket.name);
    let Some(mut locked) = known.find(&bucket) else {
        return Ok(());
    };
    let now = services.clock.now();
    if locked.until > now && now.since(locked.seen_at) >= BELIEVED_FOR {
        match longest_lock(services, std::slice::from_ref(&bucket)).await? {
            Some((_, wait)) => locked.until = now + wait,
            None => locked.until = now,
        }
        known.remember(&bucket, locked.until, now);
    }
    if locked.until > now {
        return Err(Error::RateLimited {
            retry_after: locked.until.since(now),
        });
    }
    known.forget(&bucket);
    Ok(())
}

/// Counts something of this kind that was refused, for its address.
///
/// # Errors
/// [`Error::RateLimited`] when the address has had enough before, and the store's.
pub async fn note_refused(
    services: &Services,
    kind: LimitKind,
    actor: &Actor,
) -> Result<(), Error> {
    let Some(rule) = rules::of_address(services, kind, actor.ip_address) else {
        return Ok(());
    };
    let (audit_context, bucket) = (services.audit_context(actor), rule.bucket.name.clone());
    let now = audit_context.now;
    let counted = services
        .store
        .write(move |connection| {
            let counted = count(connection, &rule, now)?;
            if counted.locked_until.is_some() {
                record_lock(connection, &audit_context, &counted)?;
            }
            Ok::<_, Error>(counted.locked_until)
        })
        .await;
    let known = &services.limits.addresses;
    match counted {
        Ok(locked_until) => {
            if let Some(until) = locked_until {
                known.remember(&bucket, until, now);
            }
            Ok(())
        }
        Err(error) => {
            if let Error::RateLimited { retry_after } = &error {
                known.remember(&bucket, now + *retry_after, now);
            }
            Err(error)
        }
    }
}
