//! The settings of SimpleJWT that have an equivalent: claims, header, and lifetimes.

use munjigi::config::{ClaimName, Span, UserIdField};
use serde_json::json;

use super::routes::{credentials, enabled};
use crate::support::{App, Forgery, claims_of};

#[tokio::test]
async fn the_claims_of_simplejwt_are_added_to_the_tokens_of_internal_users() {
    let app = App::with(|config| {
        config.simplejwt.user_id_claim = Some("user_id".into());
        config.simplejwt.token_type_claim = "kind".into();
        config.simplejwt.jti_claim = "token_id".into();
    });
    let (ann, acme) = (app.user("ann").await, app.client("acme").await);
    let claims = claims_of(&ann.access);
    assert_eq!(claims["user_id"], json!(ann.seq.to_string()));
    for token in [&ann.access, &ann.refresh, &acme.access] {
        let claims = claims_of(token);
        assert_eq!(claims["kind"], claims["token_type"]);
        assert_eq!(claims["token_id"], claims["jti"]);
    }
    // SimpleJWT would take the client for the user with the same number.
    assert_eq!(claims_of(&acme.access).get("user_id"), None);
    ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    // Tokens that were issued before the change stay valid.
    let app = app.restarted_with(|config| config.simplejwt.token_type_claim = "type".into());
    app.anonymous()
        .get("/api/me")
        .bearer(&ann.access)
        .await
        .assert(200, "ME");
}

#[tokio::test]
async fn the_user_id_claim_can_be_the_subject_and_can_have_another_field() {
    let app = App::with(|config| {
        config.simplejwt.user_id_claim = Some("sub".into());
        config.simplejwt.user_id_field = UserIdField::ExternalId;
    });
    let ann = app.user("ann").await;
    // An account without an external id.
    assert_eq!(claims_of(&ann.access)["sub"], format!("user:{}", ann.seq));
    let statement = format!(
        "UPDATE users SET external_id = '5f0c' WHERE id = {}",
        ann.seq
    );
    app.execute(&statement).await;
    let ann = ann.again().await;
    assert_eq!(claims_of(&ann.access)["sub"], "5f0c");
    ann.get("/api/me").await.assert(200, "ME");
    let app = app.restarted_with(|config| config.simplejwt.user_id_claim = None);
    app.anonymous()
        .get("/api/me")
        .bearer(&ann.access)
        .await
        .assert(401, "INVALID_TOKEN");
}

#[tokio::test]
async fn the_access_token_can_be_in_another_header() {
    let app = App::with(|config| config.tokens.auth_header_name = "X-Access-Token".into());
    let response = app
        .anonymous()
        .post("/auth/login", json!({"username": "x", "password": "y"}));
    response.await.assert(401, "INVALID_CREDENTIALS");
    let ann = app.user("ann").await;
    let with = |name: &str| {
        let value = format!("Bearer {}", ann.access);
        app.anonymous().get("/api/me").header(name, &value)
    };
    with("x-access-token").await.assert(200, "ME");
    with("authorization").await.assert(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn issuer_audience_leeway_and_the_last_log_in_are_settings_of_tokens() {
    let app = App::with(|config| {
        enabled(config);
        config.tokens.issuer = Some("https://login.example.org".into());
        config.tokens.audience = vec!["api".into()];
        config.tokens.leeway = Span::seconds(10);
        config.tokens.update_last_login = false;
    });
    let ann = app.user("ann").await;
    let answer = app
        .anonymous()
        .post("/api/token/", credentials(&ann))
        .await
        .assert_status(200);
    let refresh = answer.body["refresh"].as_str().unwrap();
    let never = "SELECT COUNT(*) AS number FROM users WHERE last_login_at IS NULL";
    assert_eq!(app.number(never).await, 1);
    let now = app.clock.now().unix_seconds();
    for (forgery, status) in [
        (Forgery::of(refresh).claim("exp", now - 9), 200),
        (Forgery::of(refresh).claim("exp", now - 10), 401),
        (Forgery::of(refresh).claim("iss", "x"), 401),
        (Forgery::of(refresh).without("aud"), 401),
    ] {
        let body = json!({"token": forgery.token()});
        app.anonymous()
            .post("/api/token/verify/", body)
            .await
            .assert_status(status);
    }
}

#[tokio::test]
async fn a_claim_of_an_account_does_not_take_the_name_of_the_user_id() {
    let app = App::with(|config| {
        config.tokens.claims = vec![ClaimName::Account];
    });
    let acme = app.client("acme").await;
    let statement = "UPDATE client_users SET claims = '{\"user_id\":\"1\"}'";
    assert_eq!(app.execute(statement).await, 1);
    let acme = acme.again().await;
    assert_eq!(claims_of(&acme.access)["user_id"], "1");
    let app = app.restarted_with(|config| {
        config.simplejwt.user_id_claim = Some("user_id".into());
    });
    let acme = acme.at(&app).again().await;
    assert_eq!(claims_of(&acme.access).get("user_id"), None);
    let admin = app.admin("root").await;
    let body = json!({"claims": {"user_id": "1"}});
    admin
        .patch(&format!("/api/clients/{}", acme.seq), body)
        .await
        .assert(400, "INVALID_REQUEST");
}
