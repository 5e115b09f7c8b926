//! Values of a source, which are texts: truth values, times, UUIDs.

use chrono::{DateTime, NaiveDateTime};
use md5::{Digest, Md5};

use crate::clock::Timestamp;
use crate::domain::problem::Problem;
use crate::services::passwords::django::hexadecimal;

/// A truth value as databases and files write it.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "y" | "on" => Some(true),
        "false" | "f" | "0" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

/// A truth value of a field that is left out where it is none.
pub(super) fn flag(text: &str) -> Result<bool, Problem> {
    truth(text).ok_or(Problem::NotBoolean)
}

/// A time of a database, in UTC, or of RFC 3339.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let plain = text.strip_suffix("+00:00").or(text.strip_suffix("+00"));
    let plain = plain.unwrap_or(text);
    for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(plain, format) {
            return Some(Timestamp::from_naive_utc(time));
        }
    }
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(Timestamp::from_naive_utc(time.naive_utc()))
}

/// The digest by which an import knows a password hash again: MD5 in upper-case hexadecimal, as SimpleJWT writes it into
/// tokens with `CHECK_REVOKE_TOKEN`. It need not resist attacks: a hash of Django has a salt.
pub(super) fn digest_of(hash: &str) -> String {
    hexadecimal(&Md5::digest(hash)).to_uppercase()
}

/// A UUID with hyphens, as it is in tokens, from the 32 digits that Django stores on SQLite.
pub(super) fn hyphenated(digits: &str) -> String {
    match uuid::Uuid::try_parse(digits) {
        Ok(id) if digits.len() == 32 => id.hyphenated().to_string(),
        _ => digits.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_both_databases_and_of_files_are_read() {
        let expected = Timestamp::from_unix_micros(1_767_225_600_500_000);
        for text in [
            "2026-01-01 00:00:00.5",
            "2026-01-01 00:00:00.500000+00",
            "2026-01-01T00:00:00.5Z",
            "2026-01-01T09:00:00.500+09:00",
        ] {
            assert_eq!(time(text), Some(expected), "{text}");
        }
        for odd in ["", "yesterday", "2026-13-01 00:00:00", "2026-01-01"] {
            assert_eq!(time(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_digest_is_the_one_of_simplejwt() {
        let hash = "pbkdf2_sha256$20$seasalt$k1BiIUnsqgotK0/+G+6P9VzRBqM5+Jsk8jKCk28zElI=";
        assert_eq!(digest_of(hash), "C40ACD70FBADC4CD5AD998FB3F3573CC");
    }

    #[test]
    fn a_uuid_has_hyphens_as_in_tokens() {
        let digits = "0f8fad5bd9cb469fa16570867728950e";
        assert_eq!(hyphenated(digits), "0f8fad5b-d9cb-469f-a165-70867728950e");
        assert_eq!(hyphenated("ann"), "ann");
    }
}
