//! `Idempotency-Key`: a repeated request has its effect once.

use std::{future::IntoFuture, time::Duration};

use futures_util::future::join_all;
use munjigi::services::maintenance::flush::flush_regularly;
use serde_json::{Value, json};

use super::admin_scopes::{Ops, ops};
use crate::support::{App, Call};

const SCOPES: &str = "admin:users:write admin:clients:write";
const CLIENTS: &str = "SELECT COUNT(*) AS number FROM client_users";

fn send(ops: &Ops<'_>, key: &str, names: &[&str]) -> Call {
    let items: Vec<Value> = names.iter().map(|name| json!({"username": name})).collect();
    ops.post("/api/clients/bulk", &json!({"items": items}))
        .header("idempotency-key", key)
}

#[tokio::test]
async fn a_repeated_request_gets_the_results_of_the_first_one() {
    let app = App::start();
    let ops = ops(&app, "hr", SCOPES).await;
    let first = send(&ops, "\"k-1\"", &["a", "b"]).await;
    let first = first.assert(200, "BULK_DONE");
    let again = send(&ops, "k-1", &["a", "b"])
        .await
        .assert(200, "BULK_DONE");
    assert_eq!(first.data(), again.data());
    assert_eq!(app.number(CLIENTS).await, 2);
    let other = send(&ops, "k-2", &["a"]).await.assert(200, "BULK_DONE");
    assert_eq!(other.data()[0]["code"], "ALREADY_EXISTS");
    let reused = send(&ops, "k-1", &["c"]).await;
    reused.assert(422, "IDEMPOTENCY_KEY_REUSED");
    let elsewhere = ops
        .post(
            "/api/users/bulk",
            &json!({"items": [{"username": "a"}, {"username": "b"}]}),
        )
        .header("idempotency-key", "k-1");
    elsewhere.await.assert(422, "IDEMPOTENCY_KEY_REUSED");
    let wrong = send(&ops, "k 1", &["c"]).await;
    let wrong = wrong.assert(400, "INVALID_REQUEST");
    assert!(wrong.wrong_fields().contains("idempotency-key"));
    assert_eq!(app.number(CLIENTS).await, 2);
}

#[tokio::test]
async fn the_key_of_one_service_says_nothing_about_that_of_another() {
    let app = App::start();
    let (one, two) = (
        ops(&app, "one", SCOPES).await,
        ops(&app, "two", SCOPES).await,
    );
    send(&one, "k", &["a"]).await.assert(200, "BULK_DONE");
    let other = send(&two, "k", &["a"]).await.assert(200, "BULK_DONE");
    assert_eq!(other.data()[0]["code"], "ALREADY_EXISTS");
}

#[tokio::test]
async fn parallel_repetitions_have_one_effect() {
    let app = App::start();
    let ops = ops(&app, "hr", SCOPES).await;
    let calls = (0..8).map(|_| send(&ops, "k", &["a", "b", "c"]).into_future());
    let mut done = 0;
    for answer in join_all(calls).await {
        match answer.status {
            200 => {
                done += 1;
                assert_eq!(answer.data()[0]["code"], "CLIENT_CREATED");
            }
            _ => {
                answer.assert(409, "IDEMPOTENCY_KEY_IN_USE");
            }
        }
    }
    assert!(done >= 1);
    assert_eq!(app.number(CLIENTS).await, 3);
}

#[tokio::test]
async fn a_key_is_free_again_after_a_day_and_its_row_is_flushed() {
    let app = App::start();
    let hr = ops(&app, "hr", SCOPES).await;
    send(&hr, "k", &["a"]).await.assert(200, "BULK_DONE");
    app.advance(Duration::from_hours(24));
    let hr = hr.renewed().await;
    let other = send(&hr, "k", &["b"]).await.assert(200, "BULK_DONE");
    assert_eq!(other.data()[0]["code"], "CLIENT_CREATED");
    let rows = "SELECT COUNT(*) AS number FROM idempotency_keys";
    for (later, left) in [(Duration::from_hours(24), 1), (Duration::from_mins(6), 0)] {
        app.advance(later);
        flush_regularly(app.services()).await.unwrap();
        assert_eq!(app.number(rows).await, left);
    }
}

#[tokio::test]
async fn a_request_whose_process_was_killed_can_be_repeated_after_a_quarter_of_an_hour() {
    let app = App::start();
    let hr = ops(&app, "hr", SCOPES).await;
    send(&hr, "k", &["a"]).await.assert(200, "BULK_DONE");
    app.execute("UPDATE idempotency_keys SET answer = NULL")
        .await;
    let running = send(&hr, "k", &["a"]).await;
    running.assert(409, "IDEMPOTENCY_KEY_IN_USE");
    app.advance(Duration::from_mins(15));
    let hr = hr.renewed().await;
    let again = send(&hr, "k", &["a"]).await.assert(200, "BULK_DONE");
    // What the killed process had done is not done again.
    assert_eq!(again.data()[0]["code"], "ALREADY_EXISTS");
    assert_eq!(app.number(CLIENTS).await, 1);
}

#[tokio::test]
async fn a_repeated_request_makes_one_signing_key() {
    let app = App::start();
    let ops = ops(&app, "ops", "admin:keys:read admin:keys:write").await;
    let keys = async || {
        let listed = ops.get("/api/keys").await.assert(200, "KEY_LIST");
        listed.data().as_array().unwrap().len()
    };
    let before = keys().await;
    let make = |key: &str, algorithm: &str| {
        ops.post("/api/keys", &json!({"algorithm": algorithm}))
            .header("idempotency-key", key)
    };
    let first = make("k", "EdDSA").await.assert(201, "KEY_CREATED");
    let again = make("k", "EdDSA").await.assert(201, "KEY_CREATED");
    assert_eq!(first.data(), again.data());
    assert_eq!(keys().await, before + 1);
    let other = make("k", "ES256").await;
    other.assert(422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn the_key_of_a_refused_request_is_free() {
    let app = App::with(|config| {
        let file = config.server.data_dir.join("jwt.key");
        std::fs::write(&file, "a signing key in a file, of more than 32 bytes\n").unwrap();
        config.tokens.keys = vec![file];
    });
    let ops = ops(&app, "ops", "admin:keys:write").await;
    for algorithm in ["EdDSA", "ES256"] {
        let make = ops.post("/api/keys", &json!({"algorithm": algorithm}));
        let answer = make.header("idempotency-key", "k").await;
        answer.assert(409, "KEY_REFUSED");
    }
    let rows = "SELECT COUNT(*) AS number FROM idempotency_keys";
    assert_eq!(app.number(rows).await, 0);
}
