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
    for (method, path, change, code) in [
        (
            "PATCH",
            own.as_str(),
            json!({"email": "eve@example.org"}),
            "USER_UPDATED",
        ),
        (
            "PATCH",
            &of_admin,
            json!({"email": "other@example.org"}),
            "USER_UPDATED",
        ),
        ("PATCH", &of_admin, json!({"password": NEW}), "USER_UPDATED"),
        ("PATCH", &of_user, json!({"password": NEW}), "USER_UPDATED"),
        (
            "PATCH",
            &of_client,
            json!({"password": NEW}),
            "CLIENT_UPDATED",
        ),
        ("PATCH", &of_user, json!({"role": "admin"}), "USER_UPDATED"),
        (
            "POST",
            "/api/users",
            json!({"email": "new@example.org", "name": "New", "role": "admin", "password": NEW}),
            "USER_CREATED",
        ),
    ] {
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
    assert_eq!(app.number(refused).await, 7);
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
            json!({"name": "Anna", "email": "anna@example.org", "role": "auditor"}),
        ),
        (&of_user, json!({"is_active": false})),
        (
            &of_client,
            json!({"email": "it@example.org", "password": null}),
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
        let seq = app.make_user(name, Role::Staff).await;
        let path = format!("/api/users/{seq}");
        for _ in 0..4 {
            let body = with_password(&change, "not my password");
            root.patch(&path, body).await.assert(400, "INVALID_REQUEST");
        }
        let body = with_password(&change, &root.password);
        root.patch(&path, body).await.assert(200, "USER_UPDATED");
    }
}
