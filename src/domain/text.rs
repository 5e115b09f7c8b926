//! Parsing of typed text: what pasting adds, normalisation, forbidden characters.

use unicode_normalization::UnicodeNormalization;

use crate::domain::problem::Problem;

/// The text without what pasting adds to it: invisible characters are removed (zero-width spaces, byte order marks, marks of
/// the writing direction, soft hyphens), and every kind of space becomes an ordinary one.
///
/// Joiners between two letters stay, because some scripts and emoji need them.
#[must_use]
pub fn clean(typed: &str) -> String {
    if typed.is_ascii() {
        return typed.trim().to_owned();
    }
    let visible = |c: &char| !is_invisible(*c) || matches!(c, '\u{200C}' | '\u{200D}');
    let text: String = typed
        .chars()
        .filter(visible)
        .map(|c| if is_space(c) { ' ' } else { c })
        .collect();
    let is_outside = |c: char| c.is_whitespace() || is_invisible(c);
    text.trim_matches(is_outside).to_owned()
}

/// Characters without a shape of their own (Unicode's `Default_Ignorable_Code_Point`, as far as keyboards, word processors
/// and messengers insert them), except for the selectors of emoji.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

/// Spaces other than the ordinary one, within a line.
fn is_space(c: char) -> bool {
    matches!(
        c,
        '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}'
    )
}

/// The normalised form for comparison: cleaned, without joiners, NFKC, lower case. Unique indexes are on this form.
///
/// Spellings that look the same (`ANN@X.ORG`, full-width letters) have the same normalised form.
#[must_use]
pub fn normalised(typed: &str) -> String {
    // Nearly every login name is ASCII; Unicode's tables cost microseconds, and an import normalises millions of names.
    if typed.is_ascii() {
        return typed.trim().to_ascii_lowercase();
    }
    let visible: String = clean(typed).chars().filter(|c| !is_invisible(*c)).collect();
    let folded: String = visible.nfkc().collect::<String>().to_lowercase();
    // A compatibility form may have a space at its beginning.
    folded.nfkc().collect::<String>().trim().to_owned()
}

/// The normalised form of an e-mail address: its domain in one spelling, in Unicode (UTS 46), however it was typed.
#[must_use]
pub fn normalised_email(typed: &str) -> String {
    let normalised = normalised(typed);
    match normalised.rsplit_once('@') {
        Some((local, domain)) => {
            let (domain, result) = idna::domain_to_unicode(domain);
            // A domain that is none stays as it is.
            if result.is_ok() {
                format!("{local}@{domain}")
            } else {
                normalised
            }
        }
        None => normalised,
    }
}

/// Digits and signs of a number in ASCII: full-width forms, and every kind of dash.
#[must_use]
pub fn ascii_number(typed: &str) -> String {
    let is_dash = |c| {
        matches!(
            c,
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}'
        )
    };
    let text = clean(typed).nfkc().collect::<String>();
    let dashed = text.chars().map(|c| if is_dash(c) { '-' } else { c });
    dashed.collect::<String>().trim().to_owned()
}

/// The text of the search index: the normalised texts, decomposed (NFD), one per line.
///
/// The index uses trigrams. Decomposed, a Hangul syllable has two or three characters, so that names of one or two
/// syllables can be found.
#[must_use]
pub fn searchable(texts: &[&str]) -> String {
    let lines: Vec<String> = texts
        .iter()
        .map(|text| {
            let text = normalised(text);
            if text.is_ascii() {
                text
            } else {
                text.nfd().collect()
            }
        })
        .collect();
    lines.join("\n")
}

/// Parses a line of text: [cleaned](clean), not empty, at most `max` characters, no control character.
pub(super) fn line(typed: &str, max: usize) -> Result<String, Problem> {
    let text = clean(typed);
    if text.is_empty() {
        return Err(Problem::Blank);
    }
    if text.chars().count() > max {
        return Err(Problem::TooLong { max });
    }
    if text.chars().any(is_forbidden) {
        return Err(Problem::ControlCharacter);
    }
    Ok(text)
}

/// Control characters (Postgres cannot store NUL) and line separators.
fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
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
    fn what_pasting_adds_is_removed() {
        for pasted in [
            "\u{FEFF}ann lee",
            "ann\u{A0}lee",
            "\u{202A}ann lee\u{202C}",
            " ann\u{3000}lee\u{200B}",
            "a\u{AD}nn\u{2060} lee\u{200D}",
        ] {
            assert_eq!(clean(pasted), "ann lee", "{pasted:?}");
            assert_eq!(normalised(pasted), "ann lee", "{pasted:?}");
        }
        // A joiner between letters stays in what is shown, and makes no difference in a comparison.
        assert_eq!(clean("می\u{200C}خواهم"), "می\u{200C}خواهم");
        assert_eq!(normalised("a\u{200D}b"), "ab");
        assert_eq!(
            ascii_number("\u{202A}０１０‑1234－5678\u{202C}"),
            "010-1234-5678"
        );
    }

    #[test]
    fn a_domain_has_one_spelling() {
        for typed in [
            "Kim@예시.한국",
            "kim@xn--vv4b11d.XN--3E0B707E",
            "kim＠예시。한국",
        ] {
            assert_eq!(normalised_email(typed), "kim@예시.한국", "{typed}");
        }
        for typed in ["test@BÜCHER.example", "test@xn--bcher-kva.example"] {
            assert_eq!(normalised_email(typed), "test@bücher.example");
        }
        for kept in ["no address", "a@-x-", "@", ""] {
            assert_eq!(normalised_email(kept), normalised(kept));
        }
    }

    #[test]
    fn normalisation_is_idempotent() {
        for text in ["İstanbul", "ﬀ", "Straße", "ｶﾞ", "ϓ", "\u{200D} ¨\u{FEFF}"] {
            assert_eq!(normalised(&normalised(text)), normalised(text), "{text}");
        }
    }
}
