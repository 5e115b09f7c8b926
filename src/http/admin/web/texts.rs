//! Texts of `locales/admin`, with values and numbers.

use std::fmt::Display;

use rust_i18n::t;

use crate::domain::language::Language;

/// A text of `locales/admin` in a language.
pub(crate) fn tr(language: Language, key: &str) -> String {
    t!(format!("admin.{key}"), locale = language.tag()).into_owned()
}

/// As [`tr`], with a value for `%{value}`.
pub(crate) fn tr_with(language: Language, key: &str, value: impl Display) -> String {
    let value = value.to_string();
    t!(
        format!("admin.{key}"),
        locale = language.tag(),
        value = value
    )
    .into_owned()
}

/// As [`tr`], with a number for `%{n}`; for 1 the key with `_one`, if there is one.
pub(crate) fn tr_count(language: Language, key: &str, n: impl Display) -> String {
    let n = n.to_string();
    if n == "1" {
        let one = format!("admin.{key}_one");
        let text = t!(&one, locale = language.tag(), n = n);
        if text != one && !text.ends_with(&one) {
            return text.into_owned();
        }
    }
    let n = grouped(&n);
    t!(format!("admin.{key}"), locale = language.tag(), n = n).into_owned()
}

/// `1234567` as `1,234,567`; other texts are not changed.
pub(crate) fn grouped(digits: &str) -> String {
    if digits.len() < 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits.to_owned();
    }
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (digits, read) in [
            ("7", "7"),
            ("999", "999"),
            ("1000", "1,000"),
            ("1234567", "1,234,567"),
            ("10,000+", "10,000+"),
        ] {
            assert_eq!(grouped(digits), read);
        }
    }
}
