//! Roles that may change accounts in one interface and not in the other, on every route that changes something.

use munjigi::{
    config::{Config, RolesConfig},
    domain::account::Role,
};
use serde_json::{Map, Value, json};

use super::endpoints::{ENDPOINTS, Who};
use crate::support::App;

fn roles(config: &mut Config) {
    let roles = json!({
        "admin": {"panel": "write", "api": "write"},
        "desk": {"panel": "write", "api": "none"},
        "desk_reader": {"panel": "write", "api": "read"},
        "sync": {"panel": "none", "api": "write"},
    });
    config.roles = serde_json::from_value::<RolesConfig>(roles).unwrap();
}

/// Counts that a change would alter.
async fn state(app: &App) -> Vec<i64> {
    let mut state = Vec::new();
    for table in [
        "users WHERE is_active = true",
        "client_users WHERE is_active = true",
        "users WHERE name = 'Somebody'",
        "client_users WHERE name = 'Somebody'",
    ] {
        let query = format!("SELECT COUNT(*) AS number FROM {table}");
        state.push(app.number(&query).await);
    }
    state
}

#[tokio::test]
async fn a_role_that_changes_accounts_in_the_panel_alone_is_refused_by_every_endpoint_that_changes_one()
 {
    let app = App::with(roles);
    let root = app.admin("root").await;
    app.client("acme").await;
    for name in ["desk", "desk_reader"] {
        let desk = app.internal(name, Role::parse(name).unwrap()).await;
        let before = state(&app).await;
        let mut refused = 0;
        for endpoint in ENDPOINTS.iter() {
            let is_refused = match endpoint.who {
                Who::Administrator => true,
                Who::Internal => name == "desk",
                _ => false,
            };
            if !is_refused {
                continue;
            }
            let mut body = Map::new();
            for field in &endpoint.fields {
                let good = serde_json::from_str::<Value>(field.good).unwrap();
                body.insert(field.name.to_owned(), good);
            }
            let path = endpoint.filled(&root.seq.to_string());
            let call = desk.call(endpoint.method, &path);
            let call = if endpoint.fields.is_empty() {
                call
            } else {
                call.json(&Value::Object(body))
            };
            call.await.assert(403, "FORBIDDEN");
            refused += 1;
        }
        assert!(refused >= 6, "{refused}");
        assert_eq!(state(&app).await, before);
        // In the panel it may.
        let browser = app.browser();
        browser.sign_in(name).await;
        browser.open("/admin/users/new").await;
        browser.open("/admin/clients/1/edit").await;
    }
}

#[tokio::test]
async fn a_role_that_changes_accounts_at_the_api_alone_does_so() {
    let app = App::with(roles);
    let sync = app.internal("sync", Role::parse("sync").unwrap()).await;
    app.client("acme").await;
    let new = json!({"username": "new", "name": "New", "password": "correct horse battery"});
    let created = sync
        .post("/api/users", sync.confirmed(json!({"role": "desk"})))
        .await;
    created.assert(400, "INVALID_REQUEST");
    sync.post("/api/clients", new)
        .await
        .assert(201, "CLIENT_CREATED");
    sync.patch("/api/clients/1", json!({"name": "Acme"}))
        .await
        .assert(200, "CLIENT_UPDATED");
    sync.delete("/api/clients/1")
        .await
        .assert(200, "CLIENT_DELETED");
}
