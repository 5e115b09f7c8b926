//! The answers of every endpoint, whole: status and body, with a placeholder for what differs from run to run.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Answer, App};

/// Status and body. Tokens and ids are replaced; times are those of the tests' clock.
fn shown(answer: &Answer) -> String {
    let mut body = answer.body.clone();
    replace(&mut body);
    format!(
        "{}\n{}",
        answer.status,
        serde_json::to_string_pretty(&body).unwrap()
    )
}

fn replace(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(replace),
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "access" | "refresh" if value.is_string() => *value = json!("[token]"),
                    "request_id" | "challenge_id" | "id" | "jti" | "sid" => *value = json!("[id]"),
                    _ => replace(value),
                }
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn login_refresh_and_logout() {
    let app = App::start();
    let ann = app.user("ann").await;
    assert_snapshot!(shown(&ann.log_in().await), @"");
    assert_snapshot!(shown(&app.anonymous().refresh(&ann.refresh).await), @"");
    let ann = ann.again().await;
    assert_snapshot!(shown(&ann.log_out(&ann.refresh).await), @"");
    let ann = ann.again().await;
    assert_snapshot!(shown(&ann.post("/auth/logout-all", json!({"keep_current": false})).await), @"");
}

#[tokio::test]
async fn login_of_a_client() {
    let app = App::with_gateway(|_| ());
    let acme = app.client("acme").await;
    assert_snapshot!(shown(&acme.log_in().await), @"");
    let answer = app
        .anonymous()
        .post("/clients/otp/request", json!({"username": "acme"}))
        .await;
    assert_snapshot!(shown(&answer), @"");
    let code = app.codes(1).await.pop().unwrap();
    let body = json!({"challenge_id": answer.text_of("challenge_id"), "code": code});
    assert_snapshot!(shown(&app.anonymous().post("/clients/otp/verify", body).await), @"");
    assert_snapshot!(shown(&acme.get("/api/me").await), @"");
}

#[tokio::test]
async fn own_account_and_sessions() {
    let app = App::start();
    let ann = app.user("ann").await;
    assert_snapshot!(shown(&ann.get("/api/me").await), @"");
    assert_snapshot!(shown(&app.anonymous().verify(&ann.access).await), @"");
    assert_snapshot!(shown(&app.anonymous().verify(&ann.refresh).await), @"");
    let other = ann.again().await;
    let sessions = other.get("/auth/sessions").await;
    assert_snapshot!(shown(&sessions), @"");
    let own = sessions
        .data()
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["current"] == true);
    let id = own.unwrap()["id"].as_str().unwrap();
    assert_snapshot!(shown(&other.delete(&format!("/auth/sessions/{id}")).await), @"");
    let body =
        json!({"current_password": ann.password, "new_password": "another passphrase of mine"});
    assert_snapshot!(shown(&ann.post("/auth/password", body).await), @"");
}

#[tokio::test]
async fn internal_users() {
    let app = App::start();
    let root = app.admin("root").await;
    assert_snapshot!(shown(&root.get("/api/users?page_size=1").await), @"");
    let new = json!({
        "email": "Kim@example.org", "name": "김민지", "role": "auditor", "password": "a passphrase of mine",
    });
    assert_snapshot!(shown(&root.post("/api/users", new).await), @"");
    assert_snapshot!(shown(&root.get("/api/users/2").await), @"");
    assert_snapshot!(shown(&root.patch("/api/users/2", json!({"is_active": false})).await), @"");
    assert_snapshot!(shown(&root.delete("/api/users/2").await), @"");
}

#[tokio::test]
async fn external_clients() {
    let app = App::start();
    let root = app.admin("root").await;
    let new = json!({"username": "Acme", "name": "Acme Ltd", "email": "it@acme.example", "phone": "+82 10-1234-5678"});
    assert_snapshot!(shown(&root.post("/api/clients", new).await), @"");
    assert_snapshot!(shown(&root.get("/api/clients").await), @"");
    assert_snapshot!(shown(&root.get("/api/clients/1").await), @"");
    assert_snapshot!(shown(&root.patch("/api/clients/1", json!({"name": null})).await), @"");
    assert_snapshot!(shown(&root.delete("/api/clients/1").await), @"");
}

#[tokio::test]
async fn health() {
    let app = App::start();
    assert_snapshot!(shown(&app.anonymous().get("/healthz").await), @"");
    assert_snapshot!(shown(&app.anonymous().get("/readyz").await), @"");
}

#[tokio::test]
async fn refusals() {
    let app = App::start();
    let (ann, root) = (app.user("ann").await, app.admin("root").await);
    assert_snapshot!(shown(&app.anonymous().get("/api/me").await), @"");
    assert_snapshot!(shown(&app.anonymous().get("/api/me").bearer("a.b.c").await), @"");
    assert_snapshot!(shown(&app.anonymous().post("/auth/login", json!({"username": "ann@example.org", "password": "wrong"})).await), @"");
    assert_snapshot!(shown(&app.anonymous().post("/auth/login", json!({})).await), @"");
    assert_snapshot!(shown(&ann.post("/api/users", json!({})).await), @"");
    assert_snapshot!(shown(&root.post("/api/users", json!({"email": "root@example.org", "name": "R", "password": "a passphrase of mine"})).await), @"");
    assert_snapshot!(shown(&root.get("/api/users/99").await), @"");
    assert_snapshot!(shown(&root.get("/api/clients?page=0&ordering=x").await), @"");
    assert_snapshot!(shown(&app.anonymous().get("/no/such/path").await), @"");
    assert_snapshot!(shown(&app.anonymous().call("DELETE", "/auth/login").await), @"");
    assert_snapshot!(shown(&app.anonymous().get("/api/me").korean().await), @"");
}

#[tokio::test]
async fn a_used_refresh_token() {
    let app = App::start();
    let ann = app.user("ann").await;
    ann.refreshed().await;
    app.advance(Duration::from_secs(11));
    assert_snapshot!(shown(&app.anonymous().refresh(&ann.refresh).await), @"");
}
