//! The identity of an account: user type and number.

use std::fmt;

use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use serde::Serialize;

use crate::domain::text_enum::text_enum;

text_enum! {
    /// The type of an account. Each type has its own table, so a number can occur in both.
    UserType {
        /// Internal user: logs in with e-mail and password, and has a role.
        User = "user",
        /// External client: logs in with a username and a one-time code or password.
        Client = "client",
    }
}

/// The number of an account within its user type: greater than zero, never reused.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = diesel::sql_types::BigInt)]
pub struct UserSeq(i64);

impl UserSeq {
    /// `None` unless the number is greater than zero.
    #[must_use]
    pub fn new(number: i64) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    /// Parses digits without sign, spaces or leading zeros.
    #[must_use]
    pub fn from_digits(digits: &str) -> Option<Self> {
        let is_plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        digits.parse().ok().filter(|_| is_plain).and_then(Self::new)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// A reference to the number, for binding it to a query.
    #[must_use]
    pub fn get_ref(&self) -> &i64 {
        &self.0
    }
}

impl fmt::Display for UserSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The identity of an account: user type and number. Neither alone identifies an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The user type.
    pub user_type: UserType,
    /// The number within the user type.
    pub user_seq: UserSeq,
}

impl Principal {
    /// The account of this population with this number.
    #[must_use]
    pub fn new(user_type: UserType, user_seq: UserSeq) -> Self {
        Self {
            user_type,
            user_seq,
        }
    }

    /// An internal user.
    #[must_use]
    pub fn user(user_seq: UserSeq) -> Self {
        Self::new(UserType::User, user_seq)
    }

    /// An external client.
    #[must_use]
    pub fn client(user_seq: UserSeq) -> Self {
        Self::new(UserType::Client, user_seq)
    }
}

/// The value of the `sub` claim: `user:1`, `client:7`.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user_type, self.user_seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_parsed_from_plain_digits_only() {
        assert_eq!(UserSeq::from_digits("42").map(UserSeq::get), Some(42));
        for odd in [
            "",
            "0",
            "01",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1.0",
            "９",
            "9223372036854775808",
        ] {
            assert_eq!(UserSeq::from_digits(odd), None, "{odd:?}");
        }
    }
}
