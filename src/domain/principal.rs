//! The identity of an account: user type and number.

use std::{fmt, str::FromStr};

use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The type of an account. Each type has its own table, so a number can occur in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub enum UserType {
    /// Internal user: logs in with e-mail and password, and has a role.
    User,
    /// External client: logs in with a username and a one-time code or password.
    Client,
}

impl UserType {
    /// The names of the types in claims, JSON and the database.
    pub const NAMES: &'static [&'static str] = &["user", "client"];

    /// The name of the type.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Client => "client",
        }
    }
}

impl fmt::Display for UserType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text is neither `user` nor `client`. There is no default, and the text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown user type")]
pub struct UnknownUserType;

impl FromStr for UserType {
    type Err = UnknownUserType;

    fn from_str(word: &str) -> Result<Self, UnknownUserType> {
        match word {
            "user" => Ok(Self::User),
            "client" => Ok(Self::Client),
            _ => Err(UnknownUserType),
        }
    }
}

impl Serialize for UserType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for UserType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// The number of an account within its user type: greater than zero, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, AsExpression, FromSqlRow)]
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
        let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        if plain {
            digits.parse().ok().and_then(Self::new)
        } else {
            None
        }
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

impl Serialize for UserSeq {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
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
    /// An internal user.
    #[must_use]
    pub fn user(user_seq: UserSeq) -> Self {
        Self {
            user_type: UserType::User,
            user_seq,
        }
    }

    /// An external client.
    #[must_use]
    pub fn client(user_seq: UserSeq) -> Self {
        Self {
            user_type: UserType::Client,
            user_seq,
        }
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
