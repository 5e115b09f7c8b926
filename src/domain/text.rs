//! How typed text is read: trimming, normalisation, and what no field may hold.

use unicode_normalization::UnicodeNormalization;

use crate::domain::problem::Problem;

/// The form by which names are compared: trimmed, NFKC, lower case.
///
/// Two spellings that a person takes for the same (`ANN@X.ORG`, full-width letters) have one normalised form, and the
/// unique indexes are on it.
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

/// What somebody is searched by: the normalised forms of several texts, decomposed, a line each.
///
/// Decomposed, because a search goes by runs of three characters, and a syllable of Hangul is then two or three of them:
/// a given name of two syllables, and even a family name of one, can be found by the index.
#[must_use]
pub fn searchable(texts: &[&str]) -> String {
    let lines: Vec<String> = texts
        .iter()
        .map(|text| normalised(text).nfd().collect())
        .collect();
    lines.join("\n")
}

/// A line of text: trimmed, not empty, at most `max` characters, no control character.
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

/// Characters that no stored line holds: controls (NUL first of all, which Postgres cannot store), and the marks that
/// turn the writing direction of the text after them and so can disguise what a reader sees.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_look_the_same_have_one_normalised_form() {
        assert_eq!(normalised("  Ann@Example.ORG "), "ann@example.org");
        assert_eq!(normalised("ＡＮＮ@example.org"), "ann@example.org");
        assert_eq!(normalised("\u{1112}\u{1161}\u{11ab}"), "\u{d55c}");
    }

    #[test]
    fn normalising_twice_changes_nothing() {
        for text in ["İstanbul", "ﬀ", "Straße", "ｶﾞ", "ϓ"] {
            assert_eq!(normalised(&normalised(text)), normalised(text), "{text}");
        }
    }
}
