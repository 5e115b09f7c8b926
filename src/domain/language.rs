//! The supported languages, and parsing of `Accept-Language`.

use serde::{Deserialize, Serialize};

/// A language of messages, mails and pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

impl Language {
    /// The language tag (RFC 5646), which is also the name of the file in `locales/`.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ko => "ko",
        }
    }

    /// The language with this tag.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag {
            "en" => Some(Self::En),
            "ko" => Some(Self::Ko),
            _ => None,
        }
    }

    /// The preferred supported language of an `Accept-Language` header (RFC 9110 section 12.5.4).
    ///
    /// Invalid parts are ignored; with equal weights the first one is preferred.
    #[must_use]
    pub fn from_accept_language(header: &str) -> Option<Self> {
        let mut best: Option<(Self, f32)> = None;
        for part in header.split(',').take(32) {
            let mut pieces = part.split(';');
            let range = pieces.next().unwrap_or_default().trim();
            let primary = range.split('-').next().unwrap_or_default();
            let Some(language) = Self::from_tag(&primary.to_ascii_lowercase()) else {
                continue;
            };
            let weight = pieces
                .find_map(|piece| piece.trim().strip_prefix("q="))
                .map_or(1.0, |q| q.parse().unwrap_or(0.0));
            if weight > 0.0 && best.is_none_or(|(_, other)| weight > other) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_highest_weight_is_selected() {
        for (header, language) in [
            ("ko-KR,ko;q=0.9,en;q=0.8", Some(Language::Ko)),
            ("fr, en;q=0.5, ko;q=0.7", Some(Language::Ko)),
            ("EN-gb", Some(Language::En)),
            ("ko;q=0, en;q=0.1", Some(Language::En)),
            ("fr,de", None),
            (";;;,q=,ko;q=x", None),
            ("", None),
        ] {
            assert_eq!(Language::from_accept_language(header), language, "{header}");
        }
    }
}
