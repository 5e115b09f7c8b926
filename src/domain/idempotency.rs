//! The keys of requests that may be repeated (draft-ietf-httpapi-idempotency-key-header).

use crate::domain::problem::Problem;

/// The value of the header `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Maximum number of characters.
    pub const MAX: usize = 255;

    /// Parses 1 to [`IdempotencyKey::MAX`] visible characters of ASCII. Quotation marks around them, which the draft has, are
    /// no part of the key.
    pub fn parse(value: &str) -> Result<Self, Problem> {
        let value = value.trim();
        let quoted = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        let key = quoted.unwrap_or(value);
        let is_visible = key.bytes().all(|b| b.is_ascii_graphic());
        if (1..=Self::MAX).contains(&key.len()) && is_visible {
            Ok(Self(key.to_owned()))
        } else {
            Err(Problem::NotIdempotencyKey)
        }
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyConflict {
    /// The key stands for another request.
    #[error("the idempotency key was sent with another request")]
    Reused,
    /// The request of the key is still running.
    #[error("the request of the idempotency key is still running")]
    InUse,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_have_quotation_marks_around_it() {
        let key = |text: &str| IdempotencyKey::parse(text).map(|key| key.0);
        assert_eq!(key("\"a-1\""), Ok("a-1".to_owned()));
        assert_eq!(key(" a-1 "), Ok("a-1".to_owned()));
        let long = "x".repeat(256);
        for odd in ["", "\"\"", "a b", "\u{d55c}", "a\u{0}", long.as_str()] {
            assert_eq!(key(odd), Err(Problem::NotIdempotencyKey), "{odd}");
        }
    }
}
