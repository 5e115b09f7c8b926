//! What stands in a token, field by field, as people read it: a header or the claims. Somebody else may have written it.

use serde_json::{Map, Value};

use crate::clock::Timestamp;

/// One field.
pub(crate) struct Claim {
    pub name: String,
    pub value: String,
    /// The time that it means.
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

/// Text in which whatever is not seen, or turns the direction of writing, is spelled out.
pub(crate) fn sanitize(text: &str) -> String {
    text.chars().fold(String::new(), |mut sanitize, c| {
        let turns = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns {
            sanitize.extend(c.escape_unicode());
        } else {
            sanitize.push(c);
        }
        sanitize
    })
}
