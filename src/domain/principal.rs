//! The identity of an account: user type and number.

use std::{borrow::Cow, fmt};

use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
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

impl JsonSchema for UserSeq {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "UserSeq".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "format": "int64", "minimum": 1, "examples": [7]})
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

/// The owner of an access token. A service is no account: it is in no list of accounts, and no endpoint for accounts accepts
/// its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenOwner {
    /// A user or a client.
    Account(Principal),
    /// The service with this number.
    Service(UserSeq),
}

impl TokenOwner {
    /// The claim `user_type` of a service.
    pub const SERVICE: &'static str = "service";

    /// Whether a text is the claim `user_type` of some owner.
    #[must_use]
    pub fn is_user_type(text: &str) -> bool {
        text == Self::SERVICE || UserType::from_word(text).is_some()
    }

    /// The owner with this claim `user_type` and this number.
    #[must_use]
    pub fn from_parts(user_type: &str, number: UserSeq) -> Option<Self> {
        if user_type == Self::SERVICE {
            return Some(Self::Service(number));
        }
        let user_type = UserType::from_word(user_type)?;
        Some(Self::Account(Principal::new(user_type, number)))
    }

    /// The claim `user_type`.
    #[must_use]
    pub fn user_type(self) -> &'static str {
        match self {
            Self::Account(principal) => principal.user_type.as_str(),
            Self::Service(_) => Self::SERVICE,
        }
    }

    /// The number within the type.
    #[must_use]
    pub fn user_seq(self) -> UserSeq {
        match self {
            Self::Account(principal) => principal.user_seq,
            Self::Service(number) => number,
        }
    }
}

impl From<Principal> for TokenOwner {
    fn from(principal: Principal) -> Self {
        Self::Account(principal)
    }
}

/// The value of the `sub` claim: `user:1`, `client:7`, `service:3`.
impl fmt::Display for TokenOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user_type(), self.user_seq())
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
    fn the_owner_of_a_token_is_read_from_its_parts() {
        let number = UserSeq::new(7).unwrap();
        for owner in [
            Principal::user(number).into(),
            Principal::client(number).into(),
            TokenOwner::Service(number),
        ] {
            let read = TokenOwner::from_parts(owner.user_type(), owner.user_seq());
            assert_eq!(read, Some(owner));
        }
        assert_eq!(TokenOwner::from_parts("Service", number), None);
        assert!(TokenOwner::is_user_type("service") && !TokenOwner::is_user_type(""));
    }

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
