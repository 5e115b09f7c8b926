//! How long the rows of expired tokens and sessions are kept.

use crate::{clock::Timestamp, config::MAX_LEEWAY};

/// Tokens that expired at this time or before are rejected with every leeway that can be configured, so their rows may
/// be deleted. The configured leeway is not used: raising it later must not make a revoked token valid again.
#[must_use]
pub fn cutoff(now: Timestamp) -> Timestamp {
    now - MAX_LEEWAY.get()
}
