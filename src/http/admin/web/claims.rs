//! The fields of a token's header or claims for display. They are untrusted text.

use serde_json::{Map, Value};

use crate::clock::Timestamp;

/// One field.
pub(crate) struct Claim {
    pub name: String,
    pub value: String,
    /// The time of a numeric date.
    pub at: Option<Timestamp>,
}

/// The fields of a JSON object.
pub(crate) fn fields(object: Map<String, Value>) -> Vec<Claim> {
    let claims = object.into_iter();
    let claim = |(name, value): (String, Value)| {
        let is_time = matches!(name.as_str(), "exp" | "iat" | "nbf" | "auth_time");
        let seconds = is_time.then(|| value.as_i64()).flatten();
        Claim {
            name: sanitize(&name),
            at: seconds.and_then(Timestamp::from_unix_seconds),
            value: sanitize(&match value {
                Value::String(text) => text,
                value => value.to_string(),
            }),
        }
    };
    claims.map(claim).collect()
}

/// Escapes control characters and characters that are invisible or change the direction of text.
pub(crate) fn sanitize(text: &str) -> String {
    text.chars().fold(String::new(), |mut text, c| {
        let is_invisible = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || is_invisible {
            text.extend(c.escape_unicode());
        } else {
            text.push(c);
        }
        text
    })
}
