//! `[audit]`: how long the record of what was done is kept. What is recorded is the services' to know.

use serde::{Deserialize, Serialize};

use crate::config::{error::Checks, values::Span};

/// How long the record of what was done is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// How long an event is kept.
    pub keep_for: Span,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            keep_for: Span::days(730),
        }
    }
}

impl AuditConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.within(
            "audit.keep_for",
            &self.keep_for,
            Span::days(1)..=Span::days(36_500),
        );
    }
}
