//! Passwords, and the policy for new passwords. Hashing is in `services::passwords`.

use std::{fmt, sync::LazyLock};

use unicode_normalization::UnicodeNormalization;

use crate::domain::problem::Problem;
use crate::domain::text::normalised;

/// A typed password. `Debug` does not print it; there is no `Display` and no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    normalised: String,
    /// As it was typed, if that differs.
    typed: Option<String>,
}

impl Password {
    /// Maximum number of characters of a new password after normalisation.
    pub const MAX: usize = 1024;
    /// The same of a password that is compared: an account that came from another program may have a longer one.
    pub const MAX_PRESENTED: usize = 4096;

    /// Accepts every Unicode character and keeps leading and trailing spaces.
    ///
    /// The password is normalised to NFC, so that a Hangul syllable typed as one or several code points is the same
    /// password (NIST SP 800-63B-4 section 3.1.1.2). Errors: [`Problem::Blank`] and [`Problem::TooLong`]. The minimum
    /// length is checked by [`PasswordPolicy`] for new passwords only, because older passwords may be shorter.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        Self::up_to(Self::MAX, typed)
    }

    /// The same for a password that an account has already, up to [`Password::MAX_PRESENTED`] characters.
    pub fn parse_presented(typed: &str) -> Result<Self, Problem> {
        Self::up_to(Self::MAX_PRESENTED, typed)
    }

    fn up_to(max: usize, typed: &str) -> Result<Self, Problem> {
        let password: String = typed.nfc().take(max + 1).collect();
        if password.is_empty() {
            return Err(Problem::Blank);
        }
        if password.chars().count() > max {
            return Err(Problem::TooLong { max });
        }
        Ok(Self {
            typed: (password != typed).then(|| typed.to_owned()),
            normalised: password,
        })
    }

    /// The password, normalised.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.normalised
    }

    /// The password as it was typed. Only hashes of other programs, which do not normalise, are compared with it.
    #[must_use]
    pub fn typed(&self) -> &str {
        self.typed.as_deref().unwrap_or(&self.normalised)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The policy for new passwords (ASVS 5.0 6.2, NIST SP 800-63B-4 section 3.1.1.2): a minimum length, no common password, no
/// words of the account or the site. As recommended there, no rules about character classes and no expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy<'a> {
    /// Minimum number of characters.
    pub min_length: usize,
    /// Names of the site, which must not be part of a password.
    pub site_names: &'a [String],
}

impl PasswordPolicy<'_> {
    /// The problems of a password; empty if it is allowed. `identifiers` are e-mail, username and name of the account.
    ///
    /// Everything is compared after normalisation. Of the identifiers, the whole text, the local part of an e-mail address and
    /// each word of them must not be part of the password, if they have [`PasswordPolicy::MIN_WORD`] characters.
    #[must_use]
    pub fn check(&self, password: &Password, identifiers: &[&str]) -> Vec<Problem> {
        let mut problems = Vec::new();
        if password.reveal().chars().count() < self.min_length {
            problems.push(Problem::TooShort {
                min: self.min_length,
            });
        }
        let normalised_password = normalised(password.reveal());
        if is_common(&normalised_password) {
            problems.push(Problem::CommonPassword);
        }
        let contains = |word: &str| normalised_password.contains(word);
        if identifiers
            .iter()
            .any(|it| own_words(it).iter().any(|word| contains(word)))
        {
            problems.push(Problem::ContainsIdentifier);
        }
        if self
            .site_names
            .iter()
            .any(|name| contains(&normalised(name)))
        {
            problems.push(Problem::ContainsSiteName);
        }
        problems
    }

    /// Shorter words of an identifier may be part of a password: they are in too many others.
    pub const MIN_WORD: usize = 4;
}

/// The normalised texts of an identifier that must not be part of a password.
fn own_words(identifier: &str) -> Vec<String> {
    let identifier = normalised(identifier);
    let local = identifier
        .rsplit_once('@')
        .map_or(identifier.as_str(), |(local, _)| local);
    let words = local.split(|c: char| !c.is_alphanumeric());
    let all = [identifier.as_str(), local].into_iter().chain(words);
    all.filter(|word| word.chars().count() >= PasswordPolicy::MIN_WORD)
        .map(str::to_owned)
        .collect()
}

/// The most common passwords of 8 or more characters (ASVS 5.0 6.2.4 requires 3,000), in lower case, sorted by bytes.
/// Split into lines at the first use.
static COMMON: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    include_str!("common_passwords.txt")
        .lines()
        .skip_while(|line| line.starts_with("# "))
        .collect()
});

fn is_common(password: &str) -> bool {
    COMMON.binary_search(&password).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: PasswordPolicy<'static> = PasswordPolicy {
        min_length: 8,
        site_names: &[],
    };

    fn password(typed: &str) -> Password {
        Password::parse(typed).unwrap()
    }

    #[test]
    fn every_character_and_surrounding_spaces_are_kept() {
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
    fn composed_and_decomposed_hangul_are_the_same_password() {
        assert_eq!(
            password("\u{1112}\u{1161}\u{11ab}글").reveal(),
            "\u{d55c}글"
        );
        assert_ne!(
            password("ｐass"),
            password("pass"),
            "NFC does not change the width of letters"
        );
    }

    #[test]
    fn a_new_password_has_at_most_1024_characters_and_a_presented_one_4096() {
        assert!(Password::parse(&"🔑".repeat(1024)).is_ok());
        let too_long = Err(Problem::TooLong { max: 1024 });
        assert_eq!(Password::parse(&"a".repeat(1025)), too_long);
        assert_eq!(Password::parse(&"가".repeat(1_000_000)), too_long);
        assert!(Password::parse_presented(&"🔑".repeat(4096)).is_ok());
        let too_long = Err(Problem::TooLong { max: 4096 });
        assert_eq!(Password::parse_presented(&"a".repeat(4097)), too_long);
    }

    #[test]
    fn debug_output_omits_the_password() {
        assert_eq!(format!("{:?}", password("secret")), "Password(…)");
    }

    #[test]
    fn the_length_is_counted_in_characters_and_no_character_class_is_required() {
        assert_eq!(
            POLICY.check(&password("일곱글자입니다"), &[]),
            [Problem::TooShort { min: 8 }]
        );
        assert_eq!(POLICY.check(&password("여덟글자입니다."), &[]), []);
        assert_eq!(POLICY.check(&password("zvkwqjxy"), &[]), []);
    }

    #[test]
    fn common_passwords_are_rejected_in_any_case_and_width() {
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
    fn the_list_of_common_passwords_is_long_enough_sorted_and_normalised() {
        assert!(COMMON.len() >= 3_000, "{}", COMMON.len());
        assert!(COMMON.is_sorted());
        for word in COMMON.iter() {
            assert_eq!(normalised(word), *word);
            assert!(word.chars().count() >= 8, "{word}");
        }
    }

    #[test]
    fn words_of_the_account_are_rejected_as_parts() {
        let own = ["Ann.Archer@example.org", "홍길동무역회사", "", " "];
        for word in [
            "ann.archer@example.org",
            "ANN.ARCHER",
            " ann.archer ",
            "ａnn.archer",
            "the ARCHER's boat",
            "홍길동무역회사 2026",
            "나는 홍길동무역회사 직원",
        ] {
            assert_eq!(
                POLICY.check(&password(word), &own),
                [Problem::ContainsIdentifier],
                "{word}"
            );
        }
        // Words of fewer than four characters are part of too many others.
        for word in ["annual boat trip", "         ", "example.organic"] {
            assert_eq!(POLICY.check(&password(word), &own), [], "{word}");
        }
    }

    #[test]
    fn names_of_the_site_are_rejected_as_parts() {
        let site_names = ["Example Market".to_owned(), "쿠팡".to_owned()];
        let policy = PasswordPolicy {
            site_names: &site_names,
            ..POLICY
        };
        for word in ["my EXAMPLE MARKET 2026", "쿠팡 비밀번호입니다"] {
            assert_eq!(
                policy.check(&password(word), &[]),
                [Problem::ContainsSiteName],
                "{word}"
            );
        }
        assert_eq!(policy.check(&password("my market example"), &[]), []);
    }
}
