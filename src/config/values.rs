//! The kinds of value that several sections share: durations, secrets, addresses. What only one section knows is in
//! that section's file.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use url::Url;

/// What is shown in the place of a secret.
pub(super) const MASK: &str = "********";

/// A text that is not what its key asks for. The message says what would be right and never repeats the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(pub(super) String);

/// A length of time, written with its units: `30m`, `30d`, `1h30m`, `500ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

impl Span {
    /// This many milliseconds.
    #[must_use]
    pub const fn millis(n: u64) -> Self {
        Self(Duration::from_millis(n))
    }

    /// This many seconds.
    #[must_use]
    pub const fn seconds(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }

    /// This many minutes.
    #[must_use]
    pub const fn minutes(n: u64) -> Self {
        Self::seconds(n * 60)
    }

    /// This many hours.
    #[must_use]
    pub const fn hours(n: u64) -> Self {
        Self::minutes(n * 60)
    }

    /// This many days of 24 hours.
    #[must_use]
    pub const fn days(n: u64) -> Self {
        Self::hours(n * 24)
    }

    /// The duration itself.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    /// Whether it has no fraction of a second; token times (RFC 7519 `NumericDate`) have none here.
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

/// The compact form, which reads back as the same duration: `30m`, `30d`, `1h30m`, `0s`.
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
                "not a duration: write numbers with their units (ms, s, m, h, d), as in `30m` or `1h30m`"
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

/// A text that nobody sees: neither `Debug`, `Display` nor `Serialize` show it, only [`Secret::reveal`].
///
/// Comparing two of them takes no constant time: it is for tests and reloads, not for checking a caller's input.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps the text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that uses it.
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

/// Reads a text and parses it; the parser's own message is the problem.
pub(super) fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = InvalidValue>,
{
    String::deserialize(deserializer)?
        .parse()
        .map_err(D::Error::custom)
}

/// An optional web address. The `url` crate's own reader repeats the text in its message, and some addresses are secret.
pub(super) fn optional_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Url>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    Url::parse(&text).map(Some).map_err(|error| {
        D::Error::custom(format!(
            "not a web address ({error}): write it in full, as in `https://auth.example.org`"
        ))
    })
}

/// What is wrong with a web address that munjigi calls or names, whatever it is for.
pub(super) fn url_problem(url: &Url) -> Option<&'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        Some("not a web address: begin it with `https://`")
    } else if !url.username().is_empty() || url.password().is_some() {
        Some(
            "a user name or password does not belong in this address: leave out what stands before the `@`",
        )
    } else {
        None
    }
}

/// Whether a host name or address means this machine.
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A network, or a bare address as the network of that one address.
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
                    "not an address or network: write it as in `10.0.0.7`, `10.0.0.0/8` or `fd00::/8`"
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

/// A list of networks.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let networks = Vec::<Network>::deserialize(deserializer)?;
    Ok(networks.into_iter().map(|network| network.0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_shown_compactly_and_reads_back_as_itself() {
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
    fn a_secret_shows_itself_to_nobody_who_does_not_ask() {
        let secret = Secret::new("opensesame");
        let json = serde_json::to_string(&secret).unwrap();
        let shown = format!("{secret} {secret:?} {json}");
        assert!(!shown.contains("opensesame"), "{shown}");
        assert_eq!(secret.reveal(), "opensesame");
    }

    #[test]
    fn a_loopback_host_is_known_in_every_spelling() {
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
