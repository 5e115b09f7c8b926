//! Properties of the value types, for fuzzing. See `src/fuzzing.rs`.

use crate::domain::account::{Email, Name, Phone, Role, Username};
use crate::domain::language::Language;
use crate::domain::otp::OtpCode;
use crate::domain::paging::{Cursor, parse_ordering};
use crate::domain::password::Password;
use crate::domain::preferences::parse_time_zone;
use crate::domain::principal::UserSeq;
use crate::domain::text::{ascii_number, clean, normalised, normalised_email};

/// Parses a text as each value type: an accepted value is a cleaned line, parses again as the same value, and its
/// normalised form is stable.
///
/// # Panics
/// If a property is violated.
pub fn fields(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(email) = Email::parse(text) {
        assert_line(email.as_typed(), Email::MAX);
        assert_eq!(Email::parse(email.as_typed()).as_ref(), Ok(&email));
        assert_eq!(normalised_email(email.normalised()), email.normalised());
        assert!(email.as_typed().contains('@'));
    }
    if let Ok(username) = Username::parse(text) {
        assert_line(username.as_typed(), Username::MAX);
        assert_eq!(Username::parse(username.as_typed()).as_ref(), Ok(&username));
        assert_eq!(normalised(username.normalised()), username.normalised());
        assert!(!username.normalised().contains(char::is_whitespace));
    }
    if let Ok(name) = Name::parse(text) {
        assert_line(name.as_str(), Name::MAX);
    }
    if let Ok(phone) = Phone::parse(text) {
        assert_line(phone.as_str(), Phone::MAX);
    }
    assert!(Role::parse(text).is_ok_and(|role| role.as_str() == text) == Role::parse(text).is_ok());
    if let Ok(password) = Password::parse(text) {
        assert!(!password.reveal().is_empty());
        let again = Password::parse(password.reveal());
        assert!(again.is_ok_and(|again| again.reveal() == password.reveal()));
        assert_eq!(password.typed(), text);
    }
    if let Ok(code) = OtpCode::parse(text) {
        assert!(ascii_number(text).contains(code.reveal().chars().next().unwrap_or('-')));
        assert_eq!(OtpCode::parse(code.reveal()), Ok(code));
    }
    if let Some(seq) = UserSeq::from_digits(text) {
        assert!(seq.get() > 0 && seq.get().to_string() == text);
    }
    if let Some(cursor) = Cursor::decode(text) {
        assert_eq!(Cursor::decode(&cursor.encoded()), Some(cursor.clone()));
        assert!(cursor.time().is_none_or(|time| time.unix_micros() >= 0));
    }
    if let Ok(order) = parse_ordering(text, &[("name", 0), ("email", 1)], &["name", "email"]) {
        assert!(order.len() <= 2);
    }
    if let Ok(zone) = parse_time_zone(text) {
        assert_eq!(parse_time_zone(zone.name()), Ok(zone));
    }
}

fn assert_line(parsed: &str, max: usize) {
    assert_eq!(parsed, clean(parsed));
    assert!((1..=max).contains(&parsed.chars().count()));
    assert!(!parsed.contains(char::is_control));
}

/// Parses a text as `Accept-Language`: the result is a language that the text names.
///
/// # Panics
/// If the property is violated.
pub fn languages(bytes: &[u8]) {
    let Ok(header) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(language) = Language::from_accept_language(header) {
        assert!(header.to_ascii_lowercase().contains(language.tag()));
    }
}
