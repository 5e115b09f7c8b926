//! What each way of delivery needs to be told. Read and checked by `config`; here they are plain values.

use std::{fmt, path::PathBuf, time::Duration};

use url::Url;

/// How codes and notices leave the house.
#[derive(Clone, Debug)]
pub enum Channel {
    /// A line in the server's own log, for trying things out.
    Console,
    /// A mail.
    Smtp(SmtpSettings),
    /// A signed HTTP request to a gateway of the operator's.
    Webhook(WebhookSettings),
}

impl Channel {
    /// The word that names the channel in the configuration and in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Smtp(_) => "smtp",
            Self::Webhook(_) => "webhook",
        }
    }
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Starts in the clear and must then change to TLS (RFC 3207); nothing is sent to a server that does not.
    Starttls,
    /// TLS from the first byte (RFC 8314 section 3).
    Tls,
    /// None: for a relay on the same machine.
    None,
}

/// The mail server that takes our mails.
#[derive(Clone)]
pub struct SmtpSettings {
    /// Its name; with TLS, the name that its certificate must have.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// The name to log in by; without one nobody logs in.
    pub username: Option<String>,
    /// The password to log in by.
    pub password: Option<String>,
    /// Whom the mails are from: `login@example.org` or `Example <login@example.org>`.
    pub from: String,
    /// A file of PEM certificates that are trusted besides the public ones.
    pub ca_file: Option<PathBuf>,
    /// The most one attempt may take, from connecting to the server's last word.
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

/// The gateway that takes our requests.
#[derive(Clone)]
pub struct WebhookSettings {
    /// Where requests go. Shown without its path and query, which may hold a key.
    pub url: Url,
    /// What requests are signed with: `whsec_` and base64, or the characters themselves; 24 bytes or more.
    pub secret: String,
    /// The most one attempt may take.
    pub timeout: Duration,
    /// How many times a failed attempt is repeated.
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
    fn secrets_do_not_show_themselves() {
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
