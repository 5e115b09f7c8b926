//! What is promised of each field, said once more without the words of the program.

use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

/// What becomes of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// It is stored so.
    Stored(Value),
    /// It is refused by its field's name.
    Refused,
    /// One of the two: which texts are e-mail addresses at the edges is not for this test to say.
    Either(Value),
    /// Null where nothing can be empty: as if it had not been sent.
    NotSent,
}

impl Fate {
    /// Whether it may be that the field is refused.
    pub fn may_be_refused(&self) -> bool {
        matches!(self, Self::Refused | Self::Either(_))
    }
}

/// A line of text: outer spaces go, something must be left, not more than `most` characters, none of them a control or a mark
/// that turns the direction of writing.
fn line(text: &str, most: usize) -> Option<String> {
    let text = text.trim();
    let turns =
        |c: char| ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
    let is_plain = |c: char| !c.is_control() && !turns(c) && c != '\u{2028}' && c != '\u{2029}';
    let length = text.chars().count();
    ((1..=most).contains(&length) && text.chars().all(is_plain)).then(|| text.to_owned())
}

fn stored(text: Option<String>) -> Fate {
    text.map_or(Fate::Refused, |text| Fate::Stored(text.into()))
}

fn email(text: &str) -> Fate {
    let Some(line) = line(text, 254) else {
        return Fate::Refused;
    };
    let word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match line.split_once('@') {
        None => Fate::Refused,
        Some((local, domain)) => match domain.split_once('.') {
            Some((host, top))
                if word(local)
                    && word(host)
                    && top.bytes().all(|b| b.is_ascii_lowercase())
                    && top.len() >= 2 =>
            {
                Fate::Stored(line.into())
            }
            _ => Fate::Either(line.into()),
        },
    }
}

/// The form in which names and words are compared.
fn compared(text: &str) -> String {
    let compared: String = text.trim().nfkc().collect();
    compared.to_lowercase().nfkc().collect()
}

/// Whether it may be a new password: 8 to 1,024 characters, none of the commonest words and none of the account's own.
pub fn may_be_password(text: &str, own_words: &[&str]) -> bool {
    let common = include_str!("../../../src/domain/common_passwords.txt");
    let word = compared(text);
    let is_guessed = own_words.contains(&word.as_str()) || common.lines().any(|line| line == word);
    (8..=1024).contains(&text.nfc().count()) && !is_guessed
}

fn username(text: &str) -> Fate {
    let fits = |line: &String| {
        let compared = compared(line);
        let sign =
            |c: char| ".-_@+".contains(c) || unicode_normalization::char::is_combining_mark(c);
        compared.starts_with(char::is_alphanumeric)
            && compared.chars().all(|c| c.is_alphanumeric() || sign(c))
    };
    stored(line(text, 150).filter(fits))
}

fn phone(text: &str) -> Fate {
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

/// What becomes of a text in a field of a person.
pub fn of_text(name: &str, text: &str) -> Fate {
    match name {
        "email" => email(text),
        "username" => username(text),
        "phone" => phone(text),
        "name" => stored(line(text, 150)),
        "role" if ["admin", "auditor", "staff"].contains(&text) => Fate::Stored(text.into()),
        _ => Fate::Refused,
    }
}

/// What becomes of a value in a field of a person; `can_be_empty` names the fields that null empties.
pub fn of_value(name: &str, value: &Value, can_be_empty: &[&str]) -> Fate {
    match value {
        Value::Null if can_be_empty.contains(&name) => Fate::Stored(Value::Null),
        Value::Null => Fate::NotSent,
        Value::String(text) if can_be_empty.contains(&name) && text.trim().is_empty() => {
            Fate::Stored(Value::Null)
        }
        Value::String(text) => of_text(name, text),
        Value::Bool(truth) if name == "is_active" => Fate::Stored(json!(truth)),
        _ => Fate::Refused,
    }
}
