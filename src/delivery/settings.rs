//! Settings of the delivery channels. They are read and checked by `config`.

use std::{fmt, path::PathBuf, time::Duration};

use url::Url;

/// How codes are delivered.
#[derive(Clone, Debug)]
pub enum Channel {
    /// A line in the server log, for evaluation.
    Console,
    /// By mail.
    Smtp(SmtpSettings),
    /// By a signed HTTP request to the operator's own service.
    Webhook(WebhookSettings),
}

impl Channel {
    /// The name of the channel in the configuration and in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Smtp(_) => "smtp",
            Self::Webhook(_) => "webhook",
        }
    }
}

/// How the connection to the mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Requires `STARTTLS` before any other command (RFC 3207).
    Starttls,
    /// TLS from the first byte (RFC 8314 section 3).
    Tls,
    /// Unencrypted, for a relay on the same machine.
    None,
}

/// The mail server.
#[derive(Clone)]
pub struct SmtpSettings {
    /// Host name. With TLS, the certificate must be valid for it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: Tls,
    /// User name for SMTP authentication; `None` disables authentication.
    pub username: Option<String>,
    /// Password for SMTP authentication.
    pub password: Option<String>,
    /// Sender: `login@example.org` or `Example <login@example.org>`.
    pub from: String,
    /// PEM file of certificates that are trusted in addition to the public ones.
    pub ca_file: Option<PathBuf>,
    /// Maximum time for one attempt, including connecting.
    pub timeout: Duration,
}

impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("from", &self.from)
            .field("ca_file", &self.ca_file)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// The webhook.
#[derive(Clone)]
pub struct WebhookSettings {
    /// The URL. `Debug` omits its path and query, which may contain a key.
    pub url: Url,
    /// Signing secret: `whsec_` and base64, or plain text; at least 24 bytes.
    pub secret: String,
    /// Maximum time for one attempt.
    pub timeout: Duration,
    /// Retries after a failed attempt.
    pub retries: u32,
}

impl fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSettings")
            .field("url", &self.url.origin().ascii_serialization())
            .field("secret", &"…")
            .field("timeout", &self.timeout)
            .field("retries", &self.retries)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_omits_secrets() {
        let smtp = Channel::Smtp(SmtpSettings {
            host: "mail.example.org".to_owned(),
            port: 587,
            tls: Tls::Starttls,
            username: Some("ann".to_owned()),
            password: Some("hidden".to_owned()),
            from: "login@example.org".to_owned(),
            ca_file: None,
            timeout: Duration::from_secs(10),
        });
        let webhook = Channel::Webhook(WebhookSettings {
            url: Url::parse("https://u:hidden@example.org:8443/hidden?key=hidden").unwrap(),
            secret: "hidden".to_owned(),
            timeout: Duration::from_secs(5),
            retries: 3,
        });
        for channel in [smtp, webhook] {
            let shown = format!("{channel:?}");
            assert!(!shown.contains("hidden"), "{shown}");
            assert!(shown.contains("example.org"), "{shown}");
        }
    }
}
