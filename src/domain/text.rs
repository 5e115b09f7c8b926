//! Parsing of typed text: trimming, normalisation, forbidden characters.

use unicode_normalization::UnicodeNormalization;

use crate::domain::problem::Problem;

/// The normalised form for comparison: trimmed, NFKC, lower case. Unique indexes are on this form.
///
/// Spellings that look the same (`ANN@X.ORG`, full-width letters) have the same normalised form.
#[must_use]
pub fn normalised(typed: &str) -> String {
    typed
        .trim()
        .nfkc()
        .collect::<String>()
        .to_lowercase()
        .nfkc()
        .collect()
}

/// The text of the search index: the normalised texts, decomposed (NFD), one per line.
///
/// The index uses trigrams. Decomposed, a Hangul syllable has two or three characters, so that names of one or two
/// syllables can be found.
#[must_use]
pub fn searchable(texts: &[&str]) -> String {
    let lines: Vec<String> = texts
        .iter()
        .map(|text| normalised(text).nfd().collect())
        .collect();
    lines.join("\n")
}

/// Parses a line of text: trimmed, not empty, at most `max` characters, no forbidden character.
pub(super) fn line(typed: &str, max: usize) -> Result<String, Problem> {
    let trimmed = typed.trim();
    if trimmed.is_empty() {
        return Err(Problem::Blank);
    }
    if trimmed.chars().count() > max {
        return Err(Problem::TooLong { max });
    }
    if trimmed.chars().any(is_forbidden) {
        return Err(Problem::ControlCharacter);
    }
    Ok(trimmed.to_owned())
}

/// Control characters (Postgres cannot store NUL), line separators, and characters that change the writing direction,
/// which can disguise a text.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_look_the_same_have_the_same_normalised_form() {
        assert_eq!(normalised("  Ann@Example.ORG "), "ann@example.org");
        assert_eq!(normalised("ＡＮＮ@example.org"), "ann@example.org");
        assert_eq!(normalised("\u{1112}\u{1161}\u{11ab}"), "\u{d55c}");
    }

    #[test]
    fn normalisation_is_idempotent() {
        for text in ["İstanbul", "ﬀ", "Straße", "ｶﾞ", "ϓ"] {
            assert_eq!(normalised(&normalised(text)), normalised(text), "{text}");
        }
    }
}
