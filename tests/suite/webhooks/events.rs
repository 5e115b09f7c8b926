//! What is sent: the events, their bodies, and the signatures.

use std::time::Duration;

use insta::assert_json_snapshot;
use jsonschema::Validator;
use munjigi::domain::{account::Role, audit::Actor, webhook::EventType};
use munjigi::services::maintenance::jobs;
use munjigi::services::webhooks::changes;
use serde_json::{Value, json};

use super::{DAY, app, deliver, is, rows, set_active, signature, types};
use crate::support::{
    App,
    described::{DOCUMENT, pointer},
    receiver::Receiver,
};

/// The schema of a type in the OpenAPI document.
fn validator(kind: &str) -> Validator {
    let path = [
        "webhooks",
        kind,
        "post",
        "requestBody",
        "content",
        "application/json",
        "schema",
    ];
    let mut schema = DOCUMENT.pointer(&pointer(&path)).unwrap().clone();
    schema["components"] = DOCUMENT["components"].clone();
    jsonschema::validator_for(&schema).unwrap()
}

#[actix_web::test]
async fn an_event_has_the_documented_body_and_a_valid_signature() {
    let (app, receiver) = (app(), Receiver::start(&[]));
    let created = app.webhook_to("hook", &receiver.url, &[]).await;
    let ann = app.user("ann").await;
    deliver(&app).await;
    is(&receiver, &[("account.created", 1), ("session.began", 1)]);
    let received = receiver.received();
    for request in &received {
        assert_eq!(request.headers["content-type"], "application/json");
        assert!(request.headers["webhook-id"].starts_with("msg_"));
        assert_eq!(request.headers["webhook-timestamp"], "1771072245");
        let expected = signature(&created.secret, request);
        assert_eq!(request.headers["webhook-signature"], expected);
        let text = String::from_utf8(request.body.clone()).unwrap();
        assert!(
            !text.contains(&ann.access) && !text.contains(&ann.refresh),
            "{text}"
        );
    }
    assert_ne!(
        received[0].headers["webhook-id"],
        received[1].headers["webhook-id"]
    );
    assert_json_snapshot!(received[1].json(), {".data.session_id" => "[id]", ".data.audit_event" => "[number]"}, @r#"
    {
      "data": {
        "account": {
          "login": "ann@example.org",
          "user_seq": 1,
          "user_type": "user"
        },
        "actor": {
          "source": "api",
          "user_seq": 1,
          "user_type": "user"
        },
        "audit_event": "[number]",
        "changed": [],
        "details": {
          "method": "password"
        },
        "session_id": "[id]",
        "subject": null
      },
      "timestamp": "2026-02-14T12:30:45+00:00",
      "type": "session.began"
    }
    "#);
    assert_eq!(rows(&app, "delivered").await, 2);
    deliver(&app).await;
    assert_eq!(receiver.received().len(), 2);
}

#[actix_web::test]
async fn every_body_fits_the_schema_of_its_type() {
    let (app, receiver) = (app(), Receiver::start(&[]));
    app.webhook_to("hook", &receiver.url, &[]).await;
    let admin = app.signed_in("root", Role::ADMIN).await;
    let ann = app.user("ann").await;
    ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    let reused = app.client("acme").await;
    reused.refreshed().await.refreshed().await;
    app.advance(Duration::from_mins(5));
    app.anonymous()
        .refresh(&reused.refresh)
        .await
        .assert(401, "TOKEN_REUSED");
    set_active(&app, 2, false).await;
    app.service("billing", "a").await;
    for path in [
        "/admin/services/1/secret",
        "/admin/users/2/activate",
        "/admin/users/2/delete",
        "/admin/webhooks/1/test",
    ] {
        admin.post(path, &[]).await;
    }
    deliver(&app).await;
    let received = receiver.received();
    let mut names: Vec<String> = types(&received).into_iter().map(|(kind, _)| kind).collect();
    for request in &received {
        let body = request.json();
        let problems: Vec<String> = validator(body["type"].as_str().unwrap())
            .iter_errors(&body)
            .map(|error| error.to_string())
            .collect();
        assert!(problems.is_empty(), "{body}: {problems:?}");
    }
    names.sort_unstable();
    names.dedup();
    let expected = [
        "account.activated",
        "account.created",
        "account.deactivated",
        "account.deleted",
        "panel.signed_in",
        "service.created",
        "service.secret_rotated",
        "session.began",
        "session.ended",
        "session.reuse_detected",
        "webhook.test",
    ];
    assert_eq!(names, expected);
}

#[test]
fn every_type_is_in_the_document_with_an_example_that_fits() {
    let documented = DOCUMENT["webhooks"].as_object().unwrap();
    assert_eq!(documented.len(), EventType::ALL.len());
    for kind in EventType::ALL {
        let content =
            &documented[kind.as_str()]["post"]["requestBody"]["content"]["application/json"];
        assert!(
            validator(kind.as_str()).is_valid(&content["example"]),
            "{kind}"
        );
        assert_eq!(content["example"]["type"], kind.as_str());
    }
}

#[test]
fn the_document_has_a_row_for_each_type() {
    let document = std::fs::read_to_string("docs/webhooks.md").unwrap();
    for kind in EventType::ALL {
        let begin = format!("| `{kind}` | ");
        let row = document.lines().find(|line| line.starts_with(&begin));
        let row = row.unwrap_or_else(|| panic!("{kind}"));
        for detail in kind.details() {
            assert!(row.contains(&format!("`{detail}`")), "{row}");
        }
    }
}

#[actix_web::test]
async fn an_endpoint_gets_the_types_that_it_wants_while_it_is_active() {
    let (app, receiver, other) = (app(), Receiver::start(&[]), Receiver::start(&[]));
    app.make_user("early", Role::STAFF).await;
    assert_eq!(rows(&app, "waiting").await, 0);
    let hook = app
        .webhook_to("hook", &receiver.url, &["account.deactivated"])
        .await;
    app.webhook_to(
        "other",
        &other.url,
        &["account.deactivated", "account.activated"],
    )
    .await;
    let number = hook.endpoint.number;
    set_active(&app, 1, false).await;
    changes::set_active(app.services(), &Actor::operator(), number, false)
        .await
        .unwrap();
    set_active(&app, 1, true).await;
    set_active(&app, 1, false).await;
    deliver(&app).await;
    is(&receiver, &[]);
    is(
        &other,
        &[
            ("account.deactivated", 1),
            ("account.activated", 1),
            ("account.deactivated", 1),
        ],
    );
    // What was waiting is kept.
    changes::set_active(app.services(), &Actor::operator(), number, true)
        .await
        .unwrap();
    deliver(&app).await;
    is(&receiver, &[("account.deactivated", 1)]);
    let ids = [&receiver, &other].map(|one| one.received()[0].headers["webhook-id"].clone());
    assert_eq!(ids[0], ids[1]);
}

#[actix_web::test]
async fn a_rotated_secret_overlaps_with_the_previous_one_for_a_day() {
    let (app, receiver) = (app(), Receiver::start(&[]));
    let first = app.webhook_to("hook", &receiver.url, &[]).await;
    let number = first.endpoint.number;
    let actor = Actor::operator();
    let rotated = changes::rotate_secret(app.services(), &actor, number);
    let second = rotated.await.unwrap();
    assert_ne!(first.secret, second.secret);
    app.make_user("ann", Role::STAFF).await;
    deliver(&app).await;
    app.advance(DAY);
    set_active(&app, 1, false).await;
    deliver(&app).await;
    let received = receiver.received();
    let both = [&second.secret, &first.secret].map(|secret| signature(secret, &received[0]));
    assert_eq!(received[0].headers["webhook-signature"], both.join(" "));
    let one = signature(&second.secret, &received[1]);
    assert_eq!(received[1].headers["webhook-signature"], one);
}

#[actix_web::test]
async fn a_typed_name_without_an_account_is_not_sent() {
    let (app, receiver) = (app(), Receiver::start(&[]));
    app.webhook_to("hook", &receiver.url, &[]).await;
    for _ in 0..20 {
        let body = json!({
            "username": "secret-that-was-typed", "password": "wrong, but long enough", "user_type": "user",
        });
        let answer = app.anonymous().post("/auth/login", body).await;
        assert!([401, 429].contains(&answer.status), "{}", answer.status);
    }
    deliver(&app).await;
    assert!(types(&receiver.received()).contains(&("login.locked".to_owned(), 0)));
    for request in receiver.received() {
        let text = String::from_utf8(request.body).unwrap();
        assert!(!text.contains("secret-that-was-typed"), "{text}");
    }
}

#[actix_web::test]
async fn a_flush_whose_process_was_killed_is_an_event() {
    let (app, receiver) = (app(), Receiver::start(&[]));
    app.webhook_to("hook", &receiver.url, &["flush.failed"])
        .await;
    let started = "INSERT INTO jobs (id, kind, state, total, done, stop_requested, details, started_at, heartbeat_at) VALUES \
        ('019c5c12f4b57e2c9a2f6d1e8b7a3c45', 'flush', 'running', 2, 1, FALSE, '{}', '2026-01-01 00:00:00', '2026-01-01 00:00:00')";
    app.execute(started).await;
    for _ in 0..2 {
        jobs::list(app.services(), 10).await.unwrap();
    }
    deliver(&app).await;
    is(&receiver, &[("flush.failed", 0)]);
    let data: Value = receiver.received()[0].json()["data"].clone();
    assert_eq!(data["subject"], "019c5c12f4b57e2c9a2f6d1e8b7a3c45");
    assert_eq!(data["details"], json!({"failure": "killed"}));
}

/// Rows of deliveries are part of the flush: delivered ones after three days, dead ones after thirty.
#[actix_web::test]
async fn delivered_events_are_flushed_after_three_days() {
    use munjigi::services::maintenance::flush::flush_regularly;
    let (app, receiver) = (app(), Receiver::start(&[]));
    app.webhook_to("hook", &receiver.url, &["account.created"])
        .await;
    app.make_user("ann", Role::STAFF).await;
    deliver(&app).await;
    app.advance(DAY * 3);
    let flushed = |app: App| async move {
        let counts = flush_regularly(app.services()).await.unwrap().unwrap();
        (app, counts.webhook_deliveries)
    };
    let (app, rows) = flushed(app).await;
    assert_eq!(rows, 0);
    app.advance(Duration::from_mins(10));
    let (_app, rows) = flushed(app).await;
    assert_eq!(rows, 1);
}
