//! `[admin]`: session and link lifetimes of the admin panel.

use serde::{Deserialize, Serialize};

use crate::config::error::{Checks, check_ranges};
use crate::config::values::Span;

/// Session and link lifetimes of the admin panel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// An admin panel session ends after this time without a request.
    pub session_idle: Span,
    /// An admin panel session ends after this time in any case.
    pub session_absolute: Span,
    /// How long a link to set a password is valid.
    pub link_lifetime: Span,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            session_idle: Span::hours(1),
            session_absolute: Span::hours(12),
            link_lifetime: Span::days(1),
        }
    }
}

impl AdminConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        check_ranges!(checks, "admin", self, {
            session_idle: Span::minutes(1)..=Span::days(7),
            session_absolute: Span::minutes(5)..=Span::days(30),
            link_lifetime: Span::minutes(5)..=Span::days(7),
        });
    }
}
