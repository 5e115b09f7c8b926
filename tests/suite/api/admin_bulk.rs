//! Many accounts in one request: each entry has its own result.

use munjigi::{config::Span, domain::account::Role};
use serde_json::{Value, json};

use super::admin_scopes::{Ops, ops};
use crate::{delivery::support::smtp_server::SmtpServer, support::App};

const SCOPES: &str = "admin:users:write admin:clients:write";

/// The statuses and codes of the results.
fn codes(results: &Value) -> Vec<(u64, &str)> {
    let results = results.as_array().unwrap().iter();
    results
        .map(|one| {
            (
                one["status"].as_u64().unwrap(),
                one["code"].as_str().unwrap(),
            )
        })
        .collect()
}

async fn bulk(ops: &Ops<'_>, noun: &str, items: Value) -> Value {
    let answer = ops.post(&format!("/api/{noun}/bulk"), &json!({"items": items}));
    answer.await.assert(200, "BULK_DONE").data().clone()
}

#[tokio::test]
async fn each_entry_has_the_result_that_it_would_have_alone() {
    let app = App::start();
    let ops = ops(&app, "hr", SCOPES).await;
    app.make_user("ann", Role::STAFF).await;
    let results = bulk(
        &ops,
        "users",
        json!([
            {"email": "new@example.org", "name": "New", "password": "correct horse battery"},
            {"email": "ANN@example.org", "name": "Other", "password": "correct horse battery"},
            {"email": "x", "name": "", "role": "boss", "tier": 1},
            {"user_seq": 1, "name": "Ann Lee", "is_active": false},
            {"user_seq": 99, "name": "Nobody"},
            {"user_seq": 1},
            {"user_seq": "1", "name": "x"},
            {"email": "short@example.org", "name": "Short", "password": "short"},
        ]),
    )
    .await;
    assert_eq!(
        codes(&results),
        [
            (201, "USER_CREATED"),
            (409, "ALREADY_EXISTS"),
            (400, "INVALID_REQUEST"),
            (200, "USER_UPDATED"),
            (404, "USER_NOT_FOUND"),
            (400, "INVALID_REQUEST"),
            (400, "INVALID_REQUEST"),
            (400, "INVALID_REQUEST"),
        ]
    );
    assert_eq!(results[0]["user_seq"], 2);
    assert_eq!(results[3]["user_seq"], 1);
    let names = |at: usize| {
        let errors = results[at]["errors"].as_object().unwrap();
        errors.keys().map(String::as_str).collect::<Vec<_>>()
    };
    assert_eq!(names(1), ["email"]);
    assert_eq!(names(2), ["email", "name", "password", "role", "tier"]);
    assert_eq!(names(6), ["user_seq"]);
    assert_eq!(names(7), ["password"]);
    let query = "SELECT COUNT(*) AS number FROM users WHERE name = 'Ann Lee' AND is_active = FALSE";
    assert_eq!(app.number(query).await, 1);
    let body = json!({"username": "new@example.org", "password": "correct horse battery"});
    let login = app.anonymous().post("/auth/login", body).await;
    login.assert(200, "LOGGED_IN");
    let recorded = "SELECT COUNT(*) AS number FROM audit_events WHERE actor_name = 'hr'";
    assert_eq!(
        app.number(recorded).await,
        3,
        "two changes and one creation"
    );
    let clients = bulk(
        &ops,
        "clients",
        json!([{"username": "acme", "phone": "+82 10-1234-5678"}, {"username": "acme"}, {"user_seq": 1, "phone": null}]),
    )
    .await;
    assert_eq!(
        codes(&clients),
        [
            (201, "CLIENT_CREATED"),
            (409, "ALREADY_EXISTS"),
            (200, "CLIENT_UPDATED"),
        ]
    );
}

#[tokio::test]
async fn administrators_need_a_scope_of_their_own_and_the_last_one_stays() {
    let app = App::start();
    let plain = ops(&app, "hr", SCOPES).await;
    let root = app.admin("root").await;
    let items = json!([
        {"email": "chief@example.org", "name": "Chief", "role": "admin", "password": "correct horse battery"},
        {"user_seq": 1, "password": "correct horse battery"},
        {"user_seq": 1, "name": "Root"},
    ]);
    let results = bulk(&plain, "users", items.clone()).await;
    assert_eq!(codes(&results), [(403, "FORBIDDEN"); 3]);
    let message = results[0]["message"].as_str().unwrap();
    assert!(message.contains("admin:administrators:write"), "{message}");
    root.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    let full = format!("{SCOPES} admin:administrators:write");
    let full = ops(&app, "iam", &full).await;
    let last = bulk(&full, "users", json!([{"user_seq": 1, "role": "staff"}])).await;
    assert_eq!(codes(&last), [(403, "FORBIDDEN")]);
    assert!(last[0]["message"].as_str().unwrap().contains("last active"));
    let results = bulk(&full, "users", items).await;
    assert_eq!(
        codes(&results),
        [
            (201, "USER_CREATED"),
            (200, "USER_UPDATED"),
            (200, "USER_UPDATED"),
        ]
    );
}

#[tokio::test]
async fn the_numbers_of_entries_and_passwords_are_limited() {
    let app = App::with(|config| config.server.request_timeout = Span::minutes(5));
    let ops = ops(&app, "hr", SCOPES).await;
    let client = |number: usize| json!({"username": format!("client-{number}")});
    let many: Vec<Value> = (0..1_001).map(client).collect();
    let passwords: Vec<Value> = (0..51)
        .map(|number| json!({"username": format!("client-{number}"), "password": "correct horse battery"}))
        .collect();
    for items in [
        json!([]),
        json!(many),
        json!(passwords),
        json!([1]),
        json!({}),
    ] {
        let answer = ops
            .post("/api/clients/bulk", &json!({"items": items}))
            .await;
        let answer = answer.assert(400, "INVALID_REQUEST");
        assert!(answer.wrong_fields().contains("items"), "{}", answer.text);
    }
    let large = format!(r#"{{"items": [{{"name": "{}"}}]}}"#, "x".repeat(1_100_000));
    let large = ops
        .call("POST", "/api/clients/bulk")
        .raw_body("application/json", large);
    large.await.assert(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM client_users")
            .await,
        0
    );
    let results = bulk(&ops, "clients", json!(many[..1_000])).await;
    let results = results.as_array().unwrap().clone();
    assert_eq!(results.len(), 1_000);
    assert!(results.iter().all(|one| one["status"] == 201));
    assert_eq!(results[999]["index"], 999);
}

#[tokio::test]
#[ignore = "tests/run"]
async fn entries_without_a_password_are_invited_by_mail() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let ops = ops(&app, "hr", SCOPES).await;
    let results = bulk(
        &ops,
        "users",
        json!([
            {"email": "kim@example.org", "name": "Kim", "invite": true},
            {"username": "lee", "name": "Lee", "invite": true},
        ]),
    )
    .await;
    assert_eq!(
        codes(&results),
        [(201, "USER_CREATED"), (400, "INVALID_REQUEST")]
    );
    assert_eq!(results[1]["errors"].as_object().unwrap().len(), 1);
    let mail = server.next().await;
    assert!(mail.to_string().contains("kim@example.org"), "{mail}");
    let links = "SELECT COUNT(*) AS number FROM set_up_links";
    assert_eq!(app.number(links).await, 1);
}
