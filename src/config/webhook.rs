//! `[webhook]`: the service that is told of codes. Calling it is the delivery room's.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::{
    error::Checks,
    values::{Secret, Span, is_loopback_host, optional_url, url_problem},
};

/// The service of yours that is told of codes, and how it knows that the call is munjigi's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookConfig {
    /// The address that is called.
    #[serde(deserialize_with = "optional_url")]
    pub url: Option<Url>,
    /// The secret that calls are signed with, see [`WebhookConfig::key`].
    pub secret: Option<Secret>,
    /// Whether `http` is allowed to another machine.
    pub allow_http: bool,
    /// How long one call may take.
    pub timeout: Span,
    /// Further tries after a call that failed.
    pub retries: u32,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            url: None,
            secret: None,
            allow_http: false,
            timeout: Span::seconds(5),
            retries: 3,
        }
    }
}

/// How a secret in the form of Standard Webhooks begins; base64 follows.
const PREFIX: &str = "whsec_";
const LEAST_BYTES: usize = 24;

impl WebhookConfig {
    /// The bytes that sign a call (Standard Webhooks 1.0): those behind `whsec_` decoded, else the text's own.
    ///
    /// `None` without a secret, or when what stands behind `whsec_` is not base64.
    #[must_use]
    pub fn key(&self) -> Option<Vec<u8>> {
        let text = self.secret.as_ref()?.reveal();
        match text.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD.decode(encoded).ok(),
            None => Some(text.as_bytes().to_vec()),
        }
    }

    pub(super) fn check(&self, is_used: bool, checks: &mut Checks) {
        self.check_url(is_used, checks);
        self.check_secret(is_used, checks);
        checks.within(
            "webhook.timeout",
            &self.timeout,
            Span::seconds(1)..=Span::minutes(1),
        );
        checks.within("webhook.retries", &self.retries, 0..=10);
    }

    fn check_url(&self, is_used: bool, checks: &mut Checks) {
        let Some(url) = &self.url else {
            if is_used {
                checks.refuse(
                    "webhook.url",
                    "`otp.delivery` is `webhook`, which needs it: give the address to call, \
                     for example `https://hooks.example.org/codes`",
                );
            }
            return;
        };
        let is_local = url.host_str().is_some_and(is_loopback_host);
        if let Some(problem) = url_problem(url) {
            checks.refuse("webhook.url", problem);
        } else if url.scheme() == "http" && !self.allow_http && !is_local {
            checks.refuse(
                "webhook.url",
                "with `http` codes would cross the network readable: give an `https` address, \
                 or set `webhook.allow_http = true` where the network is yours alone",
            );
        }
    }

    fn check_secret(&self, is_used: bool, checks: &mut Checks) {
        let remedy = "for example `whsec_` and the output of `openssl rand -base64 32`";
        if self.secret.is_none() {
            if is_used {
                checks.refuse(
                    "webhook.secret",
                    format!("`otp.delivery` is `webhook`, which needs it: give at least {LEAST_BYTES} random bytes, {remedy}"),
                );
            }
            return;
        }
        match self.key() {
            None => checks.refuse(
                "webhook.secret",
                format!("what stands behind `{PREFIX}` is not base64: give {remedy}"),
            ),
            Some(key) if key.len() < LEAST_BYTES => checks.refuse(
                "webhook.secret",
                format!(
                    "{} bytes are too few: give at least {LEAST_BYTES} random bytes, {remedy}",
                    key.len()
                ),
            ),
            Some(_) => {}
        }
    }
}
