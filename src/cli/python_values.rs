//! Values of the settings of SimpleJWT, as Python means them.

use serde_json::Value;

/// Settings that are classes or functions of Python. Their default values, as suffixes of a path, need no equivalent.
pub(super) const CLASSES: [(&str, &str, &str); 11] = [
    (
        "JSON_ENCODER",
        "",
        "a Python class; claims are text, numbers and booleans here (tokens.claims, tokens.extra_claims)",
    ),
    (
        "USER_AUTHENTICATION_RULE",
        ".default_user_authentication_rule",
        "a Python function; only active accounts can log in and refresh",
    ),
    (
        "TOKEN_USER_CLASS",
        ".TokenUser",
        "a Python class of your own services, which go on using it",
    ),
    (
        "TOKEN_OBTAIN_SERIALIZER",
        ".TokenObtainPairSerializer",
        SERIALIZER,
    ),
    (
        "TOKEN_REFRESH_SERIALIZER",
        ".TokenRefreshSerializer",
        SERIALIZER,
    ),
    (
        "TOKEN_VERIFY_SERIALIZER",
        ".TokenVerifySerializer",
        SERIALIZER,
    ),
    (
        "TOKEN_BLACKLIST_SERIALIZER",
        ".TokenBlacklistSerializer",
        SERIALIZER,
    ),
    (
        "SLIDING_TOKEN_OBTAIN_SERIALIZER",
        ".TokenObtainSlidingSerializer",
        SERIALIZER,
    ),
    (
        "SLIDING_TOKEN_REFRESH_SERIALIZER",
        ".TokenRefreshSlidingSerializer",
        SERIALIZER,
    ),
    (
        "ON_LOGIN_SUCCESS",
        ".default_on_login_success",
        "a Python function; every login is in the audit log",
    ),
    (
        "ON_LOGIN_FAILED",
        ".default_on_login_failed",
        "a Python function; every refused login is in the audit log",
    ),
];
const SERIALIZER: &str =
    "a Python class; claims of your own are tokens.claims and tokens.extra_claims here";

/// Names that SimpleJWT has removed, with what replaced them.
pub(super) const REMOVED: [(&str, &str); 4] = [
    ("AUTH_HEADER_TYPE", "AUTH_HEADER_TYPES"),
    ("AUTH_TOKEN_CLASS", "AUTH_TOKEN_CLASSES"),
    ("SECRET_KEY", "SIGNING_KEY"),
    ("TOKEN_BACKEND_CLASS", "ALGORITHM"),
];

/// A text; empty for another value.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A text, or a list of texts. SimpleJWT takes one text for a list of one.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(values) => values
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    }
}

/// Whether a value is `None` or an empty text.
pub(super) fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// As Python does.
pub(super) fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_on) => *is_on,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(values) => !values.is_empty(),
    }
}

/// `X` and `Access` of `X_ACCESS`.
pub(super) fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    let rest = chars.map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(rest).collect()
}
