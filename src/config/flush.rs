//! `[flush]`: how often expired rows are deleted.

use serde::{Deserialize, Serialize};

use crate::config::error::{Checks, check_ranges};
use crate::config::values::Span;

/// How often expired rows are deleted, and how many per transaction at most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlushConfig {
    /// The time between two flushes.
    pub interval: Span,
    /// Rows deleted in one transaction at most.
    pub batch_size: u32,
}

impl Default for FlushConfig {
    fn default() -> Self {
        Self {
            interval: Span::hours(1),
            batch_size: 500_000,
        }
    }
}

impl FlushConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        check_ranges!(checks, "flush", self, {
            interval: Span::minutes(1)..=Span::days(7),
            batch_size: 1..=1_000_000,
        });
    }
}
