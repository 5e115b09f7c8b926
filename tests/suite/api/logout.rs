//! `POST /auth/logout` and `/auth/logout-all`.

use std::time::Duration;

use munjigi::config::Span;
use serde_json::json;

use crate::support::App;

#[tokio::test]
async fn a_logout_ends_the_session_and_its_access_tokens() {
    let app = App::start();
    let ann = app.user("ann").await;
    let other = ann.again().await;
    let next = ann.refreshed().await;
    let answer = next.log_out(&next.refresh).korean().await;
    assert_eq!(answer.assert(200, "LOGGED_OUT").message(), "로그아웃 완료");
    for person in [&ann, &next] {
        person
            .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
        person.get("/api/me").await.assert(401, "SESSION_REVOKED");
    }
    other.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
}

#[tokio::test]
async fn a_token_that_is_blacklisted_already_can_be_logged_out() {
    let app = App::start();
    let ann = app.user("ann").await;
    let next = ann.refreshed().await;
    // The used token identifies the session, and the whole session ends.
    next.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    next.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    let again = app
        .anonymous()
        .post("/auth/logout", json!({"refresh": next.refresh}));
    again.await.assert(200, "LOGGED_OUT");
}

#[tokio::test]
async fn a_refresh_token_alone_ends_its_session() {
    let app = App::start();
    for person in [app.user("ann").await, app.client("acme").await] {
        let other = person.again().await;
        let body = json!({"refresh": person.refresh});
        let gone = app.anonymous().post("/auth/logout", body.clone()).await;
        gone.assert(200, "LOGGED_OUT");
        person
            .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
        other.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
        let recorded = format!(
            "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'logged_out' \
             AND actor_type = '{}' AND actor_seq = {} AND actor_seq = subject_seq",
            person.user_type, person.seq
        );
        assert_eq!(app.number(&recorded).await, 1);
        // Once more is no error, and is not recorded.
        let gone = app.anonymous().post("/auth/logout", body).await;
        gone.assert(200, "LOGGED_OUT");
        assert_eq!(app.number(&recorded).await, 1);
    }
}

#[tokio::test]
async fn an_access_token_that_is_not_accepted_is_no_obstacle_to_a_logout() {
    let app = App::start();
    let ann = app.user("ann").await;
    let bob = app.user("bob").await;
    app.advance(Duration::from_hours(1));
    ann.assert_tokens("TOKEN_EXPIRED", "TOKEN_VALID").await;
    ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    ann.assert_tokens("TOKEN_EXPIRED", "TOKEN_BLACKLISTED")
        .await;
    let body = json!({"refresh": bob.refresh});
    let garbled = app.anonymous().post("/auth/logout", body).bearer("garbage");
    garbled.await.assert(200, "LOGGED_OUT");
    bob.assert_tokens("TOKEN_EXPIRED", "TOKEN_BLACKLISTED")
        .await;
    // Without a refresh token the access token's fault is named, as everywhere.
    let refused = ann.post("/auth/logout", json!({})).await;
    refused.assert(401, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn a_logout_with_tokens_of_two_sessions_ends_both() {
    let app = App::start();
    let first = app.user("ann").await;
    let (second, third) = (first.again().await, first.again().await);
    first
        .log_out(&second.refresh)
        .await
        .assert(200, "LOGGED_OUT");
    for gone in [&first, &second] {
        gone.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
    }
    third.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    let recorded = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'logged_out'";
    assert_eq!(app.number(recorded).await, 2);
}

#[tokio::test]
async fn a_logout_needs_a_token_and_a_bearer_needs_a_refresh_token_of_the_same_account() {
    let app = App::start();
    let ann = app.user("ann").await;
    let bob = app.user("bob").await;
    for missing in [json!({}), json!({"refresh": null})] {
        let refused = app.anonymous().post("/auth/logout", missing).await;
        refused.assert(401, "UNAUTHORIZED");
    }
    let garbage = json!({"refresh": "garbage"});
    let refused = app.anonymous().post("/auth/logout", garbage).await;
    refused.assert(400, "INVALID_TOKEN");
    for missing in [json!({}), json!({"refresh": null})] {
        let refused = ann.post("/auth/logout", missing).korean().await;
        let refused = refused.assert(400, "INVALID_REQUEST");
        assert_eq!(refused.message(), "refresh 토큰이 필요합니다");
        assert_eq!(refused.error("refresh"), "이 필드는 필수입니다.");
    }
    let unreadable = ann.call("POST", "/auth/logout");
    let unreadable = unreadable.raw_body("application/json", "{").await;
    let unreadable = unreadable.assert(400, "INVALID_REQUEST");
    assert_eq!(
        unreadable.error("body"),
        "The body cannot be parsed as its content type."
    );
    for garbage in ["garbage", "a.b.c", ann.access.as_str()] {
        let refused = ann.log_out(garbage).korean().await;
        let refused = refused.assert(400, "INVALID_TOKEN");
        assert_eq!(refused.message(), "유효하지 않은 토큰입니다");
    }
    bob.log_out(&ann.refresh).await.assert(403, "FORBIDDEN");
    ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    bob.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
}

#[tokio::test]
async fn a_logout_of_all_ends_only_the_sessions_of_the_caller() {
    let app = App::start();
    let ann = app.user("ann").await;
    let sessions = [ann.clone(), ann.again().await, ann.again().await];
    let gone = ann.again().await;
    gone.log_out(&gone.refresh).await.assert(200, "LOGGED_OUT");
    let bob = app.user("bob").await;
    let refused = app.anonymous().post("/auth/logout-all", json!({})).await;
    refused.assert(401, "UNAUTHORIZED");
    let answer = ann.call("POST", "/auth/logout-all").await;
    // The session that was logged out before does not count.
    assert_eq!(answer.assert(200, "LOGGED_OUT_ALL")["sessions"], 3);
    for session in &sessions {
        session
            .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
        let refused = app.anonymous().refresh(&session.refresh).await;
        refused.assert(401, "TOKEN_BLACKLISTED");
    }
    bob.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    let again = ann.again().await;
    again.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
}

#[tokio::test]
async fn verify_returns_the_claims_of_both_tokens() {
    let app = App::start();
    let ann = app.user("ann").await;
    for (token, token_type) in [(&ann.access, "access"), (&ann.refresh, "refresh")] {
        let answer = app
            .anonymous()
            .verify(token)
            .await
            .assert(200, "TOKEN_VALID");
        assert_eq!(answer["token_type"], token_type);
        let claims = crate::support::claims_of(token);
        assert_eq!(answer.data(), &serde_json::Value::Object(claims));
    }
    let missing = app.anonymous().post("/auth/verify", json!({})).await;
    assert_eq!(
        missing.assert(400, "INVALID_REQUEST").error("token"),
        "This field is required."
    );
    let garbage = app.anonymous().verify("garbage").await;
    let garbage = garbage.assert(401, "INVALID_TOKEN");
    assert!(
        garbage
            .header("www-authenticate")
            .unwrap()
            .contains("invalid_token")
    );
}

#[tokio::test]
async fn an_expired_refresh_token_cannot_be_logged_out() {
    let app = App::with(|config| {
        config.tokens.access_lifetime = Span::minutes(1);
        config.tokens.refresh_lifetime = Span::minutes(2);
    });
    let ann = app.user("ann").await;
    app.advance(Duration::from_mins(2));
    let again = ann.again().await;
    let refused = again.log_out(&ann.refresh).await;
    refused.assert(400, "INVALID_TOKEN");
    again.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
}

#[tokio::test]
async fn a_session_within_the_leeway_is_ended_like_all_others() {
    let app = App::with(|config| config.tokens.leeway = Span::minutes(5));
    let root = app.admin("root").await;
    let (ann, bob, acme) = (
        app.user("ann").await,
        app.user("bob").await,
        app.client("acme").await,
    );
    // Expired, but accepted for four more minutes.
    app.advance(Duration::from_hours(30 * 24) + Duration::from_mins(1));
    for person in [&ann, &bob, &acme] {
        person.assert_tokens("TOKEN_EXPIRED", "TOKEN_VALID").await;
    }
    let root = root.again().await;
    let bob_now = bob.again().await;
    bob_now
        .call("POST", "/auth/logout-all")
        .await
        .assert(200, "LOGGED_OUT_ALL");
    let body = json!({"password": "an entirely new password", "current_password": root.password});
    let changed = root.patch(&format!("/api/users/{}", ann.seq), body).await;
    changed.assert(200, "USER_UPDATED");
    let path = format!("/api/clients/{}", acme.seq);
    for is_active in [false, true] {
        let changed = root.patch(&path, json!({"is_active": is_active})).await;
        changed.assert(200, "CLIENT_UPDATED");
    }
    for (name, person) in [("ann", &ann), ("bob", &bob), ("acme", &acme)] {
        let refused = app.anonymous().refresh(&person.refresh).await;
        assert_eq!(refused.status, 401, "{name}: {}", refused.text);
    }
}
