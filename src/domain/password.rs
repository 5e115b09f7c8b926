//! Passwords as typed, and the rules a new one must keep. Hashing is in `services::passwords`.

use std::{fmt, sync::LazyLock};

use unicode_normalization::UnicodeNormalization;

use crate::domain::{problem::Problem, text::normalised};

/// A password as a person typed it. It shows itself to nobody by accident: there is no `Display` and no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The most characters of a password, counted after normalisation.
    pub const MAX: usize = 1024;

    /// Takes a typed password: every Unicode character and outer spaces are kept, and all of them count.
    ///
    /// It is brought to NFC once, so that the same letters typed on another keyboard (a syllable of Hangul as one code
    /// point or as its letters) are the same password (NIST SP 800-63B-4 section 3.1.1.2). [`Problem::Blank`] when
    /// nothing was typed, [`Problem::TooLong`] above [`Password::MAX`]. How short it may be is the
    /// [`PasswordPolicy`]'s business: a login must be able to present what an older policy allowed.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        let password: String = typed.nfc().take(Self::MAX + 1).collect();
        if password.is_empty() {
            return Err(Problem::Blank);
        }
        if password.chars().count() > Self::MAX {
            return Err(Problem::TooLong { max: Self::MAX });
        }
        Ok(Self(password))
    }

    /// The characters, for the one who hashes them.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What a new password must keep (ASVS 5.0 6.2, NIST SP 800-63B-4 section 3.1.1.2): a length, and not to be the first
/// guess. No rules about kinds of characters, and no expiry: both make passwords worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The fewest characters of a new password.
    pub min_length: usize,
}

impl PasswordPolicy {
    /// What is wrong with `password` for an account that is known by `own_words` (its e-mail, username, name,
    /// telephone); empty when it may be used.
    ///
    /// Common words and own words are compared without regard to case, width of letters and outer spaces. Of an e-mail
    /// the part before the `@` is an own word too.
    #[must_use]
    pub fn check(&self, password: &Password, own_words: &[&str]) -> Vec<Problem> {
        let mut problems = Vec::new();
        if password.reveal().chars().count() < self.min_length {
            problems.push(Problem::TooShort {
                min: self.min_length,
            });
        }
        let compared = normalised(password.reveal());
        if is_common(&compared) {
            problems.push(Problem::CommonPassword);
        }
        if own_words.iter().any(|word| is_own(&compared, word)) {
            problems.push(Problem::OwnWords);
        }
        problems
    }
}

fn is_own(compared: &str, word: &str) -> bool {
    let word = normalised(word);
    let local = word.rsplit_once('@').map_or("", |(local, _)| local);
    !compared.is_empty() && (compared == word || compared == local)
}

/// The commonest passwords of 8 characters or more (ASVS 5.0 6.2.4 asks for 3,000), lower case and sorted by bytes.
/// Cut into lines at the first question, so that a start pays nothing for them.
static COMMON: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    include_str!("common_passwords.txt")
        .lines()
        .skip_while(|line| line.starts_with("# "))
        .collect()
});

fn is_common(compared: &str) -> bool {
    COMMON.binary_search(&compared).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: PasswordPolicy = PasswordPolicy { min_length: 8 };

    fn password(typed: &str) -> Password {
        Password::parse(typed).unwrap()
    }

    #[test]
    fn every_character_and_outer_spaces_are_kept() {
        for typed in [
            " outer ",
            "nul\0in\tside\n",
            "\u{202E}한글🔑",
            "a",
            " ",
            "%s\\'\"",
        ] {
            assert_eq!(password(typed).reveal(), typed);
        }
        assert_eq!(Password::parse(""), Err(Problem::Blank));
    }

    #[test]
    fn one_password_typed_on_two_keyboards_is_one_password() {
        assert_eq!(
            password("\u{1112}\u{1161}\u{11ab}글").reveal(),
            "\u{d55c}글"
        );
        assert_ne!(
            password("ｐass"),
            password("pass"),
            "NFC keeps what the eye can tell apart"
        );
    }

    #[test]
    fn a_password_has_at_most_1024_characters_of_any_size() {
        assert!(Password::parse(&"🔑".repeat(1024)).is_ok());
        let too_long = Err(Problem::TooLong { max: 1024 });
        assert_eq!(Password::parse(&"a".repeat(1025)), too_long);
        assert_eq!(Password::parse(&"가".repeat(1_000_000)), too_long);
    }

    #[test]
    fn a_password_does_not_show_itself() {
        assert_eq!(format!("{:?}", password("secret")), "Password(…)");
    }

    #[test]
    fn length_is_counted_in_characters_and_nothing_else_is_demanded() {
        assert_eq!(
            POLICY.check(&password("일곱글자입니다"), &[]),
            [Problem::TooShort { min: 8 }]
        );
        assert_eq!(POLICY.check(&password("여덟글자입니다."), &[]), []);
        assert_eq!(POLICY.check(&password("zvkwqjxy"), &[]), []);
    }

    #[test]
    fn the_commonest_passwords_are_refused_in_any_case_and_width() {
        for common in [
            "password",
            "PassWord1",
            "12345678",
            "１２３４５６７８",
            "Qwer1234",
        ] {
            assert_eq!(
                POLICY.check(&password(common), &[]),
                [Problem::CommonPassword],
                "{common}"
            );
        }
    }

    #[test]
    fn the_common_list_is_long_enough_sorted_and_in_the_form_that_is_compared() {
        assert!(COMMON.len() >= 3_000, "{}", COMMON.len());
        assert!(COMMON.is_sorted());
        for word in COMMON.iter() {
            assert_eq!(normalised(word), *word);
            assert!(word.chars().count() >= 8, "{word}");
        }
    }

    #[test]
    fn the_accounts_own_words_are_refused() {
        let own = ["Ann.Archer@example.org", "홍길동무역회사", "", " "];
        for word in [
            "ann.archer@example.org",
            "ANN.ARCHER",
            " ann.archer ",
            "ａnn.archer",
        ] {
            assert_eq!(
                POLICY.check(&password(word), &own),
                [Problem::OwnWords],
                "{word}"
            );
        }
        assert!(
            POLICY
                .check(&password("홍길동무역회사"), &own)
                .contains(&Problem::OwnWords)
        );
        assert_eq!(POLICY.check(&password("ann.archer's boat"), &own), []);
        assert_eq!(POLICY.check(&password("         "), &own), []);
    }
}
