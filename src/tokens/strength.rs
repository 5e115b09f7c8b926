//! How good a signing key is, as far as its bytes tell: its length, and whether it was made by a person instead of by a
//! random source (RFC 8725 section 3.5). What is kept says nothing more about the key.

use std::collections::BTreeSet;

/// How good a key is. Its bytes cannot be had from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyStrength {
    /// Its length in bytes.
    pub bytes: usize,
    /// Why it is no random key, if it is not.
    pub weakness: Option<Weakness>,
}

/// Why a key is no random one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// It is made of a handful of different bytes.
    FewBytes,
    /// A part of it comes again and again.
    Repeats,
    /// It counts upwards or downwards, as in `abcdef` or `123456`.
    Counts,
    /// It has words of examples and defaults in it.
    Example,
    /// It is written like words of a language.
    Words,
}

/// Fewer different bytes than these are no random key, be it written in hexadecimal digits.
const LEAST_DISTINCT: usize = 8;

/// Words of keys in documentation, templates and tests, in lower case. None is shorter than six letters: a random key in base64
/// has one of them in it once in millions of keys.
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
    /// Looks at a key.
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
    } else if distinct.len() < LEAST_DISTINCT {
        Some(Weakness::FewBytes)
    } else if (1..=key.len() / 2).any(|period| repeats(key, period)) {
        Some(Weakness::Repeats)
    } else if counts(key) {
        Some(Weakness::Counts)
    } else if is_worded(key) {
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

/// Whether more than half of the bytes are the next or the last one of those before them.
fn counts(key: &[u8]) -> bool {
    let steps = key.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) == 1);
    steps.count() * 2 > key.len()
}

/// Whether it is made of lower-case letters with something between them, as sentences are. Random keys have other letters
/// too, or digits, and no more of them in between than here and there.
fn is_worded(key: &[u8]) -> bool {
    let is_between = |byte: &&u8| b" -_.,".contains(byte);
    let between = key.iter().filter(is_between).count();
    let letters = key.iter().filter(|byte| byte.is_ascii_lowercase()).count();
    between >= 3 && (letters + between) * 5 >= key.len() * 4
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};

    use super::*;

    #[test]
    fn keys_that_persons_made_are_known() {
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
    fn a_random_key_is_none_of_them_in_any_writing() {
        use aws_lc_rs::rand::{SecureRandom, SystemRandom};
        for bytes in [32, 48, 64] {
            for _ in 0..200 {
                let mut key = vec![0; bytes];
                SystemRandom::new().fill(&mut key).unwrap();
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
