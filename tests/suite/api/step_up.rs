//! The current password, needed for changes that could take an account over.

use munjigi::domain::account::Role;
use serde_json::{Value, json};

use crate::support::{Answer, App, Person};

const NEW: &str = "a new password, long enough";

/// The body of a change with this current password.
fn with_password(change: &Value, current: &str) -> Value {
    let mut body = change.clone();
    body["current_password"] = current.into();
    body
}

fn new_admin() -> Value {
    json!({"email": "eve@example.org", "name": "Eve", "role": "admin", "password": NEW})
}

async fn send(root: &Person, method: &str, path: &str, body: &Value) -> Answer {
    root.call(method, path).json(body).await
}

#[tokio::test]
async fn an_access_token_alone_takes_no_account_over() {
    let app = App::start();
    let root = app.admin("root").await;
    let (user, admin) = (app.user("ann").await, app.admin("amy").await);
    let acme = app.client("acme").await;
    let (own, of_user) = (
        format!("/api/users/{}", root.seq),
        format!("/api/users/{}", user.seq),
    );
    let of_admin = format!("/api/users/{}", admin.seq);
    let of_client = format!("/api/clients/{}", acme.seq);
    let of_unreached = format!("/api/clients/{}", app.make_client("other").await);
    app.execute("UPDATE client_users SET email = NULL, phone = NULL WHERE username = 'other'")
        .await;
    app.execute("UPDATE users SET is_active = FALSE WHERE email = 'amy@example.org'")
        .await;
    let email = |address: &str| json!({ "email": address });
    let phone = json!({"phone": "+82 10-9999-9999"});
    for (path, change) in [
        (own.as_str(), email("other@example.org")),
        (&of_admin, email("another@example.org")),
        (&of_user, email("anna@example.org")),
        (&of_admin, json!({"is_active": true})),
        (&of_admin, json!({"password": NEW})),
        (&of_user, json!({"password": NEW})),
        (&of_client, json!({"password": NEW})),
        (&of_client, email("it@example.org")),
        (&of_client, phone.clone()),
        // Its first ones: so far this client could not be reached.
        (&of_unreached, email("new@example.org")),
        (&of_unreached, phone),
        (&of_user, json!({"role": "admin"})),
        ("/api/users", new_admin()),
    ] {
        let (method, code) = match path {
            "/api/users" => ("POST", "USER_CREATED"),
            _ if path.starts_with("/api/users/") => ("PATCH", "USER_UPDATED"),
            _ => ("PATCH", "CLIENT_UPDATED"),
        };
        let refused = send(&root, method, path, &change).await;
        let refused = refused.assert(403, "CURRENT_PASSWORD_REQUIRED");
        assert_eq!(refused.error("current_password"), "This field is required.");
        let body = with_password(&change, "not my password");
        let refused = send(&root, method, path, &body).await;
        let refused = refused.assert(400, "INVALID_REQUEST");
        assert_eq!(
            refused.error("current_password"),
            "The current password is incorrect."
        );
        let body = with_password(&change, &root.password);
        let status = if method == "POST" { 201 } else { 200 };
        send(&root, method, path, &body).await.assert(status, code);
    }
    let refused = "SELECT COUNT(*) AS number FROM audit_events \
                   WHERE action = 'current_password_refused' AND outcome = 'refused'";
    assert_eq!(app.number(refused).await, 13);
}

#[tokio::test]
async fn other_changes_need_no_password() {
    let app = App::start();
    let root = app.admin("root").await;
    let (user, acme) = (app.user("ann").await, app.client("acme").await);
    let of_user = format!("/api/users/{}", user.seq);
    let of_client = format!("/api/clients/{}", acme.seq);
    let own = format!("/api/users/{}", root.seq);
    for (path, change) in [
        (
            &own,
            json!({"name": "Root", "role": "admin", "email": "root@example.org"}),
        ),
        (
            &of_user,
            json!({"name": "Anna", "email": "ann@example.org", "role": "auditor"}),
        ),
        (&of_user, json!({"is_active": false})),
        (&of_user, json!({"is_active": true})),
        (
            &of_client,
            json!({"email": "client@example.org", "phone": "+82 10-1234-5678", "username": "acme2"}),
        ),
        (
            &of_client,
            json!({"email": null, "phone": null, "password": null}),
        ),
    ] {
        let changed = root.patch(path, change).await;
        assert_eq!(changed.status, 200, "{path}");
    }
    let staff = json!({"email": "new@example.org", "name": "New", "password": NEW});
    root.post("/api/users", staff)
        .await
        .assert(201, "USER_CREATED");
}

#[tokio::test]
async fn ones_own_password_is_changed_at_its_own_endpoint_only() {
    let app = App::start();
    let root = app.admin("root").await;
    let path = format!("/api/users/{}", root.seq);
    for body in [
        json!({"password": NEW}),
        json!({"password": NEW, "current_password": root.password}),
    ] {
        let refused = root.patch(&path, body).await;
        let refused = refused.assert(400, "INVALID_REQUEST");
        assert!(refused.error("password").contains("POST /auth/password"));
    }
    root.again().await;
}

#[tokio::test]
async fn wrong_current_passwords_count_as_failed_logins() {
    let app = App::start();
    let root = app.admin("root").await;
    for _ in 0..5 {
        let body = with_password(&new_admin(), "not my password");
        let refused = root.post("/api/users", body).await;
        refused.assert(400, "INVALID_REQUEST");
    }
    let body = with_password(&new_admin(), &root.password);
    let refused = root.post("/api/users", body).await;
    refused.assert(429, "RATE_LIMITED");
    root.log_in().await.assert(429, "RATE_LIMITED");
    let made = "SELECT COUNT(*) AS number FROM users";
    assert_eq!(app.number(made).await, 1);
}

#[tokio::test]
async fn a_right_current_password_resets_the_count() {
    let app = App::start();
    let root = app.admin("root").await;
    let change = json!({"role": "admin"});
    for name in ["ann", "bob"] {
        let seq = app.make_user(name, Role::STAFF).await;
        let path = format!("/api/users/{seq}");
        for _ in 0..4 {
            let body = with_password(&change, "not my password");
            root.patch(&path, body).await.assert(400, "INVALID_REQUEST");
        }
        let body = with_password(&change, &root.password);
        root.patch(&path, body).await.assert(200, "USER_UPDATED");
    }
}
