//! `POST /oauth/token`: access tokens of services, and that they are never taken for those of accounts.

use std::time::Duration;

use serde_json::{Value, json};

use super::endpoints::{ENDPOINTS, Who};
use crate::support::{App, claims_of, wait_until};

#[tokio::test]
async fn a_service_gets_a_short_lived_access_token_and_no_refresh_token() {
    let app = App::with(|config| {
        config.tokens.issuer = Some("https://login.example.org".into());
        config.tokens.audience = vec!["api".into()];
        config.tokens.extra_claims = serde_json::from_value(json!({"tenant": "acme"})).unwrap();
    });
    let billing = app.service("billing", "orders:write orders:read").await;
    let answer = billing.request_token().await.assert_oauth(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let token = answer.body["access_token"].as_str().unwrap();
    let expected = json!({
        "access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": "orders:read orders:write",
    });
    assert_eq!(answer.body, expected);
    let mut claims = claims_of(token);
    let jti = claims.remove("jti").unwrap();
    assert_eq!(jti.as_str().unwrap().len(), 32);
    let issued_at = 1_771_072_245;
    let expected = json!({
        "token_type": "access", "user_type": "service", "user_seq": 1, "sub": "service:1", "client_id": "billing",
        "scope": "orders:read orders:write", "iat": issued_at, "exp": issued_at + 300,
        "iss": "https://login.example.org", "aud": "api", "tenant": "acme",
    });
    assert_eq!(Value::Object(claims), expected);
}

#[tokio::test]
async fn a_service_gets_only_scopes_that_it_has() {
    let app = App::start();
    let billing = app.service("billing", "orders:read orders:write").await;
    let request = |scope: &'static str| {
        let fields = [("grant_type", "client_credentials"), ("scope", scope)];
        billing.post("/oauth/token", &fields)
    };
    let answer = request("orders:read").await.assert_oauth(200);
    assert_eq!(answer.body["scope"], "orders:read");
    let token = answer.body["access_token"].as_str().unwrap();
    assert_eq!(claims_of(token)["scope"], "orders:read");
    let answer = request("").await.assert_oauth(200);
    assert_eq!(answer.body["scope"], "orders:read orders:write");
    for scope in ["users:read", "orders:read users:read", "orders", "a\"b"] {
        request(scope)
            .await
            .assert_oauth_error(400, "invalid_scope");
    }
    let plain = app.service("plain", "").await;
    let answer = plain.request_token().await.assert_oauth(200);
    assert_eq!(answer.body["scope"], "");
    let token = answer.body["access_token"].as_str().unwrap();
    assert!(!claims_of(token).contains_key("scope"));
}

#[tokio::test]
async fn the_lifetime_of_a_service_token_is_a_setting_of_its_own() {
    let app = App::with(|config| {
        config.service_tokens.access_lifetime = "1m".parse().unwrap();
    });
    let billing = app.service("billing", "").await;
    let answer = billing.request_token().await.assert_oauth(200);
    assert_eq!(answer.body["expires_in"], 60);
    let token = billing.token().await;
    assert!(billing.is_active(&token).await);
    app.advance(Duration::from_mins(1));
    assert!(!billing.is_active(&token).await);
}

#[tokio::test]
async fn no_endpoint_for_accounts_accepts_a_token_of_a_service() {
    let app = App::start();
    let root = app.admin("root").await;
    let client = app.client("acme").await;
    let billing = app.service("billing", "").await;
    // The three have the same number.
    assert_eq!((root.seq, client.seq, billing.number.get()), (1, 1, 1));
    let token = billing.token().await;
    let anonymous = app.anonymous();
    for endpoint in ENDPOINTS.iter() {
        if matches!(endpoint.who, Who::Anyone) {
            continue;
        }
        let call = anonymous.call(endpoint.method, &endpoint.filled("1"));
        let answer = call.bearer(&token).await;
        answer.assert(403, "FORBIDDEN");
    }
    anonymous.refresh(&token).await.assert(401, "INVALID_TOKEN");
    anonymous.verify(&token).await.assert(401, "INVALID_TOKEN");
    let body = json!({"refresh": token});
    let log_out = anonymous.post("/auth/logout", body).await;
    log_out.assert(400, "INVALID_TOKEN");
    root.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    // Expired or revoked, it is refused like any other token.
    app.advance(Duration::from_mins(5));
    let me = anonymous.get("/api/me").bearer(&token).await;
    me.assert(401, "TOKEN_EXPIRED");
    let refused = app
        .number("SELECT COUNT(*) AS number FROM audit_events WHERE action = 'access_refused' AND subject_name = 'billing'")
        .await;
    assert!(refused > 10, "{refused}");
}

#[tokio::test]
async fn no_login_exists_for_services() {
    let app = App::start();
    let billing = app.service("billing", "").await;
    for user_type in ["user", "client", "service"] {
        let body =
            json!({"username": "billing", "password": billing.secret, "user_type": user_type});
        let answer = app.anonymous().post("/auth/login", body).await;
        assert!(matches!(answer.status, 400 | 401), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_wrong_secret_is_limited_and_the_right_one_is_not() {
    let app = App::with(|config| config.limits.failures_per_address = 3);
    let billing = app.service("billing", "").await;
    let other = app.service("other", "").await;
    let token = billing.token().await;
    let wrong = billing.with_secret(&other.secret);
    for _ in 0..3 {
        let refused = wrong.request_token().await;
        let refused = refused.assert_oauth_error(401, "invalid_client");
        let challenge = refused.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Basic realm="), "{challenge}");
    }
    let refused = wrong.request_token().await;
    let refused = refused.assert_oauth_error(429, "temporarily_unavailable");
    assert!(refused.header("retry-after").is_some());
    assert!(billing.is_active(&token).await);
    billing.token().await;
    let locks = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'locked'";
    assert_eq!(app.number(locks).await, 1);
}

#[tokio::test]
async fn the_last_use_of_a_service_is_stored_once_a_minute() {
    let app = App::start();
    let billing = app.service("billing", "").await;
    let used = "SELECT COUNT(*) AS number FROM services WHERE last_used_at IS NOT NULL";
    assert_eq!(app.number(used).await, 0);
    let token = billing.token().await;
    wait_until("the use", async || {
        (app.number(used).await == 1).then_some(())
    })
    .await;
    app.execute("UPDATE services SET last_used_at = NULL").await;
    assert!(billing.is_active(&token).await);
    app.advance(Duration::from_mins(1));
    assert!(billing.is_active(&token).await);
    wait_until("the second use", async || {
        (app.number(used).await == 1).then_some(())
    })
    .await;
}
