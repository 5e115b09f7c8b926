//! `[smtp]`: the mail server. Writing and sending a mail is the delivery room's.

use std::path::PathBuf;

use lettre::message::Mailbox;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::{
    error::Checks,
    values::{Secret, Span, is_loopback_host},
};

/// The mail server, and the name munjigi writes under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpConfig {
    /// The mail server's name or address.
    pub host: Option<String>,
    /// The port; `None` (written as 0) is the usual one for `tls`, see [`SmtpConfig::effective_port`].
    #[serde(serialize_with = "port_or_zero", deserialize_with = "port")]
    pub port: Option<u16>,
    /// How the connection is kept secret.
    pub tls: SmtpTls,
    /// The user to log in as.
    pub username: Option<String>,
    /// That user's password.
    pub password: Option<Secret>,
    /// The sender, `munjigi <no-reply@example.org>` or a bare address.
    pub from: Option<String>,
    /// A PEM file of certificates to trust besides the public ones.
    pub ca_file: Option<PathBuf>,
    /// How long the mail server may take to answer.
    pub timeout: Span,
}

/// How the connection to the mail server is kept secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// Begins in the clear and must change to TLS before anything is said (RFC 3207).
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// Not at all.
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
            ca_file: None,
            timeout: Span::seconds(10),
        }
    }
}

impl SmtpConfig {
    /// The port that was given, else 587 for `starttls`, 465 for `tls`, 25 for `none`.
    #[must_use]
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            SmtpTls::Starttls => 587,
            SmtpTls::Tls => 465,
            SmtpTls::None => 25,
        })
    }

    pub(super) fn check(&self, is_used: bool, checks: &mut Checks) {
        let needed = "`otp.delivery` is `smtp`, which needs it: give";
        if is_used && self.host.is_none() {
            checks.refuse(
                "smtp.host",
                format!("{needed} the mail server's name, for example `smtp.example.org`"),
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
                "`smtp.username` is set and this is not: give both or neither",
            ),
            (None, Some(_)) => checks.refuse(
                "smtp.username",
                "`smtp.password` is set and this is not: give both or neither",
            ),
            _ => {}
        }
        let is_remote = !self.host.as_deref().is_some_and(is_loopback_host);
        if self.tls == SmtpTls::None && self.password.is_some() && is_remote {
            checks.refuse(
                "smtp.tls",
                "with `none` the password would cross the network readable: give `starttls` or `tls`",
            );
        }
        checks.within(
            "smtp.timeout",
            &self.timeout,
            Span::seconds(1)..=Span::minutes(1),
        );
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
