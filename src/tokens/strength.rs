//! Estimates the strength of a key: its length, and whether it was written by a person instead of generated
//! (RFC 8725 section 3.5).

use std::collections::BTreeSet;

/// The estimated strength of a key. Does not contain the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyStrength {
    /// Length in bytes.
    pub bytes: usize,
    /// Why the key is probably not random.
    pub weakness: Option<Weakness>,
}

/// Why a key is probably not random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// It has few distinct bytes.
    FewBytes,
    /// It repeats a shorter sequence.
    Repeats,
    /// It is mostly a sequence such as `abcdef` or `654321`.
    Counts,
    /// It contains a word that is common in examples and defaults.
    Example,
    /// It looks like words of a language.
    Words,
}

/// A random key has more distinct bytes, even in hexadecimal.
const MIN_DISTINCT: usize = 8;

/// Words from keys in documentation, templates and tests, in lower case. They have six letters or more, so that a random
/// base64 key contains one only once in millions.
const EXAMPLES: &[&str] = &[
    "change-me",
    "change_me",
    "changeit",
    "changeme",
    "default",
    "django-insecure",
    "example",
    "insecure",
    "keyboard",
    "master-key",
    "master_key",
    "munjigi",
    "openssl",
    "passphrase",
    "password",
    "placeholder",
    "qwerty",
    "replace-me",
    "replace_me",
    "secret",
    "signing-key",
    "signing_key",
];

impl KeyStrength {
    /// Estimates the strength of `key`.
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        Self {
            bytes: key.len(),
            weakness: weakness(key),
        }
    }
}

fn weakness(key: &[u8]) -> Option<Weakness> {
    let distinct: BTreeSet<u8> = key.iter().copied().collect();
    let text = key.to_ascii_lowercase();
    let has = |word: &&&str| text.windows(word.len()).any(|part| part == word.as_bytes());
    if EXAMPLES.iter().any(|word| has(&word)) {
        Some(Weakness::Example)
    } else if distinct.len() < MIN_DISTINCT {
        Some(Weakness::FewBytes)
    } else if (1..=key.len() / 2).any(|period| repeats(key, period)) {
        Some(Weakness::Repeats)
    } else if is_sequence(key) {
        Some(Weakness::Counts)
    } else if is_prose(key) {
        Some(Weakness::Words)
    } else {
        None
    }
}

fn repeats(key: &[u8], period: usize) -> bool {
    key.iter()
        .zip(&key[period..])
        .all(|(one, later)| one == later)
}

/// Whether more than half of the bytes are the successor or predecessor of the byte before.
fn is_sequence(key: &[u8]) -> bool {
    let steps = key.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) == 1);
    steps.count() * 2 > key.len()
}

/// Whether the key consists mostly of lower-case letters and separators. Random keys also have upper-case letters or
/// digits, and few separators.
fn is_prose(key: &[u8]) -> bool {
    let is_separator = |byte: &&u8| b" -_.,".contains(byte);
    let separators = key.iter().filter(is_separator).count();
    let letters = key.iter().filter(|byte| byte.is_ascii_lowercase()).count();
    separators >= 3 && (letters + separators) * 5 >= key.len() * 4
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};

    use super::*;

    #[test]
    fn keys_written_by_people_are_recognised() {
        let alphabet = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKL";
        for (key, weakness) in [
            ("x".repeat(64), Weakness::FewBytes),
            ("0123".repeat(16), Weakness::FewBytes),
            ("Tr0ub4dor&3-xyz!".repeat(4), Weakness::Repeats),
            (alphabet.to_owned(), Weakness::Counts),
            (
                "a-signing-key-of-the-tests-with-more-than-sixty-four-bytes-in-its-text".to_owned(),
                Weakness::Example,
            ),
            (format!("{alphabet}-CHANGEME"), Weakness::Example),
            (
                "correct horse battery staple on top of the gate".to_owned(),
                Weakness::Words,
            ),
            (
                "for tests alone: 64 bytes that nobody would take for a real key.".to_owned(),
                Weakness::Words,
            ),
        ] {
            let strength = KeyStrength::of(key.as_bytes());
            assert_eq!(strength.weakness, Some(weakness), "{key}");
            assert_eq!(strength.bytes, key.len());
        }
    }

    #[test]
    fn random_keys_have_no_weakness_in_any_encoding() {
        for bytes in [32, 48, 64] {
            for _ in 0..200 {
                let mut key = vec![0; bytes];
                aws_lc_rs::rand::fill(&mut key).unwrap();
                let base64 = BASE64_STANDARD.encode(&key);
                let hexadecimal = key
                    .iter()
                    .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
                for key in [&key[..], base64.as_bytes(), hexadecimal.as_bytes()] {
                    assert_eq!(KeyStrength::of(key).weakness, None, "{base64}");
                }
            }
        }
    }
}
