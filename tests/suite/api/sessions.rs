//! `GET /auth/sessions`, `DELETE /auth/sessions/{id}`, and a logout of all other sessions.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{App, Person, claims_of};

fn sid_of(person: &Person) -> String {
    claims_of(&person.access)["sid"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn listed(person: &Person) -> Vec<Value> {
    let answer = person.get("/auth/sessions").await;
    let answer = answer.assert(200, "SESSION_LIST");
    answer.data().as_array().unwrap().clone()
}

async fn ids(person: &Person) -> Vec<String> {
    let id = |session: &Value| session["id"].as_str().unwrap().to_owned();
    listed(person).await.iter().map(id).collect()
}

#[tokio::test]
async fn the_live_sessions_of_the_caller_are_listed_and_the_current_one_is_marked() {
    let app = App::start();
    let ann = app.user("ann").await;
    app.user("bob").await;
    app.advance(Duration::from_mins(1));
    let phone = app.anonymous().post("/auth/login", ann.credentials());
    let phone = phone.header("user-agent", "Phone/1.0").await;
    let phone = ann.with_pair(&phone.assert(200, "LOGGED_IN"));
    let gone = ann.again().await;
    gone.log_out(&gone.refresh).await.assert(200, "LOGGED_OUT");
    let sessions = listed(&ann).await;
    assert_eq!(sessions.len(), 2, "neither the ended one nor bob's");
    assert_eq!(
        sessions[0],
        json!({
            "id": sid_of(&phone),
            "method": "password",
            "device": "Phone/1.0",
            "ip_address": "127.0.0.1",
            "created_at": "2026-02-14T12:31:45+00:00",
            "last_used_at": "2026-02-14T12:31:45+00:00",
            "expires_at": sessions[0]["expires_at"],
            "current": false,
        })
    );
    assert_eq!(sessions[1]["id"], sid_of(&ann));
    assert_eq!(sessions[1]["current"], true);
    // The last used session is first.
    app.advance(Duration::from_mins(1));
    let next = ann.refreshed().await;
    assert_eq!(ids(&next).await, [sid_of(&ann), sid_of(&phone)]);
    let refused = app.anonymous().get("/auth/sessions").await;
    refused.assert(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_session_that_cannot_be_refreshed_is_not_listed() {
    let app = App::start();
    let ann = app.client("acme").await;
    app.advance(Duration::from_hours(30 * 24));
    let again = ann.again().await;
    assert_eq!(ids(&again).await, [sid_of(&again)]);
    let path = format!("/auth/sessions/{}", sid_of(&ann));
    again.delete(&path).await.assert(404, "NOT_FOUND");
}

#[tokio::test]
async fn ending_an_own_session_ends_its_tokens_and_no_other_session() {
    let app = App::start();
    for ann in [app.user("ann").await, app.client("acme").await] {
        let other = ann.again().await;
        let path = format!("/auth/sessions/{}", sid_of(&other));
        ann.delete(&path).await.assert(200, "SESSION_ENDED");
        other
            .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
        ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
        ann.delete(&path).await.assert(404, "NOT_FOUND");
        // The current session can be ended too.
        let path = format!("/auth/sessions/{}", sid_of(&ann));
        ann.delete(&path).await.assert(200, "SESSION_ENDED");
        ann.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
        ann.delete(&path).await.assert(401, "SESSION_REVOKED");
    }
    let recorded = "SELECT COUNT(*) AS number FROM audit_events \
                    WHERE action = 'session_ended' AND source = 'api' AND actor_seq = subject_seq";
    assert_eq!(app.number(recorded).await, 4);
}

#[tokio::test]
async fn the_session_of_another_account_is_not_found_and_not_ended() {
    let app = App::start();
    // The first account of each population: the numbers are the same, the accounts are not.
    let (ann, acme) = (app.user("ann").await, app.client("acme").await);
    let bob = app.user("bob").await;
    assert_eq!(ann.seq, acme.seq);
    for other in [&acme, &bob] {
        let path = format!("/auth/sessions/{}", sid_of(&ann));
        other.delete(&path).await.assert(404, "NOT_FOUND");
    }
    for id in ["x", "0", &"0".repeat(32), "%00", "..%2f", &"f".repeat(4000)] {
        let path = format!("/auth/sessions/{id}");
        ann.delete(&path).await.assert(404, "NOT_FOUND");
        let refused = app.anonymous().call("DELETE", &path).await;
        refused.assert(401, "UNAUTHORIZED");
    }
    for person in [&ann, &acme, &bob] {
        person.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    }
    let ended = "SELECT COUNT(*) AS number FROM sessions WHERE ended_at IS NOT NULL";
    assert_eq!(app.number(ended).await, 0);
}

#[tokio::test]
async fn a_logout_of_all_can_keep_the_current_session() {
    let app = App::start();
    for ann in [app.user("ann").await, app.client("acme").await] {
        let others = [ann.again().await, ann.again().await];
        let keeping = json!({"keep_current": true});
        let answer = ann.post("/auth/logout-all", keeping).await;
        assert_eq!(answer.assert(200, "LOGGED_OUT_ALL")["sessions"], 2);
        for other in &others {
            other
                .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
                .await;
        }
        ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
        assert_eq!(ids(&ann).await, [sid_of(&ann)]);
        ann.refreshed().await;
        let wrong = ann.post("/auth/logout-all", json!({"keep_current": "yes"}));
        let wrong = wrong.await.assert(400, "INVALID_REQUEST");
        assert_eq!(wrong.error("keep_current"), "This must be true or false.");
        for body in [json!({"keep_current": false}), json!({})] {
            let again = ann.again().await;
            let answer = again.post("/auth/logout-all", body).await;
            answer.assert(200, "LOGGED_OUT_ALL");
            again
                .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
                .await;
        }
        let again = ann.again().await;
        let form = again.call("POST", "/auth/logout-all");
        let kept = form.form(&[("keep_current", "true")]).await;
        assert_eq!(kept.assert(200, "LOGGED_OUT_ALL")["sessions"], 0);
        let bare = again.call("POST", "/auth/logout-all").await;
        assert_eq!(bare.assert(200, "LOGGED_OUT_ALL")["sessions"], 1);
    }
}

#[tokio::test]
async fn sessions_within_the_leeway_are_ended_with_the_others() {
    let app = App::with(|config| config.tokens.leeway = munjigi::config::Span::minutes(5));
    let ann = app.user("ann").await;
    app.advance(Duration::from_hours(30 * 24) + Duration::from_mins(1));
    ann.assert_tokens("TOKEN_EXPIRED", "TOKEN_VALID").await;
    let now = ann.again().await;
    let answer = now.post("/auth/logout-all", json!({"keep_current": true}));
    assert_eq!(answer.await.assert(200, "LOGGED_OUT_ALL")["sessions"], 1);
    let refused = app.anonymous().refresh(&ann.refresh).await;
    assert_eq!(refused.status, 401, "{}", refused.text);
}
