//! When a failed attempt is repeated: the pause between two attempts, and what an attempt can come to.

use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

const FIRST: Duration = Duration::from_millis(500);
/// The longest pause, whatever a server asks for: a code lives for minutes.
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// Why an attempt failed. The reason holds no code and no address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AttemptError {
    /// One short clause for the log.
    pub(super) reason: String,
    /// Whether another attempt may go better.
    pub(super) again: bool,
    /// How long the other side asked us to wait.
    pub(super) after: Option<Duration>,
}

impl AttemptError {
    /// A failure that no other attempt will heal.
    pub(super) fn lasting(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            again: false,
            after: None,
        }
    }

    /// A failure that may pass.
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            again: true,
            after: None,
        }
    }
}

/// The pause after the attempt number `attempt` (from 1): doubling from half a second to [`LONGEST`], of which a random
/// part of up to a half is taken off, so that many senders do not come back together.
pub(super) fn pause(attempt: u32) -> Duration {
    let full = FIRST
        .saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)))
        .min(LONGEST);
    let mut byte = [0_u8; 1];
    // Without random bytes the pause is merely not spread.
    let _spread = SystemRandom::new().fill(&mut byte);
    full.saturating_sub(full / 512 * u32::from(byte[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_30_seconds_and_lose_at_most_a_half() {
        for (attempt, millis) in [(1, 500), (2, 1_000), (3, 2_000), (7, 30_000), (99, 30_000)] {
            let full = Duration::from_millis(millis);
            for _ in 0..50 {
                let pause = pause(attempt);
                assert!(pause <= full && pause >= full / 2, "{attempt}: {pause:?}");
            }
        }
    }
}
