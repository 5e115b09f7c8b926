//! The result of a check.

use crate::domain::language::Language;
use crate::services::checklist::check::{Check, Level};
use crate::services::checklist::text::LocalizedText;

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// The level.
    pub level: Level,
    /// What was found.
    pub found: LocalizedText,
    /// What to do about it; `None` at level `ok`.
    pub advice: Option<LocalizedText>,
}

impl Finding {
    /// A finding. The advice is left out at level `ok`.
    pub(super) fn new(
        check: Check,
        level: Level,
        found: impl Into<LocalizedText>,
        advice: impl Into<LocalizedText>,
    ) -> Self {
        Self {
            check,
            level,
            found: found.into(),
            advice: (level > Level::Ok).then(|| advice.into()),
        }
    }

    /// A finding at level `ok`.
    pub(super) fn ok(check: Check, found: impl Into<LocalizedText>) -> Self {
        Self {
            check,
            level: Level::Ok,
            found: found.into(),
            advice: None,
        }
    }

    /// The title of the check.
    #[must_use]
    pub fn title(&self, language: Language) -> String {
        LocalizedText::new(format!("{}.title", self.check.as_str())).say(language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
