//! What browsers need settled: which origins may call, and which way their refresh tokens travel. The doors act on it.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use crate::config::values::{InvalidValue, parsed};

/// The origin of a page as browsers write it (RFC 6454 section 6.2): scheme, host, and the port where it is not the usual
/// one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Origin(String);

impl Origin {
    /// Its text, to be compared with an `Origin` header letter by letter.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let refused = |reason: &str| Err(InvalidValue(reason.to_owned()));
        if text.contains('*') {
            return refused(
                "not one origin: credentials are for origins that are named, so name each, \
                 as in `https://app.example.org`",
            );
        }
        if text == "null" {
            return refused(
                "`null` is what any page without an origin of its own says: name an origin, \
                 as in `https://app.example.org`",
            );
        }
        let Ok(url) = Url::parse(text) else {
            return refused("not an origin: write it in full, as in `https://app.example.org`");
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refused("not the origin of a web page: begin it with `https://`");
        }
        let origin = url.origin().ascii_serialization();
        if origin != text {
            return Err(InvalidValue(format!(
                "not as browsers write an origin (in lower case, without a path, a user name or the usual port): \
                 give `{origin}`"
            )));
        }
        Ok(Self(origin))
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// Which way refresh tokens travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// In the bodies of requests and answers, for programs that keep it themselves.
    #[default]
    Body,
    /// In a cookie that no script can read, for single-page apps.
    Cookie,
    /// In the way that each log-in asks for.
    Both,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_taken_as_browsers_write_it_and_in_no_other_way() {
        for origin in [
            "https://app.example.org",
            "https://app.example.org:8443",
            "http://localhost:3000",
            "http://[::1]:3000",
            "https://xn--bj0bj06e.example",
        ] {
            assert_eq!(
                origin.parse::<Origin>().map(|o| o.as_str().to_owned()),
                Ok(origin.into())
            );
        }
        for (odd, words) in [
            ("*", "name each"),
            ("https://*.example.org", "name each"),
            ("null", "any page without an origin"),
            ("", "write it in full"),
            ("app.example.org", "write it in full"),
            ("localhost:3000", "begin it with `https://`"),
            ("file:///index.html", "begin it with `https://`"),
            ("chrome-extension://abc", "begin it with `https://`"),
            ("https://app.example.org/", "give `https://app.example.org`"),
            (
                "https://app.example.org/x?y#z",
                "give `https://app.example.org`",
            ),
            (
                "https://app.example.org:443",
                "give `https://app.example.org`",
            ),
            (
                "https://u:p@app.example.org",
                "give `https://app.example.org`",
            ),
            ("HTTPS://App.Example.org", "give `https://app.example.org`"),
            (" https://app.example.org", "give `https://app.example.org`"),
            (
                "https://한국.example",
                "give `https://xn--3e0b707e.example`",
            ),
        ] {
            let message = odd.parse::<Origin>().unwrap_err().to_string();
            assert!(message.contains(words), "{odd}: {message}");
        }
    }
}
