//! Services: the programs that check tokens and call each other. Their names, descriptions and scopes.

use std::fmt;

use diesel::{deserialize::FromSqlRow, expression::AsExpression};

use crate::domain::admin_scope::{AdminScope, PREFIX};
use crate::domain::problem::Problem;
use crate::domain::text::line;

/// The unique name of a service, which is its `client_id` (RFC 6749 section 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceName(String);

impl ServiceName {
    /// Maximum number of characters.
    pub const MAX: usize = 64;

    /// Parses a name: lower-case letters and digits of ASCII and `. _ -`, starting with a letter or digit. It needs no
    /// encoding in a header, a form or a URL.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        let name = line(typed, Self::MAX)?;
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let is_name = name.bytes().all(|b| is_plain(b) || b".-_".contains(&b));
        if is_name && name.bytes().next().is_some_and(is_plain) {
            Ok(Self(name))
        } else {
            Err(Problem::NotServiceName)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a service is for: one line, possibly empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// Maximum number of characters.
    pub const MAX: usize = 200;

    /// Parses one line of at most [`Description::MAX`] characters.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        line(typed, Self::MAX).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Scopes (RFC 6749 section 3.3), sorted, each once. Stored and transmitted as words with one space in between.
#[derive(Clone, Debug, Default, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub struct Scopes(String);

impl Scopes {
    /// Maximum number of scopes.
    pub const MAX: usize = 32;
    /// Maximum number of characters of one scope.
    pub const MAX_LENGTH: usize = 64;

    /// Parses words with spaces in between; none is allowed. Those of the admin API must be ones that it has.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        let mut words: Vec<&str> = typed.split_ascii_whitespace().collect();
        words.sort_unstable();
        words.dedup();
        if words.len() > Self::MAX || !words.iter().all(|word| is_scope(word)) {
            return Err(Problem::NotScopes);
        }
        let is_known = |word: &&str| AdminScope::from_word(word).is_some();
        if !of_admin_api(words.iter().copied()).all(|word| is_known(&word)) {
            return Err(Problem::NotAdminScope);
        }
        Ok(Self(words.join(" ")))
    }

    /// Those of a column, which were parsed before they were stored.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words with one space in between.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The scopes.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_ascii_whitespace()
    }

    /// Whether this scope of the admin API is one of them.
    #[must_use]
    pub fn grants(&self, scope: AdminScope) -> bool {
        self.iter().any(|one| one == scope.as_str())
    }

    /// Whether all of these scopes that are ones of the admin API are among `others`.
    #[must_use]
    pub fn are_granted_by(&self, others: &Self) -> bool {
        of_admin_api(self.iter()).all(|scope| others.iter().any(|one| one == scope))
    }

    /// Whether all of these scopes are among `others`.
    #[must_use]
    pub fn are_among(&self, others: &Self) -> bool {
        self.iter()
            .all(|scope| others.iter().any(|one| one == scope))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Those of the admin API.
fn of_admin_api<'a>(words: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    words.filter(|word| word.starts_with(PREFIX))
}

/// `scope-token` of RFC 6749 section 3.3.
fn is_scope(word: &str) -> bool {
    let allowed = |b: u8| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    word.len() <= Scopes::MAX_LENGTH && word.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_name_needs_no_encoding() {
        for name in ["billing", "orders-2", "a.b_c"] {
            assert!(ServiceName::parse(name).is_ok(), "{name}");
        }
        for odd in ["Billing", "-a", ".a", "a b", "a:b", "\u{d55c}", "a%b"] {
            assert_eq!(
                ServiceName::parse(odd),
                Err(Problem::NotServiceName),
                "{odd}"
            );
        }
        assert_eq!(ServiceName::parse(" "), Err(Problem::Blank));
    }

    #[test]
    fn only_the_scopes_of_the_admin_api_must_be_granted_by_those_of_the_granter() {
        let scopes = |text: &str| Scopes::parse(text).unwrap();
        let own = scopes("admin:services:write admin:locks:read");
        assert!(own.grants(AdminScope::LocksRead) && !own.grants(AdminScope::LocksWrite));
        assert!(scopes("orders:read admin:locks:read").are_granted_by(&own));
        assert!(!scopes("admin:locks:read admin:locks:write").are_granted_by(&own));
    }

    #[test]
    fn scopes_are_sorted_words() {
        let scopes = Scopes::parse(" orders:write  orders:read orders:read ").unwrap();
        assert_eq!(scopes.as_str(), "orders:read orders:write");
        assert!(Scopes::parse("orders:read").unwrap().are_among(&scopes));
        assert!(!Scopes::parse("orders:read x").unwrap().are_among(&scopes));
        assert!(Scopes::parse("").unwrap().is_empty());
        for odd in ["admin:", "admin:sessions", "a admin:sessions:reed"] {
            assert_eq!(Scopes::parse(odd), Err(Problem::NotAdminScope), "{odd}");
        }
        let long = "x".repeat(65);
        for odd in ["a\"b", "a\\b", "\u{e4}", long.as_str()] {
            assert_eq!(Scopes::parse(odd), Err(Problem::NotScopes), "{odd}");
        }
    }
}
