//! The routes of SimpleJWT: what they do, with its bodies.

use munjigi::config::Config;
use serde_json::{Value, json};

use super::support::{booked_refresh, imported_user, jti, of_django, with_key};
use crate::support::{App, Person};

pub(super) fn enabled(config: &mut Config) {
    config.simplejwt.enabled = true;
}

pub(super) fn credentials(person: &Person) -> Value {
    json!({"username": person.login, "password": person.password})
}

#[tokio::test]
async fn a_log_in_returns_a_pair_that_is_refreshed_verified_and_blacklisted() {
    let app = App::with(enabled);
    let ann = app.user("ann").await;
    let anyone = app.anonymous();
    let pair = anyone
        .post("/api/token/", credentials(&ann))
        .await
        .assert_status(200);
    assert!(pair.text.starts_with(r#"{"refresh":"#), "{}", pair.text);
    assert_eq!(pair.body.as_object().unwrap().len(), 2);
    let (access, refresh) = (&pair.body["access"], &pair.body["refresh"]);
    for token in [access, refresh] {
        let body = json!({"token": token});
        anyone
            .post("/api/token/verify/", body)
            .await
            .assert_body(200, &json!({}));
    }
    let body = json!({"refresh": refresh});
    let next = anyone
        .post("/api/token/refresh/", body)
        .await
        .assert_status(200);
    assert!(next.text.starts_with(r#"{"access":"#), "{}", next.text);
    assert_eq!(next.body.as_object().unwrap().len(), 2);
    let body = json!({"refresh": next.body["refresh"]});
    anyone
        .post("/api/token/blacklist/", body.clone())
        .await
        .assert_body(200, &json!({}));
    let blacklisted = json!({"detail": "Token is blacklisted", "code": "token_not_valid"});
    for path in ["/api/token/blacklist/", "/api/token/refresh/"] {
        anyone
            .post(path, body.clone())
            .await
            .assert_body(401, &blacklisted);
    }
    let body = json!({"token": next.body["refresh"]});
    let blacklisted = json!({"non_field_errors": ["Token is blacklisted"]});
    anyone
        .post("/api/token/verify/", body)
        .await
        .assert_body(400, &blacklisted);
    // Unlike in SimpleJWT, the access token has ended too.
    let access = next.body["access"].as_str().unwrap();
    anyone
        .get("/api/me")
        .bearer(access)
        .await
        .assert(401, "SESSION_REVOKED");
}

#[tokio::test]
async fn the_routes_have_a_slash_at_the_end_or_none_and_exist_only_if_they_are_enabled() {
    let app = App::with(|config| {
        enabled(config);
        config.simplejwt.prefix = "/sso/jwt/".into();
        config.simplejwt.username_field = "email".into();
    });
    let ann = app.user("ann").await;
    let body = json!({"email": ann.login, "password": ann.password});
    for path in ["/sso/jwt", "/sso/jwt/"] {
        app.anonymous()
            .post(path, body.clone())
            .await
            .assert_status(200);
    }
    let wrong = app.anonymous().post("/sso/jwt/", credentials(&ann)).await;
    wrong.assert_body(400, &json!({"email": ["This field is required."]}));
    app.anonymous()
        .post("/api/token/", body.clone())
        .await
        .assert(404, "NOT_FOUND");
    app.anonymous()
        .post("/sso/jwt/sliding/", body.clone())
        .await
        .assert_body(404, &json!({"detail": "Not found."}));
    let app = app.restarted_with(|config| config.simplejwt.enabled = false);
    app.anonymous()
        .post("/sso/jwt/", body)
        .await
        .assert(404, "NOT_FOUND");
}

#[tokio::test]
async fn without_rotation_a_refresh_returns_an_access_token_alone() {
    let app = App::with(|config| {
        enabled(config);
        config.tokens.rotate_refresh_tokens = false;
    });
    let ann = app.user("ann").await;
    let body = json!({"refresh": ann.refresh});
    for _ in 0..2 {
        let answer = app
            .anonymous()
            .post("/api/token/refresh/", body.clone())
            .await;
        let answer = answer.assert_status(200);
        let names: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
        assert_eq!(names, ["access"]);
    }
}

#[tokio::test]
async fn tokens_of_django_are_refreshed_verified_and_blacklisted() {
    let app = App::with(|config| {
        enabled(config);
        with_key(config);
    });
    let ann = imported_user(&app, "ann").await;
    let anyone = app.anonymous();
    let token = booked_refresh(&app, &ann, 'a').await;
    let body = json!({"token": token});
    anyone
        .post("/api/token/verify/", body)
        .await
        .assert_body(200, &json!({}));
    let body = json!({"refresh": token});
    let pair = anyone
        .post("/api/token/refresh/", body.clone())
        .await
        .assert_status(200);
    let next = json!({"refresh": pair.body["refresh"]});
    anyone
        .post("/api/token/refresh/", next)
        .await
        .assert_status(200);
    let other = json!({"refresh": booked_refresh(&app, &ann, 'b').await});
    anyone
        .post("/api/token/blacklist/", other.clone())
        .await
        .assert_body(200, &json!({}));
    let blacklisted = json!({"detail": "Token is blacklisted", "code": "token_not_valid"});
    anyone
        .post("/api/token/refresh/", other)
        .await
        .assert_body(401, &blacklisted);
    // The wrong type, and an expired token.
    let access = of_django(&app, "access", &ann, &jti('c'));
    let body = json!({"refresh": access.token()});
    let refused = json!({"detail": "Token has wrong type", "code": "token_not_valid"});
    anyone
        .post("/api/token/refresh/", body)
        .await
        .assert_body(401, &refused);
    let body = json!({"refresh": access.claim("exp", 1_700_000_000).token()});
    let refused = json!({"detail": "Token is expired", "code": "token_not_valid"});
    anyone
        .post("/api/token/refresh/", body)
        .await
        .assert_body(401, &refused);
}

#[tokio::test]
async fn a_used_token_ends_its_session_after_the_grace_period() {
    let app = App::with(enabled);
    let ann = app.user("ann").await;
    let next = ann.refreshed().await.refreshed().await;
    app.advance(std::time::Duration::from_mins(1));
    let blacklisted = json!({"detail": "Token is blacklisted", "code": "token_not_valid"});
    for token in [&ann.refresh, &next.refresh] {
        let body = json!({"refresh": token});
        let answer = app.anonymous().post("/api/token/refresh/", body).await;
        answer.assert_body(401, &blacklisted);
    }
}
