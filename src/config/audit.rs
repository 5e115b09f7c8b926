//! `[audit]`: how long the audit log is kept.

use serde::{Deserialize, Serialize};

use crate::config::error::{Checks, check_ranges};
use crate::config::values::Span;

/// How long the audit log is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// How long an audit event is kept.
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
        check_ranges!(checks, "audit", self, {
            keep_for: Span::days(1)..=Span::days(36_500),
        });
    }
}
