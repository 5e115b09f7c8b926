//! `[admin]`: where the admin panel is served, its session and link lifetimes.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::config::error::{Checks, check_ranges};
use crate::config::server::{ServerConfig, optional_listen};
use crate::config::values::Span;

/// Where the admin panel is served, its session and link lifetimes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// Whether there is an admin panel.
    pub enabled: bool,
    /// Address and port of a listener of its own; `None` serves it on `server.listen`.
    #[serde(deserialize_with = "optional_listen")]
    pub listen: Option<SocketAddr>,
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
            enabled: true,
            listen: None,
            session_idle: Span::hours(1),
            session_absolute: Span::hours(12),
            link_lifetime: Span::days(1),
        }
    }
}

impl AdminConfig {
    pub(super) fn check(
        &self,
        server: &ServerConfig,
        metrics: Option<SocketAddr>,
        checks: &mut Checks,
    ) {
        self.check_listen(server, metrics, checks);
        check_ranges!(checks, "admin", self, {
            session_idle: Span::minutes(1)..=Span::days(7),
            session_absolute: Span::minutes(5)..=Span::days(30),
            link_lifetime: Span::minutes(5)..=Span::days(7),
        });
    }

    fn check_listen(
        &self,
        server: &ServerConfig,
        metrics: Option<SocketAddr>,
        checks: &mut Checks,
    ) {
        let Some(listen) = self.listen else { return };
        let taken = [
            (Some(server.listen), "server.listen"),
            (metrics, "metrics.listen"),
        ];
        for (_, key) in taken
            .iter()
            .filter(|(other, _)| *other == Some(listen) && listen.port() != 0)
        {
            checks.refuse(
                "admin.listen",
                format!("the same as `{key}`: give another address or port, for example `127.0.0.1:8081`"),
            );
        }
        if !self.enabled {
            checks.refuse(
                "admin.listen",
                "`admin.enabled` is false, so there is no panel: remove one of the two",
            );
        } else if server.public_url.is_none() {
            checks.refuse(
                "admin.listen",
                "links from the panel lead to the other listener: set `server.public_url` to its address",
            );
        }
    }
}
