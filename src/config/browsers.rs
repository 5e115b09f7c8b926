//! Value types for browser clients: allowed origins, and how refresh tokens are transported.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use crate::config::values::{InvalidValue, parsed};

/// An origin as browsers serialize it (RFC 6454 section 6.2): scheme, host, and the port if it is not the default. The scheme may
/// be that of an app (`capacitor`, `ionic`, `tauri`) or of a browser extension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Origin(String);

impl Origin {
    /// The text, for exact comparison with an `Origin` header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the origin of web pages, and not of an app or browser extension.
    #[must_use]
    pub fn is_of_pages(&self) -> bool {
        self.0.starts_with("http://") || self.0.starts_with("https://")
    }
}

impl FromStr for Origin {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let refused = |reason: &str| Err(InvalidValue(reason.to_owned()));
        if text.contains('*') {
            return refused(
                "wildcards are not allowed, because requests carry credentials: list each origin, \
                 for example `https://app.example.org`",
            );
        }
        if text == "null" {
            return refused(
                "`null` matches every page without an origin: give an origin, \
                 for example `https://app.example.org`",
            );
        }
        let Ok(url) = Url::parse(text) else {
            return refused(
                "not an origin: give the full origin, for example `https://app.example.org`",
            );
        };
        let origin = match url.scheme() {
            "http" | "https" => url.origin().ascii_serialization(),
            "file" => return refused("files have no origin: start it with `https://`"),
            scheme => match url.host_str() {
                Some(host) if !host.is_empty() => native_origin(scheme, host, url.port()),
                _ => return refused("not an origin: start it with `https://`"),
            },
        };
        if origin != text {
            return Err(InvalidValue(format!(
                "not in the form that browsers send (lower case, no path, no user name, no default port): \
                 give `{origin}`"
            )));
        }
        Ok(Self(origin))
    }
}

/// The origin of an app or browser extension, such as `capacitor://localhost`. URLs of such schemes have an opaque origin (WHATWG
/// URL section 4.7), but the programs that define them send scheme, host and port.
fn native_origin(scheme: &str, host: &str, port: Option<u16>) -> String {
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}://{host}{port}")
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// How refresh tokens are transported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// In request and response bodies, for clients that store the token.
    #[default]
    Body,
    /// In an `HttpOnly` cookie, for single-page apps.
    Cookie,
    /// Each login request chooses one of the two.
    Both,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_form_that_browsers_send_is_an_origin() {
        for origin in [
            "https://app.example.org",
            "https://app.example.org:8443",
            "http://localhost:3000",
            "http://[::1]:3000",
            "https://xn--bj0bj06e.example",
            "capacitor://localhost",
            "ionic://localhost",
            "tauri://localhost",
            "app://.",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            "moz-extension://9d5f4a9c-0c5b-4a57-9b4e-0a7f5f0d2c11",
        ] {
            assert_eq!(
                origin.parse::<Origin>().map(|o| o.as_str().to_owned()),
                Ok(origin.into())
            );
        }
        for (odd, words) in [
            ("*", "list each origin"),
            ("https://*.example.org", "list each origin"),
            ("null", "every page without an origin"),
            ("", "give the full origin"),
            ("app.example.org", "give the full origin"),
            ("localhost:3000", "start it with `https://`"),
            ("file:///index.html", "start it with `https://`"),
            ("capacitor://", "start it with `https://`"),
            ("mailto:ann@example.org", "start it with `https://`"),
            ("capacitor://localhost/", "give `capacitor://localhost`"),
            ("Tauri://localhost", "give `tauri://localhost`"),
            ("capacitor://u@localhost", "give `capacitor://localhost`"),
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
