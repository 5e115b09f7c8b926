//! `[otp]`: how one-time codes are made and which way they go. The way itself is `[smtp]` or `[webhook]`.

use serde::{Deserialize, Serialize};

use crate::config::{error::Checks, server::ServerConfig, values::Span};

/// How one-time codes are made, how long they live, and which way they are sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtpConfig {
    /// The way a code takes to its owner.
    pub delivery: OtpDelivery,
    /// Whether codes may be written to the log although the server can be reached from other machines.
    pub allow_remote_console: bool,
    /// Digits of a code.
    pub length: usize,
    /// How long a code can be used.
    pub lifetime: Span,
    /// Tries at one code, after which it is void.
    pub max_attempts: u32,
    /// How long an account waits before it is sent another code.
    pub resend_after: Span,
    /// Codes that one account is sent in an hour.
    pub requests_per_account: u32,
    /// Codes that one address asks for in an hour.
    pub requests_per_address: u32,
}

/// The way a one-time code takes to its owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtpDelivery {
    /// Written to the server's own output, for trying munjigi out.
    #[default]
    Console,
    /// By mail, as `[smtp]` says.
    Smtp,
    /// By a signed call to a service of yours, as `[webhook]` says.
    Webhook,
}

impl Default for OtpConfig {
    fn default() -> Self {
        Self {
            delivery: OtpDelivery::Console,
            allow_remote_console: false,
            length: 6,
            lifetime: Span::minutes(5),
            max_attempts: 5,
            resend_after: Span::minutes(1),
            requests_per_account: 5,
            requests_per_address: 60,
        }
    }
}

impl OtpConfig {
    pub(super) fn check(&self, server: &ServerConfig, checks: &mut Checks) {
        let console = self.delivery == OtpDelivery::Console;
        if console && !self.allow_remote_console && !server.listen.ip().is_loopback() {
            checks.refuse(
                "otp.delivery",
                format!(
                    "`console` writes codes to the log, and `server.listen` ({}) can be reached from other machines: \
                     give `smtp` or `webhook`, or set `otp.allow_remote_console = true` where nobody else reads the log",
                    server.listen
                ),
            );
        }
        checks.within("otp.length", &self.length, 6..=10);
        checks.within(
            "otp.lifetime",
            &self.lifetime,
            Span::seconds(30)..=Span::minutes(10),
        );
        checks.within("otp.max_attempts", &self.max_attempts, 1..=5);
        checks.within(
            "otp.resend_after",
            &self.resend_after,
            Span::seconds(1)..=Span::hours(1),
        );
        checks.within(
            "otp.requests_per_account",
            &self.requests_per_account,
            1..=1_000,
        );
        checks.within(
            "otp.requests_per_address",
            &self.requests_per_address,
            1..=100_000,
        );
    }
}
