//! Texts of the checklist, which are translated when they are shown.

use std::fmt::Display;

use rust_i18n::t;

use crate::config::Span;
use crate::domain::language::Language;

/// A text that is not translated yet: its key in `locales/checklist.*.yml`, and the values for its placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalizedText {
    /// `None` for a value alone.
    key: Option<String>,
    values: Vec<(&'static str, String)>,
}

impl LocalizedText {
    /// The text of this key in `locales/checklist.*.yml`.
    pub(super) fn new(key: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            values: Vec::new(),
        }
    }

    /// A value without a text.
    pub(super) fn value(value: impl Display) -> Self {
        Self {
            key: None,
            values: vec![("value", value.to_string())],
        }
    }

    /// Sets the value for `%{name}`.
    pub(super) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.values.push((name, value.to_string()));
        self
    }

    /// The text in a language.
    #[must_use]
    pub fn say(&self, language: Language) -> String {
        let Some(key) = &self.key else {
            let values = self.values.iter();
            return values.map(|(_, value)| in_words(value, language)).collect();
        };
        let text = t!(format!("checklist.{key}"), locale = language.tag());
        let words = |(name, value): &(&'static str, String)| (*name, in_words(value, language));
        let values: Vec<_> = self.values.iter().map(words).collect();
        filled(&text, &values)
    }
}

impl From<&str> for LocalizedText {
    fn from(key: &str) -> Self {
        Self::new(key)
    }
}

/// A span of time such as `1h30m` in Korean words, such as `1시간 30분`; any other value, and English, as it is.
fn in_words(value: &str, language: Language) -> String {
    let is_span = value.starts_with(|c: char| c.is_ascii_digit())
        && value.ends_with(|c: char| c.is_ascii_alphabetic())
        && value.parse::<Span>().is_ok();
    if language != Language::Ko || !is_span {
        return value.to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let mut rest = value;
    while let Some(end) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        let (count, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit());
        let (unit, after) = after.split_at(unit_end.unwrap_or(after.len()));
        let unit = match unit {
            "d" => "일",
            "h" => "시간",
            "m" => "분",
            "s" => "초",
            other => other,
        };
        words.push(format!("{count}{unit}"));
        rest = after;
    }
    words.join(" ")
}

/// Replaces the placeholders of a text. Placeholders within a value are not replaced.
fn filled(text: &str, values: &[(&'static str, String)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("%{") {
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(before);
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => filled.push_str(value),
            None => filled.extend(["%{", name, "}"]),
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_korean_words_in_korean() {
        for (value, ko) in [
            ("1m", "1분"),
            ("1h30m", "1시간 30분"),
            ("90d", "90일"),
            ("HS256", "HS256"),
            ("5", "5"),
        ] {
            assert_eq!(in_words(value, Language::Ko), ko);
            assert_eq!(in_words(value, Language::En), value);
            assert_eq!(LocalizedText::value(value).say(Language::Ko), ko);
        }
    }

    #[test]
    fn a_placeholder_within_a_value_is_not_replaced() {
        let values = [("a", "%{b}".to_owned()), ("b", "two".to_owned())];
        assert_eq!(
            filled("%{a} and %{b}, %{c}.", &values),
            "%{b} and two, %{c}."
        );
        assert_eq!(filled("nothing", &values), "nothing");
    }
}
