//! Sliding tokens.

use std::time::Duration;

use munjigi::config::{Config, Span};
use serde_json::{Value, json};

use super::routes::credentials;
use super::support::{DAY, book, imported_user, jti, me, now, of_django, with_key};
use crate::support::{App, Forgery, Person, claims_of};

fn sliding(config: &mut Config) {
    config.simplejwt.enabled = true;
    config.simplejwt.sliding = true;
    config.simplejwt.sliding_lifetime = Span::minutes(5);
    config.simplejwt.sliding_refresh_lifetime = Span::hours(1);
}

/// A sliding token by a log-in.
async fn log_in(app: &App, person: &Person) -> String {
    let call = app
        .anonymous()
        .post("/api/token/sliding/", credentials(person));
    let answer = call.await.assert_status(200);
    answer.body["token"].as_str().unwrap().to_owned()
}

async fn refresh(app: &App, token: &Value) -> crate::support::Answer {
    let body = json!({"token": token});
    app.anonymous()
        .post("/api/token/sliding/refresh/", body)
        .await
}

#[tokio::test]
async fn a_sliding_token_authenticates_and_is_refreshed_until_its_limit() {
    let app = App::with(sliding);
    let ann = app.user("ann").await;
    let mut token = json!(log_in(&app, &ann).await);
    let limit = claims_of(token.as_str().unwrap())["refresh_exp"].clone();
    assert_eq!(limit, json!(now(&app) + 3_600));
    for _ in 0..14 {
        let text = token.as_str().unwrap();
        assert_eq!(claims_of(text)["token_type"], "sliding");
        assert_eq!(claims_of(text)["refresh_exp"], limit);
        me(&app, text).await.assert(200, "ME");
        app.anonymous()
            .verify(text)
            .await
            .assert(200, "TOKEN_VALID");
        app.advance(Duration::from_secs(250));
        token = refresh(&app, &token).await.assert_status(200).body["token"].clone();
    }
    // 100 seconds are left; the new token ends then too.
    assert_eq!(claims_of(token.as_str().unwrap())["exp"], limit);
    app.advance(Duration::from_secs(101));
    let expired = json!({"detail": "Token is expired", "code": "token_not_valid"});
    refresh(&app, &token).await.assert_body(401, &expired);
    app.anonymous()
        .refresh(token.as_str().unwrap())
        .await
        .assert(401, "INVALID_TOKEN");
}

#[tokio::test]
async fn a_sliding_token_has_its_own_refusals_and_ends_with_its_session() {
    let app = App::with(sliding);
    let ann = app.user("ann").await;
    let token = log_in(&app, &ann).await;
    let past = now(&app) - 1;
    for (forgery, text) in [
        (
            Forgery::of(&token).claim("refresh_exp", past),
            "Token 'refresh_exp' claim has expired",
        ),
        (Forgery::of(&ann.refresh), "Token has wrong type"),
    ] {
        let refused = json!({"detail": text, "code": "token_not_valid"});
        refresh(&app, &json!(forgery.token()))
            .await
            .assert_body(401, &refused);
    }
    ann.post("/auth/logout-all", json!({}))
        .await
        .assert(200, "LOGGED_OUT_ALL");
    me(&app, &token).await.assert(401, "SESSION_REVOKED");
    let refused = json!({"detail": "Token is blacklisted", "code": "token_not_valid"});
    refresh(&app, &json!(token))
        .await
        .assert_body(401, &refused);
    let app = app.restarted_with(|config| config.simplejwt.sliding = false);
    me(&app, &token).await.assert(401, "INVALID_TOKEN");
}

#[tokio::test]
async fn a_sliding_token_of_django_is_exchanged_like_a_refresh_token() {
    let app = App::with(|config| {
        sliding(config);
        with_key(config);
    });
    let ann = imported_user(&app, "ann").await;
    book(&app, &ann, &jti('a'), false).await;
    let limit = now(&app) + 5 * DAY;
    let forgery = of_django(&app, "sliding", &ann, &jti('a')).claim("exp", now(&app) + 60);
    let token = forgery.claim("refresh_exp", limit).token();
    me(&app, &token).await.assert(200, "ME");
    let next = refresh(&app, &json!(token)).await.assert_status(200).body["token"].clone();
    assert_eq!(
        claims_of(next.as_str().unwrap())["refresh_exp"],
        json!(limit)
    );
    me(&app, next.as_str().unwrap()).await.assert(200, "ME");
    let third = refresh(&app, &next).await.assert_status(200).body["token"].clone();
    me(&app, third.as_str().unwrap()).await.assert(200, "ME");
    // A blacklisted one authenticates nobody.
    book(&app, &ann, &jti('b'), true).await;
    let token = of_django(&app, "sliding", &ann, &jti('b')).token();
    me(&app, &token).await.assert(401, "SESSION_REVOKED");
}

#[tokio::test]
async fn without_rotation_a_sliding_token_is_accepted_again_after_a_change_of_the_role() {
    let app = App::with(|config| {
        sliding(config);
        config.tokens.rotate_refresh_tokens = false;
    });
    let admin = app.admin("root").await;
    let ann = app.user("ann").await;
    let token = json!(log_in(&app, &ann).await);
    app.advance(Duration::from_secs(10));
    let body = admin.confirmed(json!({"role": "admin"}));
    admin
        .patch(&format!("/api/users/{}", ann.seq), body)
        .await
        .assert_status(200);
    me(&app, token.as_str().unwrap())
        .await
        .assert(401, "TOKEN_EXPIRED");
    // Tokens of the first two seconds after the change are refused: a concurrent transaction may have issued them.
    app.advance(Duration::from_secs(3));
    let next = refresh(&app, &token).await.assert_status(200).body["token"].clone();
    let (old, new) = (token.as_str().unwrap(), next.as_str().unwrap());
    assert_eq!(claims_of(new)["jti"], claims_of(old)["jti"]);
    me(&app, new).await.assert(200, "ME");
}

#[tokio::test]
async fn a_sliding_token_without_its_end_is_not_refreshed() {
    let app = App::with(sliding);
    let ann = app.user("ann").await;
    let token = log_in(&app, &ann).await;
    let forgery = Forgery::of(&token).without("refresh_exp");
    let text = "Token has no 'refresh_exp' claim";
    let refused = json!({"detail": text, "code": "token_not_valid"});
    refresh(&app, &json!(forgery.token()))
        .await
        .assert_body(401, &refused);
}

#[tokio::test]
async fn a_session_lasts_in_the_revocations_as_long_as_its_sliding_token() {
    let app = App::with(|config| {
        sliding(config);
        config.simplejwt.sliding_lifetime = Span::hours(2);
        config.simplejwt.sliding_refresh_lifetime = Span::hours(3);
    });
    let ann = app.user("ann").await;
    log_in(&app, &ann).await;
    let earlier = app.clock.now() + Duration::from_secs(7_100);
    let statement = format!(
        "SELECT COUNT(*) AS number FROM sessions WHERE access_expires_at > '{}'",
        earlier.naive_utc()
    );
    assert_eq!(app.number(&statement).await, 2);
}
