//! `[admin]`: how long administrators stay signed in to the panel. What they may do there is the services' to know.

use serde::{Deserialize, Serialize};

use crate::config::{error::Checks, values::Span};

/// How long administrators stay signed in to the panel, and how long its links are good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// How long a session in the panel lives without being used.
    pub session_idle: Span,
    /// How long a session in the panel lives however often it is used.
    pub session_absolute: Span,
    /// How long a link to set a password is good.
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
        checks.within(
            "admin.session_idle",
            &self.session_idle,
            Span::minutes(1)..=Span::days(7),
        );
        checks.within(
            "admin.session_absolute",
            &self.session_absolute,
            Span::minutes(5)..=Span::days(30),
        );
        checks.within(
            "admin.link_lifetime",
            &self.link_lifetime,
            Span::minutes(5)..=Span::days(7),
        );
    }
}
