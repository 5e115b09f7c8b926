//! Value types that several sections use: durations, secrets, URLs, networks.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use url::Url;

/// Printed instead of a secret.
pub(super) const MASK: &str = "********";

/// A text that cannot be parsed. The message says what is expected and never repeats the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(pub(super) String);

/// A duration, written with units: `30m`, `30d`, `1h30m`, `500ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

impl Span {
    /// A number of milliseconds.
    #[must_use]
    pub const fn millis(n: u64) -> Self {
        Self(Duration::from_millis(n))
    }

    /// A number of seconds.
    #[must_use]
    pub const fn seconds(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }

    /// A number of minutes.
    #[must_use]
    pub const fn minutes(n: u64) -> Self {
        Self::seconds(n * 60)
    }

    /// A number of hours.
    #[must_use]
    pub const fn hours(n: u64) -> Self {
        Self::minutes(n * 60)
    }

    /// A number of days of 24 hours.
    #[must_use]
    pub const fn days(n: u64) -> Self {
        Self::hours(n * 24)
    }

    /// The duration as a standard type.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    /// Whether the duration is a whole number of seconds, as in the `NumericDate` of a token (RFC 7519 section 2).
    #[must_use]
    pub const fn is_whole_seconds(self) -> bool {
        self.0.subsec_nanos() == 0
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

/// The compact form, which parses as the same duration: `30m`, `30d`, `1h30m`, `0s`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() {
            return f.write_str("0s");
        }
        let (seconds, nanos) = (self.0.as_secs(), u64::from(self.0.subsec_nanos()));
        for (count, unit) in [
            (seconds / 86_400, "d"),
            (seconds / 3_600 % 24, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
            (nanos / 1_000_000, "ms"),
            (nanos / 1_000 % 1_000, "us"),
            (nanos % 1_000, "ns"),
        ] {
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Span {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        humantime::parse_duration(text).map(Self).map_err(|_| {
            InvalidValue(
                "not a duration: give numbers with units (ms, s, m, h, d), for example `30m` or `1h30m`"
                    .to_owned(),
            )
        })
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// A secret text. `Debug`, `Display` and `Serialize` print a mask; only [`Secret::reveal`] returns the text.
///
/// `==` is not constant-time, so it must not be used to check input.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

/// Deserializes a text and parses it. The error is the parser's message.
pub(super) fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = InvalidValue>,
{
    String::deserialize(deserializer)?
        .parse()
        .map_err(D::Error::custom)
}

/// Deserializes an optional URL. Unlike the `url` crate's implementation, the error does not repeat the text, which may
/// contain a secret.
pub(super) fn optional_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Url>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    Url::parse(&text).map(Some).map_err(|error| {
        D::Error::custom(format!(
            "not a URL ({error}): give the full URL, for example `https://auth.example.org`"
        ))
    })
}

/// Checks that a URL uses http or https and has no user name or password; returns the problem.
pub(super) fn url_problem(url: &Url) -> Option<&'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        Some("not an http or https URL: start it with `https://`")
    } else if !url.username().is_empty() || url.password().is_some() {
        Some("a URL here must not contain a user name or password: remove the part before `@`")
    } else {
        None
    }
}

/// Whether a host name or IP address refers to this machine.
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A network in CIDR notation, or a single address.
struct Network(IpNet);

impl FromStr for Network {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let text = text.trim();
        text.parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map(Self)
            .map_err(|_| {
                InvalidValue(
                    "not an IP address or network: give for example `10.0.0.7`, `10.0.0.0/8` or `fd00::/8`"
                        .to_owned(),
                )
            })
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// Deserializes a list of networks.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let networks = Vec::<Network>::deserialize(deserializer)?;
    Ok(networks.into_iter().map(|network| network.0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_prints_compactly_and_parses_as_itself() {
        for (span, shown) in [
            (Span::seconds(0), "0s"),
            (Span::minutes(30), "30m"),
            (Span::days(30), "30d"),
            (Span::minutes(90), "1h30m"),
            (Span::millis(500), "500ms"),
            (Span::millis(90_061_001), "1d1h1m1s1ms"),
            (Span::from(Duration::new(1, 2_003)), "1s2us3ns"),
        ] {
            assert_eq!(span.to_string(), shown);
            assert_eq!(shown.parse(), Ok(span));
        }
        assert!(Span::seconds(3).is_whole_seconds());
        assert!(!Span::millis(1_500).is_whole_seconds());
    }

    #[test]
    fn a_span_without_a_unit_is_refused() {
        for odd in [
            "",
            "30",
            "m",
            "30x",
            "-5m",
            "1.5.1h",
            "99999999999999999999d",
        ] {
            assert!(odd.parse::<Span>().is_err(), "{odd:?}");
        }
    }

    #[test]
    fn a_secret_is_masked_in_every_output() {
        let secret = Secret::new("opensesame");
        let json = serde_json::to_string(&secret).unwrap();
        let shown = format!("{secret} {secret:?} {json}");
        assert!(!shown.contains("opensesame"), "{shown}");
        assert_eq!(secret.reveal(), "opensesame");
    }

    #[test]
    fn every_spelling_of_a_loopback_host_is_recognised() {
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "[::1]",
        ] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in [
            "0.0.0.0",
            "example.org",
            "localhost.example.org",
            "127.0.0.1.nip.io",
        ] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
