//! Errors of an attempt, and the pause before the next attempt.

use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The maximum pause, even if the server asks for more, because a code is valid for minutes only.
pub(super) const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Why an attempt failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AttemptError {
    /// A reason for the log. Contains no code and no address.
    pub(super) reason: String,
    /// Whether another attempt may succeed.
    pub(super) is_temporary: bool,
    /// The pause that the server asked for.
    pub(super) retry_after: Option<Duration>,
}

impl AttemptError {
    /// A failure that will occur again.
    pub(super) fn permanent(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_temporary: false,
            retry_after: None,
        }
    }

    /// A failure that may not occur again.
    pub(super) fn temporary(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_temporary: true,
            retry_after: None,
        }
    }
}

/// The pause after attempt number `attempt`, counted from 1. It doubles from 500 ms to [`MAX_PAUSE`], minus a random part
/// of up to one half (jitter).
pub(super) fn pause(attempt: u32) -> Duration {
    let full = FIRST_PAUSE
        .saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)))
        .min(MAX_PAUSE);
    let mut byte = [0_u8; 1];
    // Without random bytes there is no jitter.
    let _result = SystemRandom::new().fill(&mut byte);
    full.saturating_sub(full / 512 * u32::from(byte[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_30_seconds_minus_at_most_one_half() {
        for (attempt, millis) in [(1, 500), (2, 1_000), (3, 2_000), (7, 30_000), (99, 30_000)] {
            let full = Duration::from_millis(millis);
            for _ in 0..50 {
                let pause = pause(attempt);
                assert!(pause <= full && pause >= full / 2, "{attempt}: {pause:?}");
            }
        }
    }
}
