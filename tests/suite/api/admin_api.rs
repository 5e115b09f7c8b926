//! The admin API: sessions, tokens, blacklist, flush, locks, audit events, keys and services.

use std::time::Duration;

use munjigi::domain::account::Role;
use serde_json::{Value, json};

use super::admin_scopes::{all_scopes, ops};
use crate::support::{App, claims_of, wait_until};

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let app = App::start();
    let ops = all_scopes(&app).await;
    let ann = app.user("ann").await;
    let again = ann.again().await;
    // Ids of the same millisecond have no order.
    app.advance(Duration::from_secs(1));
    let acme = app.client("acme").await;
    let all = ops.walk("/api/sessions", 1).await;
    assert_eq!(all.len(), 3);
    assert_eq!(all[0]["owner"]["login"], "acme", "the latest first");
    assert_eq!(all[0]["owner"]["user_type"], "client");
    let found = ops.walk("/api/sessions?person=ann@example.org", 20).await;
    assert_eq!(found.len(), 2);
    assert_eq!(found[1]["owner"]["user_seq"], 1);
    let sid = claims_of(&ann.access)["sid"].clone();
    let of_ann = found.iter().find(|session| session["id"] == sid).unwrap();
    let none = ops.get("/api/sessions?person=nobody").await;
    assert_eq!(none.assert(200, "ADMIN_SESSION_LIST").data(), &json!([]));
    let id = of_ann["id"].as_str().unwrap();
    let path = format!("/api/sessions/{id}");
    let ended = ops.call("DELETE", &path).await;
    assert_eq!(ended.assert(200, "SESSION_ENDED")["changed"], true);
    ann.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    let ended = ops.call("DELETE", &path).await;
    assert_eq!(ended.assert(200, "SESSION_ENDED")["changed"], false);
    let ended = ops.walk("/api/sessions?state=ended", 20).await;
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0]["end_reason"], "administrator");
    let unknown = "/api/sessions/019c5c21cfae70dca2e2adad97cfb732";
    let missing = ops.call("DELETE", unknown).await;
    missing.assert(404, "NOT_FOUND");
    let all = ops.post("/api/sessions/end", &json!({"account": "user:1"}));
    assert_eq!(all.await.assert(200, "SESSIONS_ENDED")["sessions"], 1);
    again
        .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    let missing = ops.post("/api/sessions/end", &json!({"account": "client:7"}));
    missing.await.assert(404, "CLIENT_NOT_FOUND");
    acme.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    let events = ops
        .get("/api/audit-events?action=session_ended,sessions_ended&source=api")
        .await;
    let events = events.assert(200, "AUDIT_EVENT_LIST").data().clone();
    assert_eq!(events.as_array().unwrap().len(), 2);
    for event in events.as_array().unwrap() {
        assert_eq!(
            (&event["actor_name"], &event["actor"], &event["subject"]),
            (&json!("ops"), &Value::Null, &json!("user:1"))
        );
    }
}

#[tokio::test]
async fn tokens_are_listed_and_blacklisted() {
    let app = App::start();
    let ops = all_scopes(&app).await;
    let ann = app.user("ann").await;
    app.advance(Duration::from_secs(1));
    let next = ann.refreshed().await;
    let all = ops.walk("/api/tokens", 1).await;
    let states: Vec<&str> = all
        .iter()
        .map(|token| token["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["live", "used"]);
    let live = ops.walk("/api/tokens?state=live&person=user:1", 20).await;
    let path = format!("/api/tokens/{}/blacklist", live[0]["jti"].as_str().unwrap());
    for changed in [true, false] {
        let answer = ops.call("POST", &path).await;
        assert_eq!(answer.assert(200, "TOKEN_REVOKED")["changed"], changed);
    }
    next.assert_tokens("TOKEN_VALID", "TOKEN_BLACKLISTED").await;
    let all = ops.walk("/api/blacklist", 1).await;
    assert_eq!(all.len(), 2);
    let listed = ops.walk("/api/blacklist?reason=administrator", 20).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["jti"], live[0]["jti"]);
    assert_eq!(
        (&listed[0]["actor"], &listed[0]["source"]),
        (&json!("ops"), &json!("api"))
    );
}

#[tokio::test]
async fn a_flush_is_a_job_with_a_state() {
    let app = App::start();
    let ann = app.user("ann").await;
    ann.refreshed().await;
    app.advance(Duration::from_hours(24 * 100));
    let ops = all_scopes(&app).await;
    let started = ops.call("POST", "/api/blacklist/flush").await;
    let started = started.assert(202, "FLUSH_STARTED");
    assert_eq!(started["kind"], "flush");
    assert_eq!(started["started_by"], "service:ops");
    let path = format!("/api/jobs/{}", started.text_of("id"));
    let done = wait_until("the end of the flush", async || {
        let job = ops.get(&path).await.assert(200, "JOB");
        (job["state"] == "done").then_some(job)
    });
    let done = done.await;
    assert_eq!(done["deleted"]["outstanding_tokens"], 2);
    assert_eq!(done["deleted"]["blacklisted_tokens"], 1);
    assert_eq!(ops.walk("/api/tokens", 20).await.len(), 0);
    let missing = ops.get("/api/jobs/019c5c21cfae70dca2e2adad97cfb732").await;
    missing.assert(404, "NOT_FOUND");
}

#[tokio::test]
async fn locks_are_listed_and_lifted() {
    let app = App::with(|config| config.limits.failures = 2);
    let ops = all_scopes(&app).await;
    app.make_user("ann", Role::STAFF).await;
    let log_in = |password: &str| {
        let body = json!({"username": "ann@example.org", "password": password});
        app.anonymous().post("/auth/login", body)
    };
    for _ in 0..2 {
        let refused = log_in("a wrong password").await;
        refused.assert(401, "INVALID_CREDENTIALS");
    }
    let right = crate::support::password_of("ann");
    log_in(&right).await.assert(429, "RATE_LIMITED");
    let locks = ops.walk("/api/locks?limit=login&search=ann", 20).await;
    assert_eq!(locks.len(), 1);
    assert_eq!(locks[0]["subject"], "ann@example.org");
    assert_eq!(
        (&locks[0]["user_seq"], &locks[0]["attempts"]),
        (&json!(1), &json!(2))
    );
    let body = json!({"lock": locks[0]["lock"]});
    for changed in [true, false] {
        let lifted = ops.post("/api/locks/lift", &body).await;
        assert_eq!(lifted.assert(200, "LOCK_LIFTED")["changed"], changed);
    }
    log_in(&right).await.assert(200, "LOGGED_IN");
}

#[tokio::test]
async fn audit_events_are_listed_and_exported_as_lines() {
    let app = App::start();
    let ops = all_scopes(&app).await;
    for name in ["ann", "bob"] {
        app.user(name).await;
    }
    let all = ops.walk("/api/audit-events", 2).await;
    let mut ids: Vec<i64> = all
        .iter()
        .map(|event| event["id"].as_i64().unwrap())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), all.len());
    let of_ann = ops
        .walk("/api/audit-events?person=ann@example.org", 20)
        .await;
    assert_eq!(of_ann.len(), 2);
    let export = ops.get("/api/audit-events/export?action=logged_in").await;
    assert_eq!(export.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<Value> = export
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["subject_name"], "bob@example.org");
    let exported = ops.walk("/api/audit-events?action=exported", 20).await;
    assert_eq!(exported[0]["actor_name"], "ops");
    assert_eq!(
        exported[0]["changes"],
        json!([{"field": "list", "new": "audit"}, {"field": "filter", "new": "action=logged_in"}])
    );
    let wrong = ops.get("/api/audit-events/export?action=x").await;
    wrong.assert(400, "INVALID_REQUEST");
}

#[tokio::test]
async fn keys_are_made_promoted_and_revoked() {
    let app = App::start();
    let ops = all_scopes(&app).await;
    let ann = app.user("ann").await;
    let made = ops.post("/api/keys", &json!({"algorithm": "EdDSA"})).await;
    let kid = made.assert(201, "KEY_CREATED").text_of("kid");
    let promote = format!("/api/keys/{kid}/promote");
    let refused = ops.post(&promote, &json!({})).await;
    let refused = refused.assert(409, "KEY_REFUSED");
    assert!(refused.message().contains("at_once"), "{}", refused.text);
    let promoted = ops.post(&promote, &json!({"at_once": true})).await;
    promoted.assert(200, "KEY_PROMOTED");
    let keys = ops.get("/api/keys").await.assert(200, "KEY_LIST");
    let keys = keys.data().as_array().unwrap().clone();
    let state = |kid: &str| {
        let mut keys = keys.iter();
        let key = keys.find(|key| key["kid"] == *kid).unwrap();
        key["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(&kid), "active");
    let old = keys.iter().find(|key| key["state"] == "retired").unwrap();
    let old = old["kid"].as_str().unwrap();
    let retire = ops.call("POST", &format!("/api/keys/{kid}/retire"));
    retire.await.assert(409, "KEY_REFUSED");
    // The token of the service is signed with the key that is revoked next.
    let ops = super::admin_scopes::ops(&app, "ops-2", "admin:keys:write").await;
    let revoked = ops.call("POST", &format!("/api/keys/{old}/revoke")).await;
    let revoked = revoked.assert(200, "KEY_REVOKED");
    assert_eq!(revoked["sessions"], 1);
    assert_eq!(revoked["sessions_ending"], false);
    let me = ann.get("/api/me").await;
    assert_eq!(me.status, 401, "{}", me.text);
    let unknown = ops.call("POST", "/api/keys/unknown/revoke").await;
    unknown.assert(404, "NOT_FOUND");
    let actors = "SELECT COUNT(*) AS number FROM audit_events WHERE actor_name LIKE 'ops%' \
        AND action LIKE 'signing_key_%'";
    assert_eq!(app.number(actors).await, 3);
}

#[tokio::test]
async fn services_are_created_changed_and_deleted() {
    let app = App::start();
    let admin = all_scopes(&app).await;
    let new = json!({"name": "billing", "description": "Bills", "scopes": "orders:read admin:locks:read"});
    let created = admin.post("/api/services", &new).await;
    let created = created.assert(201, "SERVICE_CREATED");
    let billing = &created["service"];
    assert_eq!(
        billing["scopes"],
        json!(["admin:locks:read", "orders:read"])
    );
    let number = billing["number"].as_i64().unwrap();
    let path = format!("/api/services/{number}");
    let secret = created.text_of("secret");
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", "billing"),
        ("client_secret", secret.as_str()),
    ];
    let token = || app.anonymous().call("POST", "/oauth/token").form(&fields);
    token().await.assert_oauth(200);
    let again = admin.post("/api/services", &new).await;
    again.assert(409, "ALREADY_EXISTS");
    let typo = admin.post(
        "/api/services",
        &json!({"name": "x", "scopes": "admin:lock:read"}),
    );
    let typo = typo.await.assert(400, "INVALID_REQUEST");
    assert!(typo.text.contains("admin:locks:read"), "{}", typo.text);
    let shown = admin.get(&path).await.assert(200, "SERVICE");
    assert_eq!(shown["scopes"], billing["scopes"]);
    assert!(billing["last_used_at"].is_null());
    let revocations = "SELECT COUNT(*) AS number FROM revocations";
    let before = app.number(revocations).await;
    let change = json!({"description": "Sends bills", "scopes": "orders:read", "is_active": false});
    let changed = admin.call("PATCH", &path).json(&change).await;
    let changed = changed.assert(200, "SERVICE_UPDATED");
    assert_eq!(
        (&changed["description"], &changed["is_active"]),
        (&json!("Sends bills"), &json!(false))
    );
    assert_eq!(changed["scopes"], json!(["orders:read"]));
    // One transaction: it revokes once, and both events have its time.
    assert_eq!(app.number(revocations).await, before + 1);
    let events = "SELECT COUNT(*) AS number FROM audit_events \
        WHERE action IN ('service_updated', 'service_deactivated')";
    assert_eq!(app.number(events).await, 2);
    token().await.assert_oauth_error(401, "invalid_client");
    let nothing = admin.call("PATCH", &path).json(&json!({})).await;
    nothing.assert(400, "INVALID_REQUEST");
    let deleted = admin.call("DELETE", &path).await;
    deleted.assert(200, "SERVICE_DELETED");
    admin.get(&path).await.assert(404, "NOT_FOUND");
    let listed = admin.get("/api/services").await.assert(200, "SERVICE_LIST");
    assert_eq!(listed.data().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_service_gains_no_scope_of_the_admin_api_through_another_service() {
    let app = App::start();
    let strong = app.service("strong", "admin:keys:write").await;
    let weak = ops(&app, "weak", "admin:services:read admin:services:write").await;
    let path = format!("/api/services/{}", strong.number);
    let refused = "SELECT COUNT(*) AS number FROM services";
    let before = app.number(refused).await;
    let new = json!({"name": "new", "scopes": "admin:users:write"});
    weak.post("/api/services", &new)
        .await
        .assert(403, "FORBIDDEN");
    for (method, path, body) in [
        ("POST", format!("{path}/secret"), None),
        ("DELETE", path.clone(), None),
        ("PATCH", path.clone(), Some(json!({"scopes": ""}))),
        ("PATCH", path.clone(), Some(json!({"is_active": false}))),
    ] {
        let call = weak.call(method, &path);
        let call = match &body {
            Some(body) => call.json(body),
            None => call,
        };
        let answer = call.await.assert(403, "FORBIDDEN");
        assert!(answer.message().contains("admin API"), "{}", answer.text);
    }
    assert_eq!(app.number(refused).await, before);
    strong.token().await;
    // Its own scopes it may grant, and any other scope.
    let new = json!({"name": "new", "scopes": "orders:read admin:services:read"});
    let created = weak.post("/api/services", &new).await;
    let created = created.assert(201, "SERVICE_CREATED");
    let path = format!("/api/services/{}/secret", created["service"]["number"]);
    let rotated = weak.call("POST", &path).await.assert(200, "SECRET_ROTATED");
    assert_ne!(rotated["secret"], created["secret"]);
    let raised = weak.call("PATCH", path.trim_end_matches("/secret"));
    let raised = raised.json(&json!({"scopes": "admin:users:write"})).await;
    raised.assert(403, "FORBIDDEN");
}
