//! The names of operations and of their groups.

use crate::http::api::endpoint::Endpoint;

/// The groups of operations, and what they are.
pub(super) const TAGS: [(&str, &str); 8] = [
    (
        "Login and sessions",
        "Tokens by password and second factor, refresh, logout, and the caller's own sessions, password and second factors.",
    ),
    ("One-time codes", "Tokens for clients by one-time code."),
    ("Own account", "The account of the access token."),
    (
        "Internal users",
        "Accounts with a role. Callers who may only list accounts see the contacts of no other one.",
    ),
    (
        "Clients",
        "External accounts. Callers who may only list accounts see no contacts.",
    ),
    (
        "Services",
        "Tokens of services (OAuth 2.0), and what services ask: whether a token is valid, and what was revoked.",
    ),
    (
        "Administration",
        "What the admin panel can do, for services whose access tokens have the scope.",
    ),
    ("Server", "Probes, and this document."),
];

/// The group of a path.
pub(super) fn tag_of(path: &str) -> &'static str {
    let mut segments = path.split('/').skip(1);
    let at = match (segments.next(), segments.next()) {
        (Some("auth"), _) => 0,
        (Some("clients"), _) => 1,
        (Some("api"), Some("me")) => 2,
        (Some("api"), Some("users")) => 3,
        (Some("api"), Some("clients")) => 4,
        (Some("oauth"), _) => 5,
        (Some("api"), _) => 6,
        _ => 7,
    };
    TAGS[at].0
}

/// The name of an operation, made from its method and path: `post_auth_login`.
pub(super) fn operation_id(endpoint: &Endpoint) -> String {
    let words = endpoint.path.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    let path = words.collect::<Vec<_>>().join("_");
    format!("{}_{path}", endpoint.method.as_str().to_ascii_lowercase())
}
