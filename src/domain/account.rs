//! Accounts and their values: e-mail, username, name, telephone number, role.

use std::str::FromStr;

use email_address::EmailAddress;
use unicode_normalization::UnicodeNormalization;

use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::problem::Problem;
use crate::domain::text::{ascii_number, line, normalised, normalised_email};
use crate::domain::text_enum::text_enum;

/// The full stop of East Asian input methods. UTS 46 takes it for a dot in a domain, NFKC does not.
const IDEOGRAPHIC_FULL_STOP: char = '\u{3002}';

/// An e-mail address, as typed (trimmed) and normalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    typed: String,
    normalised: String,
}

impl Email {
    /// Maximum number of characters (RFC 5321 section 4.5.3.1.3 without the angle brackets).
    pub const MAX: usize = 254;

    /// Parses `local@domain.tld`, without display name, comment or domain literal.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        // Full-width forms come from the input method; they are no part of an address.
        let typed: String = typed.nfkc().collect();
        let typed = line(&typed.replace(IDEOGRAPHIC_FULL_STOP, "."), Self::MAX)?;
        let options = email_address::Options::default()
            .with_required_tld()
            .without_domain_literal()
            .without_display_text();
        if EmailAddress::parse_with_options(&typed, options).is_err() {
            return Err(Problem::NotEmail);
        }
        let normalised = normalised_email(&typed);
        Ok(Self { typed, normalised })
    }

    /// As typed, trimmed.
    #[must_use]
    pub fn as_typed(&self) -> &str {
        &self.typed
    }

    /// Normalised, for comparison.
    #[must_use]
    pub fn normalised(&self) -> &str {
        &self.normalised
    }
}

/// The login name of a client, as typed (trimmed) and normalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    typed: String,
    normalised: String,
}

impl Username {
    /// Maximum number of characters.
    pub const MAX: usize = 150;

    /// Parses a username: letters and digits of any script and `. _ - @ +`, starting with a letter or digit.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        let typed = line(typed, Self::MAX)?;
        let normalised = normalised(&typed);
        let allowed = |c: char| c.is_alphanumeric() || is_combining(c) || ".-_@+".contains(c);
        if !normalised.starts_with(char::is_alphanumeric) || !normalised.chars().all(allowed) {
            return Err(Problem::NotUsername);
        }
        Ok(Self { typed, normalised })
    }

    /// As typed, trimmed.
    #[must_use]
    pub fn as_typed(&self) -> &str {
        &self.typed
    }

    /// Normalised, for comparison.
    #[must_use]
    pub fn normalised(&self) -> &str {
        &self.normalised
    }
}

fn is_combining(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// The name of a person or company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Maximum number of characters.
    pub const MAX: usize = 150;

    /// Parses one line of at most [`Name::MAX`] characters.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        line(typed, Self::MAX).map(Self)
    }

    /// Normalised, for searching and sorting.
    #[must_use]
    pub fn normalised(&self) -> String {
        normalised(&self.0)
    }

    /// As typed, trimmed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A telephone number as typed, in ASCII. Only its format is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone(String);

impl Phone {
    /// Maximum number of characters, including spaces and hyphens.
    pub const MAX: usize = 32;

    /// Parses `+`, digits, spaces, hyphens, dots and parentheses, with 4 to 15 digits (ITU-T E.164 section 6.1).
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        let typed = line(&ascii_number(typed), Self::MAX)?;
        let digits = typed.chars().filter(char::is_ascii_digit).count();
        let allowed = |(at, c): (usize, char)| {
            c.is_ascii_digit() || " -.()".contains(c) || (c == '+' && at == 0)
        };
        if !(4..=15).contains(&digits) || !typed.char_indices().all(allowed) {
            return Err(Problem::NotPhone);
        }
        Ok(Self(typed))
    }

    /// As typed, trimmed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_enum! {
    /// The role of an internal user.
    Role {
        /// Reads and changes everything.
        Admin = "admin",
        /// Reads everything.
        Auditor = "auditor",
        /// Reads the list of users only.
        Staff = "staff",
    }
}

impl Role {
    /// Whether the role may log in to the admin panel.
    #[must_use]
    pub fn has_panel_access(self) -> bool {
        matches!(self, Self::Admin | Self::Auditor)
    }

    /// Parses one of [`Role::NAMES`].
    pub fn parse(word: &str) -> Result<Self, Problem> {
        Self::from_word(word).ok_or(Problem::NotOneOf(Self::NAMES))
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::parse(word).map_err(|_| format!("must be one of {}", Self::NAMES.join(", ")))
    }
}

/// The normalised form of a login name as typed: the e-mail address of a user, or the username of a client.
#[must_use]
pub fn normalised_login(user_type: UserType, typed: &str) -> String {
    match user_type {
        UserType::User => normalised_email(typed),
        UserType::Client => normalised(typed),
    }
}

/// The public data of an account of either user type. Contains no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// User type and number.
    pub principal: Principal,
    /// The name of the person or company.
    pub name: String,
    /// Always set for internal users.
    pub email: Option<String>,
    /// Set for clients only.
    pub username: Option<String>,
    /// Set for internal users only.
    pub role: Option<Role>,
    /// Whether the account may log in and use tokens.
    pub is_active: bool,
}

impl Account {
    /// An internal user.
    #[must_use]
    pub fn user(
        user_seq: UserSeq,
        email: String,
        name: String,
        role: Role,
        is_active: bool,
    ) -> Self {
        Self {
            principal: Principal::user(user_seq),
            name,
            email: Some(email),
            username: None,
            role: Some(role),
            is_active,
        }
    }

    /// An external client.
    #[must_use]
    pub fn client(
        user_seq: UserSeq,
        username: String,
        name: String,
        email: Option<String>,
        is_active: bool,
    ) -> Self {
        Self {
            principal: Principal::client(user_seq),
            name,
            email,
            username: Some(username),
            role: None,
            is_active,
        }
    }

    /// Name, e-mail and username, which must not be used as the password.
    #[must_use]
    pub fn identifiers(&self) -> [&str; 3] {
        [
            self.name.as_str(),
            self.email.as_deref().unwrap_or_default(),
            self.username.as_deref().unwrap_or_default(),
        ]
    }

    /// The login name: the e-mail of a user, the username of a client.
    #[must_use]
    pub fn login(&self) -> &str {
        let login = self.username.as_deref().or(self.email.as_deref());
        login.unwrap_or_default()
    }

    /// The normalised login name.
    #[must_use]
    pub fn normalised_login(&self) -> String {
        normalised_login(self.principal.user_type, self.login())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_needs_a_local_part_and_a_domain_with_a_dot() {
        assert!(
            Email::parse(" Ann.Lee+x@example.org ")
                .is_ok_and(|email| email.as_typed() == "Ann.Lee+x@example.org")
        );
        assert!(Email::parse("한글@예시.한국").is_ok());
        for odd in [
            "ann",
            "ann@",
            "@example.org",
            "ann@localhost",
            "Ann <ann@example.org>",
            "ann@[127.0.0.1]",
            "a b@example.org",
        ] {
            assert_eq!(Email::parse(odd), Err(Problem::NotEmail), "{odd}");
        }
        assert_eq!(
            Email::parse("a\0b@example.org"),
            Err(Problem::ControlCharacter)
        );
        assert_eq!(Email::parse("  "), Err(Problem::Blank));
    }

    #[test]
    fn a_username_starts_with_a_letter_or_digit() {
        assert!(Username::parse("홍길동").is_ok());
        assert!(Username::parse("acme-01@shop").is_ok());
        for odd in ["-x", "a b", "a/b", "a\u{2028}b"] {
            assert!(Username::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_phone_has_4_to_15_digits() {
        assert!(Phone::parse("+82 10-1234-5678").is_ok());
        for pasted in [
            "\u{202A}+82\u{A0}10-1234-5678\u{202C}",
            "\u{FEFF}+82 10\u{2011}1234\u{2013}5678\u{200B}",
            "＋８２ １０－１２３４－５６７８",
        ] {
            let phone = Phone::parse(pasted);
            assert_eq!(phone, Phone::parse("+82 10-1234-5678"), "{pasted:?}");
        }
        for odd in ["123", "1234567890123456", "12+34", "tel:1234", "\u{200B}"] {
            assert!(Phone::parse(odd).is_err(), "{odd}");
        }
    }
}
