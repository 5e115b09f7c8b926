//! `[smtp]`: the mail server.

use std::path::PathBuf;

use lettre::message::Mailbox;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Host;

use crate::config::error::{Checks, check_ranges};
use crate::config::values::{Secret, Span, is_loopback_host};

/// The mail server and the sender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpConfig {
    /// Host name or IP address.
    pub host: Option<String>,
    /// `None` (0 in the file) means the default port for `tls`, see [`SmtpConfig::effective_port`].
    #[serde(serialize_with = "port_or_zero", deserialize_with = "port")]
    pub port: Option<u16>,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
    /// User name for SMTP authentication.
    pub username: Option<String>,
    /// Password for SMTP authentication.
    pub password: Option<Secret>,
    /// The sender: `munjigi <no-reply@example.org>` or an address only.
    pub from: Option<String>,
    /// The name of this server in the SMTP command `EHLO`. See [`SmtpConfig::effective_hello_name`] for the default.
    pub hello_name: Option<String>,
    /// PEM file of certificates that are trusted in addition to the public ones.
    pub ca_file: Option<PathBuf>,
    /// Directory with templates that replace the built-in ones of the same name.
    pub templates_dir: Option<PathBuf>,
    /// Maximum time for one attempt.
    pub timeout: Span,
}

/// How the connection to the mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// Requires `STARTTLS` before any other command (RFC 3207).
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314 section 3).
    Tls,
    /// Unencrypted.
    None,
}

impl Default for SmtpConfig {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            tls: SmtpTls::Starttls,
            username: None,
            password: None,
            from: None,
            hello_name: None,
            ca_file: None,
            templates_dir: None,
            timeout: Span::seconds(10),
        }
    }
}

impl SmtpConfig {
    /// The configured port, or the default: 587 for `starttls`, 465 for `tls`, 25 for `none`.
    #[must_use]
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            SmtpTls::Starttls => 587,
            SmtpTls::Tls => 465,
            SmtpTls::None => 25,
        })
    }

    /// The configured name for `EHLO`; otherwise the domain of the sender, or an address literal (RFC 5321 section 4.1.4).
    /// Mail servers refuse names without a dot, such as that of a container.
    #[must_use]
    pub fn effective_hello_name(&self) -> String {
        let sender = self.from.as_deref();
        let sender = sender.and_then(|from| from.parse::<Mailbox>().ok());
        let domain = sender.and_then(|sender| full_name(sender.email.domain()));
        let configured = self.hello_name.clone();
        configured
            .or(domain)
            .unwrap_or_else(|| "[127.0.0.1]".to_owned())
    }

    pub(super) fn check(&self, is_used: bool, checks: &mut Checks) {
        self.check_hello_name(checks);
        let needed = "required if `otp.delivery` is `smtp`: give";
        if is_used && self.host.is_none() {
            checks.refuse(
                "smtp.host",
                format!(
                    "{needed} the host name of the mail server, for example `smtp.example.org`"
                ),
            );
        }
        if is_used && self.from.is_none() {
            checks.refuse(
                "smtp.from",
                format!("{needed} the sender, for example `munjigi <no-reply@example.org>`"),
            );
        }
        if self
            .from
            .as_ref()
            .is_some_and(|from| from.parse::<Mailbox>().is_err())
        {
            checks.refuse(
                "smtp.from",
                "not a mail address: give `munjigi <no-reply@example.org>` or `no-reply@example.org`",
            );
        }
        match (&self.username, &self.password) {
            (Some(_), None) => checks.refuse(
                "smtp.password",
                "required if `smtp.username` is set: give both or neither",
            ),
            (None, Some(_)) => checks.refuse(
                "smtp.username",
                "required if `smtp.password` is set: give both or neither",
            ),
            _ => {}
        }
        let is_remote = !self.host.as_deref().is_some_and(is_loopback_host);
        if self.tls == SmtpTls::None && self.password.is_some() && is_remote {
            checks.refuse(
                "smtp.tls",
                "with `none` the password would be sent unencrypted: give `starttls` or `tls`",
            );
        }
        check_ranges!(checks, "smtp", self, {
            timeout: Span::seconds(1)..=Span::minutes(1),
        });
    }

    fn check_hello_name(&self, checks: &mut Checks) {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
        let name = self.hello_name.as_deref();
        if name.is_some_and(|name| name.len() > 255 || !name.bytes().all(is_plain)) {
            checks.refuse(
                "smtp.hello_name",
                "not a host name: give the full name of this server, for example `auth.example.org`, \
                 or an address in brackets, for example `[192.0.2.1]`",
            );
        }
    }
}

/// A host name with a dot, in the form that mail servers understand; `None` for other hosts.
pub(super) fn full_name(host: &str) -> Option<String> {
    match Host::parse(host) {
        Ok(Host::Domain(name)) if name.contains('.') => Some(name),
        _ => None,
    }
}

fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    u16::deserialize(deserializer).map(|port| (port > 0).then_some(port))
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with the field's reference"
)]
fn port_or_zero<S: Serializer>(port: &Option<u16>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(port.unwrap_or(0))
}
