//! A limit on refresh tokens that this server signed and that are refused all the same, such as those of an ended session.
//! Finding that out takes a write, so it is done only so often for one session.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::session::SessionId;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::memory_counters::MemoryLimit;

/// The refusals for one session within [`WINDOW`].
const MAX: u32 = 10;
const WINDOW: Duration = Duration::from_mins(1);

fn limit(services: &Services, session: &SessionId) -> MemoryLimit {
    let key = ("refused tokens", session);
    services.limits.counters.limit(key, MAX, WINDOW)
}

/// Rejects a refresh if too many were refused for this session.
///
/// # Errors
/// [`Error::RateLimited`].
pub(in crate::services) fn admit(
    services: &Services,
    session: &SessionId,
    now: Timestamp,
) -> Result<(), Error> {
    let limit = limit(services, session);
    match services.limits.counters.wait(&limit, now) {
        Some(retry_after) => Err(Error::RateLimited { retry_after }),
        None => Ok(()),
    }
}

/// Counts a refusal, if this error is one.
pub(in crate::services) fn record(
    services: &Services,
    session: &SessionId,
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
        let limit = limit(services, session);
        services.limits.counters.count(&limit, now);
    }
}
