//! Accounts and their values: e-mail, username, name, telephone number, role.

use std::{borrow::Cow, fmt};

use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use email_address::EmailAddress;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use crate::clock::Timestamp;
use crate::domain::account_claims::AccountClaims;
use crate::domain::principal::{Principal, UserType};
use crate::domain::problem::Problem;
use crate::domain::text::{ascii_number, line, normalised, normalised_email};

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
        let typed = if typed.is_ascii() {
            line(typed, Self::MAX)?
        } else {
            let typed: String = typed.nfkc().collect();
            line(&typed.replace(IDEOGRAPHIC_FULL_STOP, "."), Self::MAX)?
        };
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

/// A name to log in by, as typed (trimmed) and normalised as an e-mail address is: it can be one.
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
        let normalised = normalised_email(&typed);
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

/// The name of the role of an internal user. What the role may do is in the configuration; a role that it does not have
/// gives no rights.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub struct Role(Cow<'static, str>);

impl Role {
    /// Maximum number of characters.
    pub const MAX: usize = 50;
    /// The built-in role with all rights.
    pub const ADMIN: Self = Self(Cow::Borrowed("admin"));
    /// The built-in role that sees everything.
    pub const AUDITOR: Self = Self(Cow::Borrowed("auditor"));
    /// The built-in role that lists accounts.
    pub const STAFF: Self = Self(Cow::Borrowed("staff"));
    /// Stands for the configured roles in schemas and examples, which are made without the configuration.
    pub const PLACEHOLDER: &'static str = "{role}";

    /// Parses 1 to [`Role::MAX`] ASCII letters, digits and `_ - .`.
    pub fn parse(word: &str) -> Result<Self, Problem> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        if (1..=Self::MAX).contains(&word.len()) && word.bytes().all(allowed) {
            Ok(Self(Cow::Owned(word.to_owned())))
        } else {
            Err(Problem::NotRole)
        }
    }

    /// That of a column.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Some(Self(Cow::Owned(text.to_owned())))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Role {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Role".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "examples": [Self::PLACEHOLDER]})
    }
}

/// The id of an account in another system, as it is there. Unique within its user type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalId(String);

impl ExternalId {
    /// Maximum number of characters.
    pub const MAX: usize = 255;

    /// Parses one line of at most [`ExternalId::MAX`] characters.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        line(typed, Self::MAX).map(Self)
    }

    /// As typed, trimmed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The normalised form of a login name as typed: an e-mail address or a username.
#[must_use]
pub fn normalised_login(typed: &str) -> String {
    normalised_email(typed)
}

/// The public data of an account of either user type. Contains no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// User type and number.
    pub principal: Principal,
    /// The e-mail address. An internal user has one or a username.
    pub email: Option<String>,
    /// The username. A client always has one.
    pub username: Option<String>,
    /// The id in another system.
    pub external_id: Option<String>,
    /// The name of the person or company.
    pub name: String,
    /// Set for internal users only.
    pub role: Option<Role>,
    /// Whether the account may log in and use tokens.
    pub is_active: bool,
    /// The claims of its own, for its access tokens.
    pub claims: Option<AccountClaims>,
    /// Since when the e-mail address is verified, if it is.
    pub email_verified_at: Option<Timestamp>,
}

impl Account {
    /// Name, e-mail and username, which must not be used as the password.
    #[must_use]
    pub fn identifiers(&self) -> [&str; 3] {
        [
            self.name.as_str(),
            self.email.as_deref().unwrap_or_default(),
            self.username.as_deref().unwrap_or_default(),
        ]
    }

    /// Whether the e-mail address is verified; `None` without one.
    #[must_use]
    pub fn email_verified(&self) -> Option<bool> {
        let email = self.email.as_ref();
        email.map(|_| self.email_verified_at.is_some())
    }

    /// The login name: the e-mail address of a user, or the username without one, and the username of a client.
    #[must_use]
    pub fn login(&self) -> &str {
        let (email, username) = (self.email.as_deref(), self.username.as_deref());
        let login = match self.principal.user_type {
            UserType::User => email.or(username),
            UserType::Client => username,
        };
        login.unwrap_or_default()
    }

    /// The normalised login name.
    #[must_use]
    pub fn normalised_login(&self) -> String {
        normalised_login(self.login())
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
