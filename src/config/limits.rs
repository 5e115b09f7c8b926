//! `[limits]`: rate limits for failed attempts with passwords, codes, links and tokens.

use serde::{Deserialize, Serialize};

use crate::config::error::{Checks, check_ranges};
use crate::config::values::Span;

/// Rate limits for failed attempts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Consecutive failures for one account before it is locked.
    pub failures: u32,
    /// Length of the first lock. It doubles after each further failure.
    pub first_delay: Span,
    /// Maximum length of a lock.
    pub longest_delay: Span,
    /// Failures of each kind from one IP address per hour; larger networks have multiples of it. 0 disables this limit.
    pub failures_per_address: u32,
    /// Lifetime of a device token.
    pub device_lifetime: Span,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            failures: 5,
            first_delay: Span::minutes(1),
            longest_delay: Span::hours(1),
            failures_per_address: 100,
            device_lifetime: Span::days(180),
        }
    }
}

impl LimitsConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        // NIST SP 800-63B-4 section 3.2.2 allows no more than 100 failures in a row.
        check_ranges!(checks, "limits", self, {
            failures: 1..=100,
            first_delay: Span::seconds(1)..=Span::hours(1),
            longest_delay: Span::seconds(1)..=Span::days(1),
        });
        checks.not_shorter(
            "limits.longest_delay",
            self.longest_delay,
            "limits.first_delay",
            self.first_delay,
        );
        check_ranges!(checks, "limits", self, {
            failures_per_address: 0..=1_000_000,
            device_lifetime: Span::days(1)..=Span::days(3_650),
        });
    }
}
