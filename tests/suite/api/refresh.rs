//! `POST /auth/refresh`: a refresh token can be exchanged for a new pair once.

use std::time::Duration;

use serde_json::json;

use crate::support::{App, claims_of};

#[tokio::test]
async fn a_refresh_returns_a_new_pair_in_the_same_session() {
    let app = App::start();
    let ann = app.client("acme").await;
    app.advance(Duration::from_mins(10));
    let answer = app.anonymous().refresh(&ann.refresh).await;
    let answer = answer.assert(200, "REFRESHED");
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(
        (&answer["expires_in"], &answer["refresh_expires_in"]),
        (&json!(1_800), &json!(2_592_000))
    );
    assert_eq!(answer["user"]["username"], "acme");
    let next = ann.with_pair(&answer);
    let (old, new) = (claims_of(&ann.refresh), claims_of(&next.refresh));
    assert_eq!(old["sid"], new["sid"]);
    assert_ne!(old["jti"], new["jti"]);
    assert!(
        old["jti"].as_str() < new["jti"].as_str(),
        "ids are in the order of time"
    );
    next.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    // The previous access token stays valid until it expires.
    ann.assert_tokens("TOKEN_VALID", "TOKEN_BLACKLISTED").await;
}

#[tokio::test]
async fn a_used_refresh_token_is_rejected_and_ends_the_session() {
    let app = App::start();
    let ann = app.user("ann").await;
    let next = ann.refreshed().await.refreshed().await;
    app.advance(Duration::from_secs(11));
    for code in ["TOKEN_REUSED", "TOKEN_BLACKLISTED"] {
        let replay = app.anonymous().refresh(&ann.refresh).await;
        let replay = replay.assert(401, code);
        assert_eq!(
            replay.header("www-authenticate"),
            Some(r#"Bearer realm="api", error="invalid_token""#)
        );
    }
    next.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
}

#[tokio::test]
async fn a_missing_refresh_token_or_another_kind_of_token_is_rejected() {
    let app = App::start();
    let ann = app.user("ann").await;
    let missing = app.anonymous().post("/auth/refresh", json!({})).await;
    let missing = missing.assert(400, "INVALID_REQUEST");
    assert_eq!(missing.error("refresh"), "This field is required.");
    for other in [ann.access.as_str(), "x", "a.b.c", ".."] {
        let refused = app.anonymous().refresh(other).korean().await;
        let refused = refused.assert(401, "INVALID_TOKEN");
        assert_eq!(refused.message(), "유효하지 않은 토큰입니다");
    }
}

#[tokio::test]
async fn the_state_of_the_account_decides_at_each_refresh() {
    let app = App::start();
    let root = app.admin("root").await;
    let ann = app.user("ann").await;
    let path = format!("/api/users/{}", ann.seq);
    let off = root.patch(&path, json!({"is_active": false})).await;
    off.assert(200, "USER_UPDATED");
    let refused = app.anonymous().refresh(&ann.refresh).await;
    refused.assert(401, "USER_INACTIVE");
    let on = root.patch(&path, json!({"is_active": true})).await;
    on.assert(200, "USER_UPDATED");
    // Ended sessions stay ended.
    let refused = app.anonymous().refresh(&ann.refresh).await;
    refused.assert(401, "TOKEN_BLACKLISTED");
    let ann = ann.again().await;
    root.delete(&path).await.assert(200, "USER_DELETED");
    let refused = app.anonymous().refresh(&ann.refresh).korean().await;
    let refused = refused.assert(401, "USER_NOT_FOUND");
    assert_eq!(refused.message(), "사용자를 찾을 수 없습니다");
    ann.assert_tokens("USER_NOT_FOUND", "USER_NOT_FOUND").await;
}

#[tokio::test]
async fn a_token_whose_session_row_ended_alone_is_session_revoked() {
    let app = App::start();
    let ann = app.user("ann").await;
    // As after a manual change in SQL.
    app.execute("UPDATE sessions SET ended_at = created_at")
        .await;
    let refused = app.anonymous().refresh(&ann.refresh).await;
    refused.assert(401, "SESSION_REVOKED");
    ann.assert_tokens("SESSION_REVOKED", "SESSION_REVOKED")
        .await;
    let ann = ann.again().await;
    app.execute("DELETE FROM sessions").await;
    let refused = app.anonymous().refresh(&ann.refresh).await;
    refused.assert(401, "SESSION_REVOKED");
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM blacklisted_tokens")
            .await,
        0
    );
}

#[tokio::test]
async fn without_rotation_the_same_refresh_token_comes_back() {
    let app = App::with(|config| config.tokens.rotate_refresh_tokens = false);
    let ann = app.user("ann").await;
    app.advance(Duration::from_mins(1));
    let next = ann.refreshed().await;
    assert_eq!(next.refresh, ann.refresh);
    assert_ne!(next.access, ann.access);
    let again = app.anonymous().refresh(&ann.refresh).await;
    assert_eq!(
        again.assert(200, "REFRESHED")["refresh_expires_in"],
        2_591_940
    );
    next.log_out(&next.refresh).await.assert(200, "LOGGED_OUT");
    let refused = app.anonymous().refresh(&ann.refresh).await;
    refused.assert(401, "TOKEN_BLACKLISTED");
}

#[tokio::test]
async fn without_blacklisting_a_used_refresh_token_stays_valid_until_the_session_ends() {
    let app = App::with(|config| config.tokens.blacklist_after_rotation = false);
    let ann = app.user("ann").await;
    let next = ann.refreshed().await;
    assert_ne!(next.refresh, ann.refresh);
    let again = ann.refreshed().await;
    again.log_out(&next.refresh).await.assert(200, "LOGGED_OUT");
    for token in [&ann.refresh, &next.refresh, &again.refresh] {
        let refused = app.anonymous().refresh(token).await;
        refused.assert(401, "TOKEN_BLACKLISTED");
    }
}
