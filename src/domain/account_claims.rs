//! Claims of an account's own: a small JSON object that administrators set, for the account's access tokens.

use std::{borrow::Cow, collections::BTreeMap};

use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::domain::problem::Problem;

/// Names of claims that the server sets itself or that have a meaning of their own in tokens (RFC 7519, 7662, 8693, 9068,
/// `OpenID` Connect): no claim of the configuration or of an account may have one.
const RESERVED: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "token_type",
    "user_type",
    "email",
    "role",
    "name",
    "username",
    "client_id",
    "scope",
    "active",
    "status",
    "cnf",
    "act",
    "may_act",
    "azp",
    "auth_time",
    "acr",
    "amr",
    "nonce",
];

/// Whether a claim may not have this name.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Whether a text has the form of a claim's name: 1 to 64 of the characters `A-Z a-z 0-9 _ : / . -`.
#[must_use]
pub fn is_claim_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_:/.-".contains(&b);
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

/// At least one claim, as JSON text with sorted names.
#[derive(Clone, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub struct AccountClaims(String);

impl AccountClaims {
    /// Maximum number of bytes of the text.
    pub const MAX_BYTES: usize = 1024;
    /// Maximum number of claims.
    pub const MAX: usize = 16;

    /// Parses a JSON object whose values are texts, numbers, booleans or lists of texts; `None` if it is empty.
    pub fn parse(text: &str) -> Result<Option<Self>, Problem> {
        let claims: BTreeMap<String, Value> =
            serde_json::from_str(text).map_err(|_| Problem::NotClaims)?;
        if claims
            .keys()
            .any(|name| !is_claim_name(name) || is_reserved(name))
        {
            return Err(Problem::ReservedClaim);
        }
        if claims.len() > Self::MAX || !claims.values().all(is_value) {
            return Err(Problem::NotClaims);
        }
        let text = serde_json::to_string(&claims).map_err(|_| Problem::NotClaims)?;
        if text.len() > Self::MAX_BYTES {
            return Err(Problem::NotClaims);
        }
        Ok((!claims.is_empty()).then_some(Self(text)))
    }

    /// Those of a column, which were parsed before they were stored.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The claims.
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<String, Value> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// As a JSON object.
impl Serialize for AccountClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_map().serialize(serializer)
    }
}

impl JsonSchema for AccountClaims {
    fn schema_name() -> Cow<'static, str> {
        "AccountClaims".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "minProperties": 1, "maxProperties": Self::MAX, "examples": [{"tenant": "acme"}]})
    }
}

fn is_value(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(is_text),
        Value::Bool(_) => true,
        Value::Number(number) => number.is_i64() || number.is_f64(),
        Value::String(_) => is_text(value),
        Value::Null | Value::Object(_) => false,
    }
}

fn is_text(value: &Value) -> bool {
    let text = value.as_str();
    text.is_some_and(|text| !text.contains(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_small_objects_of_simple_values() {
        let claims = AccountClaims::parse(
            r#"{"tier": "gold", "teams": ["a", "b"], "limit": 3, "beta": true}"#,
        );
        let claims = claims.unwrap().unwrap();
        assert_eq!(
            claims.as_str(),
            r#"{"beta":true,"limit":3,"teams":["a","b"],"tier":"gold"}"#
        );
        assert_eq!(AccountClaims::parse(" {} "), Ok(None));
        let many: BTreeMap<String, Value> = (0..17).map(|n| (format!("c{n}"), n.into())).collect();
        let many = serde_json::to_string(&many).unwrap();
        let long = format!(r#"{{"a": "{}"}}"#, "x".repeat(1_024));
        for odd in [
            "",
            "x",
            "[]",
            "null",
            r#"{"a": null}"#,
            r#"{"a": {}}"#,
            r#"{"a": [1]}"#,
            r#"{"a": [["b"]]}"#,
            r#"{"a": "\u0000"}"#,
            r#"{"a": 18446744073709551615}"#,
            &many,
            &long,
        ] {
            assert_eq!(AccountClaims::parse(odd), Err(Problem::NotClaims), "{odd}");
        }
        for name in ["sub", "role", "scope", "", "a b", "\u{e4}", &"x".repeat(65)] {
            let object = format!(r#"{{"{name}": 1}}"#);
            assert_eq!(
                AccountClaims::parse(&object),
                Err(Problem::ReservedClaim),
                "{name}"
            );
        }
    }
}
