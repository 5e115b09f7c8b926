//! `[limits]`: how often a password, a code, a link or a token may be wrong before the next try has to wait.

use serde::{Deserialize, Serialize};

use crate::config::{error::Checks, values::Span};

/// How many failures are allowed, and how long the next try waits after that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Failures in a row for one account, after which it waits.
    pub failures: u32,
    /// How long it waits then; twice as long after each failure that follows.
    pub first_delay: Span,
    /// The longest it waits.
    pub longest_delay: Span,
    /// Failures of each kind from one address in an hour; 0 counts none.
    pub failures_per_address: u32,
    /// How long a device that has logged in is known by its device token.
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
        checks.within("limits.failures", &self.failures, 1..=100);
        checks.within(
            "limits.first_delay",
            &self.first_delay,
            Span::seconds(1)..=Span::hours(1),
        );
        checks.within(
            "limits.longest_delay",
            &self.longest_delay,
            Span::seconds(1)..=Span::days(1),
        );
        if self.longest_delay < self.first_delay {
            checks.refuse(
                "limits.longest_delay",
                format!(
                    "`{}` is shorter than `limits.first_delay` ({}): give as much or more",
                    self.longest_delay, self.first_delay
                ),
            );
        }
        checks.within(
            "limits.failures_per_address",
            &self.failures_per_address,
            0..=1_000_000,
        );
        checks.within(
            "limits.device_lifetime",
            &self.device_lifetime,
            Span::days(1)..=Span::days(3_650),
        );
    }
}
