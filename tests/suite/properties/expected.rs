//! The documented rules of each field, implemented independently of the server.

use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

/// The expected result for a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Stored as this value.
    Stored(Value),
    /// Rejected with an error of its field.
    Refused,
    /// Stored as this value, or rejected: the test does not decide which unusual texts are e-mail addresses.
    Either(Value),
    /// Null in a field that cannot be empty: treated like a missing field.
    NotSent,
}

impl Outcome {
    /// Whether the field may have an error.
    pub fn may_be_refused(&self) -> bool {
        matches!(self, Self::Refused | Self::Either(_))
    }
}

/// A trimmed line of 1 to `max` characters, without control characters, line separators and characters that change the
/// writing direction; otherwise `None`.
fn line(text: &str, max: usize) -> Option<String> {
    let text = text.trim();
    let changes_direction =
        |c: char| ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
    let is_plain =
        |c: char| !c.is_control() && !changes_direction(c) && c != '\u{2028}' && c != '\u{2029}';
    let length = text.chars().count();
    ((1..=max).contains(&length) && text.chars().all(is_plain)).then(|| text.to_owned())
}

fn stored(text: Option<String>) -> Outcome {
    text.map_or(Outcome::Refused, |text| Outcome::Stored(text.into()))
}

fn email(text: &str) -> Outcome {
    let Some(line) = line(text, 254) else {
        return Outcome::Refused;
    };
    let word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match line.split_once('@') {
        None => Outcome::Refused,
        Some((local, domain)) => match domain.split_once('.') {
            Some((host, top))
                if word(local)
                    && word(host)
                    && top.bytes().all(|b| b.is_ascii_lowercase())
                    && top.len() >= 2 =>
            {
                Outcome::Stored(line.into())
            }
            _ => Outcome::Either(line.into()),
        },
    }
}

/// The form in which names and passwords are compared.
fn compared(text: &str) -> String {
    let compared: String = text.trim().nfkc().collect();
    compared.to_lowercase().nfkc().collect()
}

/// Whether a text is allowed as a new password: 8 to 1,024 characters, not a common password, and no word of the account as a
/// part.
pub fn may_be_password(text: &str, own_words: &[&str]) -> bool {
    let common = include_str!("../../../src/domain/common_passwords.txt");
    let word = compared(text);
    let is_guessed =
        own_words.iter().any(|own| word.contains(own)) || common.lines().any(|line| line == word);
    (8..=1024).contains(&text.nfc().count()) && !is_guessed
}

fn username(text: &str) -> Outcome {
    let fits = |line: &String| {
        let compared = compared(line);
        let sign =
            |c: char| ".-_@+".contains(c) || unicode_normalization::char::is_combining_mark(c);
        compared.starts_with(char::is_alphanumeric)
            && compared.chars().all(|c| c.is_alphanumeric() || sign(c))
    };
    stored(line(text, 150).filter(fits))
}

fn phone(text: &str) -> Outcome {
    let fits = |line: &String| {
        let digits = line.bytes().filter(u8::is_ascii_digit).count();
        let rest = line.strip_prefix('+').unwrap_or(line);
        (4..=15).contains(&digits)
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b" -.()".contains(&byte))
    };
    stored(line(text, 32).filter(fits))
}

/// The expected result for a text in a field of an account.
pub fn of_text(name: &str, text: &str) -> Outcome {
    match name {
        "email" => email(text),
        "username" => username(text),
        "phone" => phone(text),
        "name" => stored(line(text, 150)),
        "role" if ["admin", "auditor", "staff"].contains(&text) => Outcome::Stored(text.into()),
        _ => Outcome::Refused,
    }
}

/// The expected result for a value in a field of an account. Null clears the fields in `can_be_empty`.
pub fn of_value(name: &str, value: &Value, can_be_empty: &[&str]) -> Outcome {
    match value {
        Value::Null if can_be_empty.contains(&name) => Outcome::Stored(Value::Null),
        Value::Null => Outcome::NotSent,
        Value::String(text) if can_be_empty.contains(&name) && text.trim().is_empty() => {
            Outcome::Stored(Value::Null)
        }
        Value::String(text) => of_text(name, text),
        Value::Bool(flag) if name == "is_active" => Outcome::Stored(json!(flag)),
        _ => Outcome::Refused,
    }
}
