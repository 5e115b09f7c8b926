//! The admin API is for services whose access tokens have the scope of the endpoint.

use munjigi::domain::admin_scope::AdminScope;
use serde_json::{Value, json};

use super::endpoints::{ENDPOINTS, Endpoint, Kind, Who};
use crate::support::{Answer, App, Call, ServiceClient};

/// A service of the admin API with an access token.
pub struct Ops<'a> {
    app: &'a App,
    service: ServiceClient,
    token: String,
}

/// A service with these scopes.
pub async fn ops<'a>(app: &'a App, name: &str, scopes: &str) -> Ops<'a> {
    let service = app.service(name, scopes).await;
    let token = service.token().await;
    Ops {
        app,
        service,
        token,
    }
}

/// A service with all scopes.
pub async fn all_scopes(app: &App) -> Ops<'_> {
    ops(app, "ops", &AdminScope::NAMES.join(" ")).await
}

impl Ops<'_> {
    /// The same service with a new access token.
    pub async fn renewed(self) -> Self {
        let token = self.service.token().await;
        Self { token, ..self }
    }

    pub fn call(&self, method: &str, path: &str) -> Call {
        self.app.anonymous().call(method, path).bearer(&self.token)
    }

    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call("POST", path).json(body)
    }

    /// All entries of a list, in parts of this size.
    pub async fn walk(&self, path: &str, size: usize) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let answer = self.get(&format!("{path}{mark}page_size={size}{cursor}"));
            let answer = answer.await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let list = &answer.body["meta"]["list"];
            assert_eq!(list["page_size"], size, "{}", answer.text);
            let part = answer.data().as_array().unwrap();
            assert!(part.len() <= size, "{}", answer.text);
            all.extend(part.iter().cloned());
            let Some(next) = list["next_cursor"].as_str() else {
                assert_eq!(list["next"], Value::Null);
                return all;
            };
            assert!(list["next"].as_str().unwrap().contains(next));
            cursor = format!("&cursor={next}");
        }
    }
}

fn of_admin_api() -> impl Iterator<Item = (&'static Endpoint, AdminScope)> {
    ENDPOINTS.iter().filter_map(|endpoint| match endpoint.who {
        Who::Scope(scope) => Some((endpoint, scope)),
        _ => None,
    })
}

#[tokio::test]
async fn each_endpoint_needs_its_scope_and_no_other() {
    let app = App::start();
    for (at, scope) in AdminScope::NAMES.iter().enumerate() {
        let others = AdminScope::NAMES.iter().filter(|other| other != &scope);
        let others: Vec<&str> = others.copied().collect();
        let with = ops(&app, &format!("with-{at}"), scope).await;
        let without = ops(&app, &format!("without-{at}"), &others.join(" ")).await;
        for (endpoint, _) in of_admin_api().filter(|(_, needed)| needed.as_str() == *scope) {
            let path = endpoint.filled("1");
            let refused = without.call(endpoint.method, &path).await;
            let refused = refused.assert(403, "FORBIDDEN");
            let challenge = refused.header("www-authenticate").unwrap();
            let named = format!("error=\"insufficient_scope\", scope=\"{scope}\"");
            assert!(challenge.contains(&named), "{challenge}");
            assert!(refused.message().contains(scope), "{}", refused.text);
            let allowed = with.call(endpoint.method, &path).await;
            assert!(![401, 403].contains(&allowed.status), "{}", allowed.text);
        }
    }
    let refused = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'access_refused' \
        AND actor_name LIKE 'without-%'";
    assert!(app.number(refused).await >= 20);
}

#[tokio::test]
async fn a_service_reads_accounts_with_the_scope_for_it() {
    let app = App::start();
    app.make_user("ann", munjigi::domain::account::Role::STAFF)
        .await;
    app.make_client("acme").await;
    for (noun, code, other) in [("users", "USER", "clients"), ("clients", "CLIENT", "users")] {
        let reader = ops(&app, noun, &format!("admin:{noun}:read")).await;
        let list = reader.get(&format!("/api/{noun}?search=a")).await;
        list.assert(200, &format!("{code}_LIST"));
        let one = reader.get(&format!("/api/{noun}/1")).await;
        let one = one.assert(200, code);
        assert!(one["username"].is_string() || one["email"].is_string());
        let refused = reader.get(&format!("/api/{other}")).await;
        refused.assert(403, "FORBIDDEN");
        let deleted = reader.call("DELETE", &format!("/api/{noun}/1")).await;
        deleted.assert(403, "FORBIDDEN");
    }
}

#[tokio::test]
async fn a_token_has_only_the_scopes_that_were_asked_for_and_none_after_they_are_taken_away() {
    let app = App::start();
    let service = app
        .service("ops", "admin:locks:read admin:sessions:read")
        .await;
    let fields = [
        ("grant_type", "client_credentials"),
        ("scope", "admin:locks:read"),
    ];
    let answer = service.post("/oauth/token", &fields).await;
    let token = answer.assert_oauth(200).body["access_token"].clone();
    let get = |path: &str| {
        let call = app.anonymous().get(path);
        call.bearer(token.as_str().unwrap())
    };
    get("/api/locks").await.assert(200, "LOCK_LIST");
    get("/api/sessions").await.assert(403, "FORBIDDEN");
    app.set_scopes(&service, "admin:sessions:read").await;
    get("/api/locks").await.assert(401, "TOKEN_EXPIRED");
}

/// The names of the fields of an error.
fn named(answer: &Answer, name: &str) -> bool {
    answer.wrong_fields().contains(name)
}

#[tokio::test]
async fn wrong_parameters_and_fields_are_errors_of_their_names() {
    let app = App::start();
    let ops = all_scopes(&app).await;
    let mut tried = 0;
    for (endpoint, _) in of_admin_api() {
        let path = endpoint.filled("1");
        for parameter in &endpoint.query {
            for value in &parameter.wrong {
                // An empty parameter is the same as none.
                if value.is_empty() {
                    continue;
                }
                let path = format!("{path}?{}={value}", parameter.name);
                let answer = ops.get(&path).await;
                assert_eq!(answer.status, 400, "{path}: {}", answer.text);
                assert!(named(&answer, parameter.name), "{path}: {}", answer.text);
                tried += 1;
            }
        }
        for field in &endpoint.fields {
            let wrong: &[Value] = match field.kind {
                Kind::Boolean => &[json!("x"), json!(1), json!([])],
                _ => &[json!(1), json!({}), json!(true), json!("a\u{0}b")],
            };
            for value in wrong {
                let body = json!({field.name: value});
                let answer = ops.call(endpoint.method, &path).json(&body).await;
                let refused = answer.status == 404 || named(&answer, field.name);
                assert!(refused, "{path} {body}: {}", answer.text);
                tried += 1;
            }
        }
        if endpoint.refuses_unknown {
            let body = json!({"other": 1});
            let answer = ops.call(endpoint.method, &path).json(&body).await;
            let refused = answer.status == 404 || named(&answer, "other");
            assert!(refused, "{path}: {}", answer.text);
        }
    }
    assert!(tried > 100, "{tried}");
}

#[tokio::test]
async fn a_cursor_of_another_list_or_a_wrong_time_is_refused() {
    let app = App::start();
    let ops = all_scopes(&app).await;
    app.user("ann").await;
    app.user("bob").await;
    let sessions = ops.get("/api/sessions?page_size=1").await;
    let cursor = sessions.body["meta"]["list"]["next_cursor"].clone();
    let cursor = cursor.as_str().unwrap();
    for list in ["audit-events", "blacklist", "locks"] {
        let answer = ops.get(&format!("/api/{list}?cursor={cursor}")).await;
        assert!(named(&answer, "cursor"), "{list}: {}", answer.text);
    }
    for time in ["yesterday", "2026-02-14", "1969-12-31T23:59:59Z"] {
        let answer = ops.get(&format!("/api/sessions?from={time}")).await;
        assert!(named(&answer, "from"), "{time}: {}", answer.text);
    }
    // The last one has a space where `+` was not encoded.
    for (time, found) in [
        ("2026-02-14T12:30:45Z", 2),
        ("2026-02-14T21:30:46%2B09:00", 0),
        ("2026-02-14T21:30:45+09:00", 2),
    ] {
        let answer = ops.get(&format!("/api/sessions?from={time}")).await;
        let listed = answer.assert(200, "ADMIN_SESSION_LIST");
        assert_eq!(listed.data().as_array().unwrap().len(), found, "{time}");
    }
}
