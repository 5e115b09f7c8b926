//! Every endpoint of the API with its fields and parameters, as `docs/api.md` documents it. Tests of all endpoints use
//! this table; that it is complete is tested here.

use std::collections::BTreeSet;

use crate::support::{headers, routes};

/// The callers that are authorized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Anyone,
    Bearer,
    Internal,
    Administrator,
}

/// The type of a field of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Truth,
}

/// A field of a body.
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    /// A value that is accepted, as JSON.
    pub good: &'static str,
}

/// A query parameter, with invalid values.
pub type Parameter = (&'static str, &'static [&'static str]);

/// A method of a path.
pub struct Endpoint {
    pub method: &'static str,
    pub path: &'static str,
    pub who: Who,
    pub fields: &'static [Field],
    pub query: &'static [Parameter],
}

impl Endpoint {
    /// Whether an unknown field is a field error: the endpoint writes accounts.
    pub fn refuses_unknown(&self) -> bool {
        self.path.starts_with("/api/") && !self.fields.is_empty()
    }

    /// The path with the number of an account and the id of a session filled in.
    pub fn filled(&self, seq: &str) -> String {
        let path = self.path.replace("{user_seq}", seq);
        path.replace("{id}", "019c5c21cfae70dca2e2adad97cfb732")
    }
}

const fn text(name: &'static str, good: &'static str) -> Field {
    Field {
        name,
        kind: Kind::Text,
        required: true,
        good,
    }
}

const fn optional(name: &'static str, good: &'static str) -> Field {
    Field {
        required: false,
        ..text(name, good)
    }
}

const fn truth(name: &'static str) -> Field {
    Field {
        kind: Kind::Truth,
        ..optional(name, "true")
    }
}

const fn post(path: &'static str, who: Who, fields: &'static [Field]) -> Endpoint {
    Endpoint {
        method: "POST",
        path,
        who,
        fields,
        query: &[],
    }
}

const fn bare(method: &'static str, path: &'static str, who: Who) -> Endpoint {
    Endpoint {
        method,
        ..post(path, who, &[])
    }
}

const PASSWORD: &str = r#""correct horse battery staple""#;
const TOKEN: &str = r#""a.b.c""#;
const SOME_EMAIL: &str = r#""fresh@example.org""#;
const PHONE: &str = r#""+82 10-1234-5678""#;

const NUMBERS: &[&str] = &[
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
];
const TRUTHS: &[&str] = &["x", "2", "null", "[]", "yes", "%00", "%ff"];
const SEARCHES: &[&str] = &["%00", "a%1Fb", "a%0d%0ab"];
const ORDERINGS: &[&str] = &["x", "-", "--name", "name,x", "name desc", "1", "%00", "%ff"];
const ROLES: &[&str] = &["root", "1", "Admin", "%00", "%ff", "null"];

/// All endpoints.
pub const ENDPOINTS: &[Endpoint] = &[
    post(
        "/auth/login",
        Who::Anyone,
        &[
            text("username", r#""nobody""#),
            text("password", PASSWORD),
            optional("user_type", r#""client""#),
        ],
    ),
    // An alias.
    post(
        "/auth/login",
        Who::Anyone,
        &[text("email", SOME_EMAIL), text("password", PASSWORD)],
    ),
    post("/auth/refresh", Who::Anyone, &[text("refresh", TOKEN)]),
    post("/auth/logout", Who::Bearer, &[text("refresh", TOKEN)]),
    post("/auth/logout-all", Who::Bearer, &[truth("keep_current")]),
    post("/auth/verify", Who::Anyone, &[text("token", TOKEN)]),
    bare("GET", "/auth/sessions", Who::Bearer),
    bare("DELETE", "/auth/sessions/{id}", Who::Bearer),
    post(
        "/auth/password",
        Who::Bearer,
        &[
            text("current_password", PASSWORD),
            text("new_password", PASSWORD),
        ],
    ),
    post(
        "/clients/otp/request",
        Who::Anyone,
        &[text("username", r#""nobody""#)],
    ),
    post(
        "/clients/otp/verify",
        Who::Anyone,
        &[
            text("challenge_id", r#""00000000000000000000000000000000""#),
            text("code", r#""123456""#),
        ],
    ),
    bare("GET", "/api/me", Who::Bearer),
    Endpoint {
        query: &[
            ("page", NUMBERS),
            ("page_size", NUMBERS),
            ("search", SEARCHES),
            ("role", ROLES),
            ("is_active", TRUTHS),
            ("ordering", ORDERINGS),
        ],
        ..bare("GET", "/api/users", Who::Internal)
    },
    post(
        "/api/users",
        Who::Administrator,
        &[
            text("email", SOME_EMAIL),
            text("name", r#""Somebody""#),
            optional("role", r#""staff""#),
            text("password", PASSWORD),
            truth("is_active"),
        ],
    ),
    bare("GET", "/api/users/{user_seq}", Who::Internal),
    Endpoint {
        method: "PATCH",
        ..post(
            "/api/users/{user_seq}",
            Who::Administrator,
            &[
                optional("email", SOME_EMAIL),
                optional("name", r#""Somebody""#),
                optional("role", r#""staff""#),
                optional("password", PASSWORD),
                truth("is_active"),
            ],
        )
    },
    bare("DELETE", "/api/users/{user_seq}", Who::Administrator),
    Endpoint {
        query: &[
            ("page", NUMBERS),
            ("page_size", NUMBERS),
            ("search", SEARCHES),
            ("is_active", TRUTHS),
            ("ordering", ORDERINGS),
        ],
        ..bare("GET", "/api/clients", Who::Internal)
    },
    post(
        "/api/clients",
        Who::Administrator,
        &[
            text("username", r#""somebody""#),
            optional("name", r#""Somebody""#),
            optional("email", SOME_EMAIL),
            optional("phone", PHONE),
            optional("password", PASSWORD),
            truth("is_active"),
        ],
    ),
    bare("GET", "/api/clients/{user_seq}", Who::Internal),
    Endpoint {
        method: "PATCH",
        ..post(
            "/api/clients/{user_seq}",
            Who::Administrator,
            &[
                optional("username", r#""somebody""#),
                optional("name", r#""Somebody""#),
                optional("email", SOME_EMAIL),
                optional("phone", PHONE),
                optional("password", PASSWORD),
                truth("is_active"),
            ],
        )
    },
    bare("DELETE", "/api/clients/{user_seq}", Who::Administrator),
    bare("GET", "/healthz", Who::Anyone),
    bare("GET", "/readyz", Who::Anyone),
];

/// Every path with the value of its `Allow` header.
pub fn allowed() -> Vec<(String, String)> {
    let mut paths: Vec<&str> = ENDPOINTS.iter().map(|endpoint| endpoint.path).collect();
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
                path.replace("{user_seq}", "1").replace("{id}", "1"),
                of_path(path),
            )
        })
        .collect()
}

#[tokio::test]
async fn the_table_of_endpoints_matches_the_server_and_the_documents() {
    let registered = routes().await;
    let registered: BTreeSet<(String, String)> = registered
        .into_iter()
        .filter(|route| !headers::is_in_panel(&route.pattern))
        .flat_map(|route| {
            let methods = route.methods.into_iter().filter(|method| method != "HEAD");
            methods.map(move |method| (route.pattern.clone(), method))
        })
        .filter(|(pattern, _)| !pattern.starts_with("/static"))
        .collect();
    let table = ENDPOINTS.iter();
    let table: BTreeSet<(String, String)> = table
        .map(|endpoint| (endpoint.path.to_owned(), endpoint.method.to_owned()))
        .collect();
    assert_eq!(registered, table);
    let documented = include_str!("../../../docs/api.md");
    for endpoint in ENDPOINTS {
        // The paths of clients are "the same under `/api/clients`".
        let path = endpoint
            .path
            .replace("/api/clients/{user_seq}", "/api/clients");
        let spellings = [format!("{path}`"), format!(" {path}`")];
        assert!(
            spellings
                .iter()
                .any(|spelling| documented.contains(spelling)),
            "{path}"
        );
        let fields = endpoint.fields.iter().map(|field| field.name);
        for name in fields.chain(endpoint.query.iter().map(|(name, _)| *name)) {
            assert!(documented.contains(&format!("`{name}`")), "{path} {name}");
        }
    }
}
