//! `[webhook]`: the HTTP endpoint that receives one-time codes.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use crate::config::error::{Checks, check_ranges};
use crate::config::values::{MASK, Secret, Span, is_loopback_host, optional_url, url_problem};

/// The HTTP endpoint that receives one-time codes, and the secret that signs the requests.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookConfig {
    /// The URL of the endpoint. `Debug` and `Serialize` omit its path and query, which may contain a key.
    #[serde(serialize_with = "without_path", deserialize_with = "optional_url")]
    pub url: Option<Url>,
    /// The HTTP proxy through which the endpoint is called. Environment variables set none.
    #[serde(deserialize_with = "optional_url")]
    pub proxy: Option<Url>,
    /// The signing secret, see [`WebhookConfig::key`].
    pub secret: Option<Secret>,
    /// Allows `http` to another machine.
    pub allow_http: bool,
    /// Maximum time for one request.
    pub timeout: Span,
    /// Retries after a failed request.
    pub retries: u32,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            url: None,
            proxy: None,
            secret: None,
            allow_http: false,
            timeout: Span::seconds(5),
            retries: 3,
        }
    }
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.as_ref();
        f.debug_struct("WebhookConfig")
            .field("url", &url.map(|url| url.origin().ascii_serialization()))
            .field("secret", &self.secret)
            .field("timeout", &self.timeout)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

/// Prefix of a base64 secret (Standard Webhooks 1.0).
const PREFIX: &str = "whsec_";
const MIN_BYTES: usize = 24;

impl WebhookConfig {
    /// The bytes of the signing key (Standard Webhooks 1.0): the decoded base64 after `whsec_`, or the bytes of the text.
    ///
    /// `None` without a secret, or if the text after `whsec_` is not base64.
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
        self.check_proxy(checks);
        self.check_secret(is_used, checks);
        check_ranges!(checks, "webhook", self, {
            timeout: Span::seconds(1)..=Span::minutes(1),
            retries: 0..=10,
        });
    }

    fn check_url(&self, is_used: bool, checks: &mut Checks) {
        let Some(url) = &self.url else {
            if is_used {
                checks.refuse(
                    "webhook.url",
                    "required if `otp.delivery` is `webhook`: give the URL to call, \
                     for example `https://hooks.example.org/codes`",
                );
            }
            return;
        };
        // Through a proxy even the loopback address is that of another machine.
        let is_local = self.proxy.is_none() && url.host_str().is_some_and(is_loopback_host);
        if let Some(problem) = url_problem(url) {
            checks.refuse("webhook.url", problem);
        } else if url.scheme() == "http" && !self.allow_http && !is_local {
            checks.refuse(
                "webhook.url",
                "with `http` codes would be sent unencrypted: give an `https` URL, \
                 or set `webhook.allow_http = true` on a trusted network",
            );
        }
    }

    fn check_proxy(&self, checks: &mut Checks) {
        let Some(proxy) = &self.proxy else {
            return;
        };
        let is_plain = proxy.scheme() == "http"
            && url_problem(proxy).is_none()
            && proxy.path() == "/"
            && proxy.query().is_none()
            && proxy.fragment().is_none();
        if !is_plain {
            checks.refuse(
                "webhook.proxy",
                "must be the address of an HTTP proxy without a user name or path: give for example \
                 `http://proxy.example.org:3128`",
            );
        }
    }

    fn check_secret(&self, is_used: bool, checks: &mut Checks) {
        let example = "for example `whsec_` and the output of `openssl rand -base64 32`";
        if self.secret.is_none() {
            if is_used {
                checks.refuse(
                    "webhook.secret",
                    format!("required if `otp.delivery` is `webhook`: give at least {MIN_BYTES} random bytes, {example}"),
                );
            }
            return;
        }
        match self.key() {
            None => checks.refuse(
                "webhook.secret",
                format!("the text after `{PREFIX}` is not base64: give {example}"),
            ),
            Some(key) if key.len() < MIN_BYTES => checks.refuse(
                "webhook.secret",
                format!(
                    "{} bytes are too few: give at least {MIN_BYTES} random bytes, {example}",
                    key.len()
                ),
            ),
            Some(_) => {}
        }
    }
}

/// The URL with a mask in place of path and query.
#[expect(
    clippy::ref_option,
    reason = "serde calls it with the field's reference"
)]
fn without_path<S: Serializer>(url: &Option<Url>, serializer: S) -> Result<S::Ok, S::Error> {
    let shown = url.as_ref().map(|url| {
        let origin = url.origin().ascii_serialization();
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let hidden = if is_bare { "" } else { MASK };
        format!("{origin}/{hidden}")
    });
    shown.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use crate::config::{Secret, SmtpConfig, WebhookConfig};

    #[test]
    fn debug_output_omits_secrets() {
        let smtp = SmtpConfig {
            host: Some("mail.example.org".to_owned()),
            username: Some("ann".to_owned()),
            password: Some(Secret::new("hidden")),
            from: Some("login@example.org".to_owned()),
            ..SmtpConfig::default()
        };
        let url = "https://u:hidden@example.org:8443/hidden?key=hidden";
        let webhook = WebhookConfig {
            url: Some(url.parse().unwrap()),
            secret: Some(Secret::new("hidden")),
            ..WebhookConfig::default()
        };
        for shown in [format!("{smtp:?}"), format!("{webhook:?}")] {
            assert!(!shown.contains("hidden"), "{shown}");
            assert!(shown.contains("example.org"), "{shown}");
        }
    }
}
