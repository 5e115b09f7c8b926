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

/// Characters without a shape.
const INVISIBLE: &str = "\u{ad}\u{34f}\u{61c}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\
    \u{202d}\u{202e}\u{2060}\u{2061}\u{2062}\u{2063}\u{2064}\u{2065}\u{2066}\u{2067}\u{2068}\u{2069}\u{206a}\u{206b}\
    \u{206c}\u{206d}\u{206e}\u{206f}\u{feff}\u{fff9}\u{fffa}\u{fffb}";
/// Those that some scripts need between letters.
const JOINERS: [char; 2] = ['\u{200c}', '\u{200d}'];

/// A text as it looks: without invisible characters but joiners between letters, and with ordinary spaces.
pub fn as_it_looks(text: &str) -> String {
    let is_kept = |c: &char| !INVISIBLE.contains(*c) || JOINERS.contains(c);
    let space = |c: char| {
        let breaks = ['\u{85}', '\u{2028}', '\u{2029}'].contains(&c);
        if c.is_whitespace() && !c.is_control() && !breaks {
            ' '
        } else {
            c
        }
    };
    let text: String = text.chars().filter(is_kept).map(space).collect();
    let is_outside = |c: char| c.is_whitespace() || JOINERS.contains(&c);
    text.trim_matches(is_outside).to_owned()
}

/// A line of 1 to `max` characters as it looks, without control characters and line separators; otherwise `None`.
pub fn line(text: &str, max: usize) -> Option<String> {
    let text = as_it_looks(text);
    let is_plain = |c: char| !c.is_control() && c != '\u{2028}' && c != '\u{2029}';
    let length = text.chars().count();
    ((1..=max).contains(&length) && text.chars().all(is_plain)).then_some(text)
}

fn stored(text: Option<String>) -> Outcome {
    text.map_or(Outcome::Refused, |text| Outcome::Stored(text.into()))
}

fn email(text: &str) -> Outcome {
    let typed: String = text.nfkc().collect();
    let Some(line) = line(&typed.replace('。', "."), 254) else {
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
    let visible: String = as_it_looks(text);
    let visible = visible.chars().filter(|c| !JOINERS.contains(c));
    let compared: String = visible.nfkc().collect();
    let compared: String = compared.to_lowercase().nfkc().collect();
    compared.trim().to_owned()
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
    // Dashes and digits of other shapes are those of ASCII.
    let dash = |c| "‐‑‒–—―−﹘﹣".contains(c);
    let text: String = as_it_looks(text).nfkc().collect();
    let text = text.replace(dash, "-");
    stored(line(&text, 32).filter(fits))
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
        Value::String(text) if can_be_empty.contains(&name) && as_it_looks(text).is_empty() => {
            Outcome::Stored(Value::Null)
        }
        Value::String(text) => of_text(name, text),
        Value::Bool(flag) if name == "is_active" => Outcome::Stored(json!(flag)),
        _ => Outcome::Refused,
    }
}
