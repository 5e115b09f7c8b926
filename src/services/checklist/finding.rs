//! What came of a check, without a language; and its words in one.

use std::fmt::Display;

use rust_i18n::t;

use crate::{
    domain::language::Language,
    services::checklist::check::{Check, Level},
};

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which check.
    pub check: Check,
    /// How it came out.
    pub level: Level,
    /// What was found.
    pub found: LocalizedText,
    /// What to do about it; nothing where all is well.
    pub advice: Option<LocalizedText>,
}

impl Finding {
    /// What was found, and what to do where that is not well.
    pub(super) fn new(
        check: Check,
        level: Level,
        found: LocalizedText,
        advice: LocalizedText,
    ) -> Self {
        Self {
            check,
            level,
            found,
            advice: (level > Level::Ok).then_some(advice),
        }
    }

    /// All is well.
    pub(super) fn ok(check: Check, found: LocalizedText) -> Self {
        Self {
            check,
            level: Level::Ok,
            found,
            advice: None,
        }
    }

    /// What is checked, in a few words.
    #[must_use]
    pub fn title(&self, language: Language) -> String {
        LocalizedText::new(format!("{}.title", self.check.as_str())).say(language)
    }
}

/// A sentence without its language: which it is in `locales/checklist.*.yml`, and the values that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalizedText {
    /// None: the one value is all that is told, and is the same in each language.
    key: Option<String>,
    values: Vec<(&'static str, String)>,
}

impl LocalizedText {
    /// The sentence of this key.
    pub(super) fn new(key: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            values: Vec::new(),
        }
    }

    /// A value that needs no words.
    pub(super) fn value(value: impl Display) -> Self {
        Self {
            key: None,
            values: vec![("value", value.to_string())],
        }
    }

    /// With this value for `%{name}`.
    pub(super) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.values.push((name, value.to_string()));
        self
    }

    /// The sentence in a language.
    #[must_use]
    pub fn say(&self, language: Language) -> String {
        let Some(key) = &self.key else {
            let values: Vec<&str> = self
                .values
                .iter()
                .map(|(_, value)| value.as_str())
                .collect();
            return values.join(" ");
        };
        let text = t!(format!("checklist.{key}"), locale = language.tag());
        filled(&text, &self.values)
    }
}

/// A text with its placeholders filled. Once: what looks like a placeholder within a value stays as it is.
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
    fn a_value_that_looks_like_a_placeholder_stays_as_it_is() {
        let values = [("a", "%{b}".to_owned()), ("b", "two".to_owned())];
        assert_eq!(
            filled("%{a} and %{b}, %{c}.", &values),
            "%{b} and two, %{c}."
        );
        assert_eq!(filled("nothing", &values), "nothing");
    }

    #[test]
    fn every_check_has_a_title_in_both_languages() {
        for check in Check::ALL {
            let finding = Finding::ok(*check, LocalizedText::value(1));
            let (en, ko) = (finding.title(Language::En), finding.title(Language::Ko));
            assert!(!en.contains("title") && !ko.contains("title"), "{en} {ko}");
            assert_ne!(en, ko);
        }
    }
}
