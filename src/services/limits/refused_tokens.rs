//! A limit on refresh tokens that this server signed and that are refused all the same, such as those of an ended session.
//! Finding that out takes a write, so it is done only so often for one token, and for all tokens of a session.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::memory_counters::MemoryLimit;
use crate::services::limits::quota::Policy;
use crate::tokens::Claims;

/// The refusals of one token.
const OF_TOKEN: Policy = Policy {
    name: "token-refusals",
    quota: 10,
    window: Duration::from_mins(1),
};
/// The refusals of all tokens of a session. Much more than one: an old token that someone else presents must not keep the
/// owner's token of the same session from being used.
const OF_SESSION: Policy = Policy {
    name: "session-refusals",
    quota: 100,
    window: Duration::from_mins(1),
};

fn limits(services: &Services, claims: &Claims) -> [MemoryLimit; 2] {
    let counters = &services.limits.counters;
    [
        counters.limit(("refused token", &claims.jti), OF_TOKEN),
        counters.limit(("refused tokens", &claims.session), OF_SESSION),
    ]
}

/// Rejects a refresh if this token, or too many of its session, were refused.
///
/// # Errors
/// [`Error::RateLimited`].
pub(in crate::services) fn admit(
    services: &Services,
    claims: &Claims,
    now: Timestamp,
) -> Result<(), Error> {
    let counters = &services.limits.counters;
    let used_up = counters.used_up(&limits(services, claims), now);
    used_up.map_or(Ok(()), |quota| Err(quota.into()))
}

/// Counts a refusal, if this error is one.
pub(in crate::services) fn record(
    services: &Services,
    claims: &Claims,
    error: &Error,
    now: Timestamp,
) {
    let is_refusal = matches!(
        error,
        Error::TokenBlacklisted
            | Error::TokenReused
            | Error::SessionRevoked
            | Error::UserInactive
            | Error::TokenUserNotFound
    );
    if is_refusal {
        for limit in limits(services, claims) {
            services.limits.counters.count(&limit, now);
        }
    }
}
