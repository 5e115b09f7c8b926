//! Every endpoint of the API with what can be sent to it, read from the server's own declaration
//! ([`munjigi::http::api::routes::ENDPOINTS`]). That the declaration is complete and documented is tested here.

use std::{collections::BTreeSet, sync::LazyLock};

pub use munjigi::http::api::{endpoint::Access as Who, input::Kind};
use munjigi::http::api::{
    endpoint::Endpoint as Declared,
    input::{Field as DeclaredField, Presence},
    routes,
};

use crate::support::{self, headers};

/// A field of a body.
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    /// A value that is accepted, as JSON.
    pub good: &'static str,
}

/// A parameter of a query.
pub struct Parameter {
    pub name: &'static str,
    pub kind: Kind,
    /// Values that it cannot have, encoded for a URL.
    pub wrong: Vec<String>,
}

/// A method of a path.
pub struct Endpoint {
    pub method: &'static str,
    pub path: &'static str,
    pub who: Who,
    pub fields: Vec<Field>,
    pub query: Vec<Parameter>,
    pub refuses_unknown: bool,
    pub every_method: bool,
}

impl Endpoint {
    /// The endpoint with one of its alternative fields, if it has any.
    fn new(declared: &Declared, alternative: Option<&str>) -> Self {
        let fields = declared.body.iter().filter(|field| {
            field.presence != Presence::Alternative || Some(field.name) == alternative
        });
        Self {
            method: declared.method.as_str(),
            path: declared.path,
            who: declared.access,
            fields: fields
                // What this one takes depends on `tokens.transport`; it is tested in `cookies`.
                .filter(|field| field.name != "transport")
                .map(|field| Field {
                    name: field.name,
                    kind: field.kind,
                    required: is_required(field)
                        || (declared.method.as_str(), declared.path, field.name)
                            == WITHOUT_INVITATION,
                    good: match (field.name, alternative) {
                        ("method", Some("assertion")) => r#""passkey""#,
                        _ => good(declared.path, field.name),
                    },
                })
                .collect(),
            query: declared
                .query
                .iter()
                .map(|field| Parameter {
                    name: field.name,
                    kind: field.kind,
                    wrong: wrong(field.kind),
                })
                .collect(),
            refuses_unknown: declared.refuses_unknown,
            every_method: declared.every_method,
        }
    }

    /// The path with an account's number and the id of a session.
    pub fn filled(&self, seq: &str) -> String {
        let path = self.path.replace("{user_seq}", seq);
        path.replace("{id}", "019c5c21cfae70dca2e2adad97cfb732")
            .replace("{number}", "0")
            .replace("{kid}", "k1")
    }
}

/// The field that a new user needs who is not invited, as in these tests.
const WITHOUT_INVITATION: (&str, &str, &str) = ("POST", "/api/users", "password");

fn is_required(field: &DeclaredField) -> bool {
    match field.presence {
        // The refresh token is in the body unless a test configures the cookie.
        Presence::Required | Presence::Alternative | Presence::UnlessCookie => true,
        Presence::Optional | Presence::Nullable => false,
    }
}

/// A value that a field accepts. No account has this name or address, except those that a test creates.
fn good(path: &str, name: &str) -> &'static str {
    match name {
        "username" if path.starts_with("/api/") => r#""somebody""#,
        "username" => r#""nobody""#,
        "password" | "current_password" | "new_password" => r#""correct horse battery staple""#,
        "user_type" => r#""client""#,
        "refresh" | "token" => r#""a.b.c""#,
        "keep_current" | "is_active" | "email_verified" => "true",
        "invite" | "at_once" => "false",
        "challenge_id" => r#""00000000000000000000000000000000""#,
        "method" => r#""totp""#,
        "code" => r#""123456""#,
        "email" | "new_email" => r#""fresh@example.org""#,
        "name" => r#""Somebody""#,
        "credential" | "assertion" => r#"{"id": "AAAA"}"#,
        "role" => r#""staff""#,
        "claims" => r#"{"tier": "gold"}"#,
        "external_id" => r#""k-1""#,
        "phone" => r#""+82 10-1234-5678""#,
        "items" => r#"[{"username": "somebody"}]"#,
        "account" => r#""user:7""#,
        "lock" => r#""no such lock""#,
        "algorithm" => r#""EdDSA""#,
        "description" => r#""Bills""#,
        "scopes" => r#""orders:read""#,
        _ => panic!("add a value for `{name}`"),
    }
}

/// Values that no parameter of this kind accepts.
fn wrong(kind: Kind) -> Vec<String> {
    let mut values: Vec<String> = match kind {
        Kind::Integer { .. } => vec![
            "x",
            "0",
            "-1",
            "1.5",
            "1e3",
            "true",
            "null",
            "[]",
            "%201",
            "99999999999999999999",
            "%ff",
            "%EF%BC%91",
        ],
        Kind::Boolean => vec!["x", "2", "null", "[]", "yes", "%00", "%ff"],
        // No query has one.
        Kind::Object | Kind::Credential | Kind::Items(_) => Vec::new(),
        Kind::Text { .. } => vec!["%00", "a%1Fb", "a%0d%0ab"],
        Kind::Ordering(_) => vec!["x", "-", "--name", "name,x", "name desc", "1", "%00", "%ff"],
        Kind::OneOf(_) | Kind::Role => vec!["root", "1", "Admin", "%00", "%ff", "null"],
        Kind::AnyOf(_) | Kind::Roles => vec![
            "root", "1", "Admin", "%00", "%ff", "null", ",", "admin,", "",
        ],
    }
    .into_iter()
    .map(str::to_owned)
    .collect();
    match kind {
        Kind::Integer { min, max, .. } => values.extend([min - 1, max + 1].map(|n| n.to_string())),
        Kind::Text { max: Some(max), .. } => values.push("x".repeat(max + 1)),
        _ => {}
    }
    values
}

/// Those that answer in the envelope; one with alternative fields is there once for each of these. The endpoints of OAuth
/// 2.0 have answers and callers of their own, see `oauth_requests`.
pub static ENDPOINTS: LazyLock<Vec<Endpoint>> = LazyLock::new(|| {
    let mut endpoints = Vec::new();
    let have_envelope = |endpoint: &&Declared| {
        !endpoint.path.starts_with("/oauth/") || endpoint.path.starts_with("/oauth/status-lists/")
    };
    for declared in routes::ENDPOINTS.iter().filter(have_envelope) {
        let alternatives = declared
            .body
            .iter()
            .filter(|field| field.presence == Presence::Alternative);
        let before = endpoints.len();
        endpoints.extend(alternatives.map(|field| Endpoint::new(declared, Some(field.name))));
        if endpoints.len() == before {
            endpoints.push(Endpoint::new(declared, None));
        }
    }
    endpoints
});

/// Every path with its methods as `Allow` has them, except those with every method.
pub fn allowed() -> Vec<(String, String)> {
    let others = ENDPOINTS.iter().filter(|endpoint| !endpoint.every_method);
    let mut paths: Vec<&str> = others.map(|endpoint| endpoint.path).collect();
    paths.dedup();
    let of_path = |path: &str| {
        let methods = ENDPOINTS.iter().filter(|endpoint| endpoint.path == path);
        let methods = methods.map(|endpoint| match endpoint.method {
            "GET" => "GET, HEAD",
            method => method,
        });
        let mut methods: Vec<&str> = methods.chain(["OPTIONS"]).collect();
        methods.dedup();
        methods.join(", ")
    };
    paths
        .into_iter()
        .map(|path| {
            (
                path.replace("{user_seq}", "1")
                    .replace("{id}", "1")
                    .replace("{number}", "0")
                    .replace("{kid}", "k1"),
                of_path(path),
            )
        })
        .collect()
}

/// Addresses outside of the panel that lead to it (`tests/suite/http_server/entry.rs`).
const LEAD_TO_PANEL: [&str; 3] = ["/", "/.well-known/change-password", "/favicon.ico"];

#[tokio::test]
async fn the_declared_endpoints_are_those_that_the_server_registers() {
    let registered = support::routes().await;
    let registered: BTreeSet<(String, String)> = registered
        .into_iter()
        .filter(|route| !headers::is_in_panel(&route.pattern))
        .flat_map(|route| {
            let mut methods = route.methods;
            if methods.is_empty() {
                // It takes every method, and is declared with the one that it is documented with.
                methods.push("GET".to_owned());
            }
            let methods = methods.into_iter().filter(|method| method != "HEAD");
            methods.map(move |method| (route.pattern.clone(), method))
        })
        .filter(|(pattern, _)| {
            !pattern.starts_with("/static") && !LEAD_TO_PANEL.contains(&&**pattern)
        })
        .collect();
    let declared: BTreeSet<(String, String)> = routes::ENDPOINTS
        .iter()
        .map(|endpoint| {
            (
                endpoint.path.to_owned(),
                endpoint.method.as_str().to_owned(),
            )
        })
        .collect();
    assert_eq!(registered, declared);
    assert_eq!(declared.len(), routes::ENDPOINTS.len(), "one is twice");
}

const DOCUMENTS: [&str; 2] = [
    include_str!("../../../docs/api.md"),
    include_str!("../../../docs/admin-api.md"),
];

/// The cells of a row of the tables of endpoints in `docs/api.md` and `docs/admin-api.md`, by the method and path in its first
/// cell.
fn documented(endpoint: &Declared) -> (&'static str, &'static str) {
    let start = format!("| `{} {}` | ", endpoint.method.as_str(), endpoint.path);
    let mut lines = DOCUMENTS.iter().flat_map(|document| document.lines());
    let row = lines.find_map(|line| line.strip_prefix(&start));
    let row = row.unwrap_or_else(|| panic!("no row in the documents begins with {start}"));
    row.strip_suffix('|').unwrap().split_once(" |").unwrap()
}

/// The words in backticks.
fn code_words(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn the_documents_have_a_row_for_each_endpoint_with_its_caller_and_its_inputs() {
    for endpoint in routes::ENDPOINTS {
        let (caller, inputs) = documented(endpoint);
        let expected = match endpoint.access {
            Who::Anyone => "anyone",
            Who::Bearer => "bearer",
            Who::BearerOrRefresh => "bearer or refresh token",
            Who::ServiceSecret => "service by its secret",
            Who::Service => "service",
            Who::Internal => "role with `list`",
            Who::Administrator => "role with `write`",
            Who::Scope(scope) => &format!("`{scope}`"),
        };
        let path = endpoint.path;
        assert_eq!(caller.split(',').next(), Some(expected), "{path}");
        let declared = || endpoint.query.iter().chain(endpoint.body);
        let words: BTreeSet<&str> = code_words(inputs).collect();
        for field in declared() {
            assert!(words.contains(field.name), "{path}: {}", field.name);
        }
        for word in words {
            let is_input = declared().any(|field| field.name == word);
            let is_value = declared().any(|field| match field.kind {
                Kind::OneOf(values) | Kind::AnyOf(values) => values.contains(&word),
                Kind::Boolean => ["true", "false"].contains(&word),
                _ => false,
            });
            assert!(is_input || is_value, "{path}: {word}");
        }
    }
}

#[test]
fn the_documents_have_the_limits_of_the_parameters() {
    let documented = DOCUMENTS.concat().replace('\n', " ");
    for field in routes::ENDPOINTS.iter().flat_map(|endpoint| endpoint.query) {
        let limit = match (field.name, field.kind) {
            ("page", Kind::Integer { min, .. }) => format!("`page` (from {min})"),
            (name, Kind::Integer { max, .. }) => format!("`{name}` (up to {max})"),
            (_, Kind::Text { max: Some(max), .. }) => format!("up to {max} characters"),
            _ => format!("`{}`", field.name),
        };
        assert!(documented.contains(&limit), "{limit}");
    }
}

#[test]
fn the_declaration_describes_every_endpoint_and_input_in_one_line() {
    let is_line = |text: &str| (3..=100).contains(&text.len()) && !text.contains('\n');
    for endpoint in routes::ENDPOINTS {
        assert!(is_line(endpoint.summary), "{}", endpoint.path);
        for field in endpoint.query.iter().chain(endpoint.body) {
            assert!(is_line(field.description), "{}", field.name);
        }
    }
}

#[test]
fn a_declared_kind_is_what_the_parser_accepts() {
    for field in routes::ENDPOINTS
        .iter()
        .flat_map(|endpoint| endpoint.query.iter().chain(endpoint.body))
    {
        let accepts = |text: &str| field.problem(text).is_none();
        let name = field.name;
        match field.kind {
            Kind::Integer { min, max, default } => {
                for number in [min, max, default] {
                    assert!(accepts(&number.to_string()), "{name}: {number}");
                }
                for number in [min - 1, max + 1] {
                    assert!(!accepts(&number.to_string()), "{name}: {number}");
                }
            }
            Kind::OneOf(values) | Kind::Ordering(values) => {
                for value in values {
                    assert!(accepts(value), "{name}: {value}");
                }
                assert!(!accepts("nothing"), "{name}");
            }
            // Whether a role is configured is checked by the handler.
            Kind::Role => assert!(accepts("team.lead-2_x") && !accepts("team lead"), "{name}"),
            Kind::Roles => assert!(accepts("admin, lead") && !accepts(","), "{name}"),
            Kind::AnyOf(values) => {
                assert!(accepts(&values.join(",")) && accepts(values[0]), "{name}");
                assert!(!accepts("nothing") && !accepts(""), "{name}");
            }
            Kind::Boolean => {
                assert!(
                    accepts("true") && accepts("false") && !accepts("x"),
                    "{name}"
                );
            }
            Kind::Credential => assert!(accepts("{}") && !accepts("[]") && !accepts("x")),
            Kind::Items(_) => {
                assert!(accepts(r#"[{"name": "x"}]"#) && !accepts("[]") && !accepts("[1]"));
                assert!(!accepts("{}") && !accepts(&format!("[{}{{}}]", "{},".repeat(1_000))));
            }
            Kind::Object => {
                assert!(accepts(r#"{"tier": "gold"}"#) && accepts("{}") && !accepts("[]"));
            }
            Kind::Text { max: Some(max), .. } => {
                assert!(!accepts(&"1".repeat(max + 1)), "{name}");
            }
            Kind::Text { max: None, .. } => assert!(accepts(&"1".repeat(10_000)), "{name}"),
        }
    }
}
