//! `[event_webhooks]`: where webhooks for events may lead.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::config::error::{Checks, check_ranges};
use crate::config::values::{Span, networks};

/// Where webhooks for events may lead, and how long one request may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventWebhooksConfig {
    /// Networks that endpoints may be in although they are not public.
    #[serde(deserialize_with = "networks")]
    pub allowed_networks: Vec<IpNet>,
    /// Hosts that endpoints may be called at over `http`.
    pub http_hosts: Vec<String>,
    /// Maximum time for one request.
    pub timeout: Span,
}

impl Default for EventWebhooksConfig {
    fn default() -> Self {
        Self {
            allowed_networks: Vec::new(),
            http_hosts: Vec::new(),
            timeout: Span::seconds(10),
        }
    }
}

impl EventWebhooksConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        check_ranges!(checks, "event_webhooks", self, {
            timeout: Span::seconds(1)..=Span::seconds(30),
        });
        let is_host = |host: &String| {
            url::Host::parse(host).is_ok_and(|parsed| parsed.to_string().eq_ignore_ascii_case(host))
        };
        if !self.http_hosts.iter().all(is_host) {
            checks.refuse(
                "event_webhooks.http_hosts",
                "one of them is not a host: give names or addresses without scheme and port, \
                 for example `[\"hooks.internal\", \"10.0.0.7\"]`",
            );
        }
    }

    /// Whether an endpoint may be called at this host over `http`.
    #[must_use]
    pub fn allows_http(&self, host: &str) -> bool {
        let mut allowed = self.http_hosts.iter();
        allowed.any(|other| other.eq_ignore_ascii_case(host))
    }
}
