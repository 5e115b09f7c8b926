//! `[otp]`: one-time codes. Their delivery is configured in `[smtp]` and `[webhook]`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::config::error::{Checks, check_ranges};
use crate::config::server::ServerConfig;
use crate::config::values::Span;
use crate::domain::phone_number::PhoneRegion;

/// One-time codes: format, lifetime, limits and delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtpConfig {
    /// How codes are sent.
    pub delivery: OtpDelivery,
    /// Allows `console` although the server can be reached from other machines.
    pub allow_remote_console: bool,
    /// The region in which telephone numbers without `+` are dialled, for their international form.
    #[serde(serialize_with = "optional_text", deserialize_with = "optional_region")]
    pub phone_region: Option<PhoneRegion>,
    /// Number of digits.
    pub length: usize,
    /// How long a code is valid.
    pub lifetime: Span,
    /// Attempts per code. After them the code is invalid.
    pub max_attempts: u32,
    /// Minimum time between two codes for one account from one network or known device.
    pub resend_after: Span,
    /// Maximum number of codes for one account from one network or known device per hour. All networks together get four
    /// times as many.
    pub requests_per_account: u32,
    /// Maximum number of codes requested from one IP address per hour. Larger networks have multiples of it.
    pub requests_per_address: u32,
}

/// How one-time codes are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtpDelivery {
    /// Written to the server log, for evaluation.
    #[default]
    Console,
    /// By mail, see `[smtp]`.
    Smtp,
    /// By a signed HTTP request to the operator's own service, see `[webhook]`.
    Webhook,
    /// Not at all: there are no one-time codes, and clients log in by password.
    Off,
}

impl Default for OtpConfig {
    fn default() -> Self {
        Self {
            delivery: OtpDelivery::Console,
            allow_remote_console: false,
            phone_region: None,
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
                     give `smtp` or `webhook`, or `off` if no client logs in by code, or set `otp.allow_remote_console = true` if only trusted people can read the log",
                    server.listen
                ),
            );
        }
        check_ranges!(checks, "otp", self, {
            length: 6..=10,
            lifetime: Span::seconds(30)..=Span::minutes(10),
            max_attempts: 1..=5,
            resend_after: Span::seconds(1)..=Span::hours(1),
            requests_per_account: 1..=1_000,
            requests_per_address: 1..=100_000,
        });
    }
}

fn optional_region<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PhoneRegion>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(D::Error::custom)
}

#[expect(
    clippy::ref_option,
    reason = "serde calls it with the field's reference"
)]
fn optional_text<S: Serializer>(
    region: &Option<PhoneRegion>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    region
        .map(|region| region.to_string())
        .serialize(serializer)
}
