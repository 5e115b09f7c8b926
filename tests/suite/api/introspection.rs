//! `POST /oauth/introspect` and `POST /oauth/revoke`.

use std::time::Duration;

use munjigi::domain::account::Role;
use serde_json::{Value, json};

use crate::support::{App, Forgery, Person, ServiceClient, claims_of};

/// The answer about a token that is not valid.
fn inactive() -> Value {
    json!({"active": false})
}

async fn assert_inactive(service: &ServiceClient, token: &str) {
    assert_eq!(service.introspect(token).await.body, inactive());
}

#[tokio::test]
async fn the_tokens_of_an_account_are_active_with_their_claims() {
    let app = App::with(|config| config.tokens.issuer = Some("https://login.example.org".into()));
    let ann = app.user("ann").await;
    let kim = app.client("kim").await;
    let service = app.service("api", "").await;
    for person in [&ann, &kim] {
        for (token, token_type) in [
            (&person.access, "Bearer"),
            (&person.refresh, "refresh_token"),
        ] {
            let mut expected = claims_of(token);
            expected.insert("active".into(), true.into());
            expected.insert("token_type".into(), token_type.into());
            let answer = service.introspect(token).await;
            assert_eq!(answer.body, Value::Object(expected));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    let answer = service.introspect(&ann.access).await;
    assert_eq!(answer.body["email"], "ann@example.org");
    assert_eq!(answer.body["role"], "staff");
    assert_eq!(answer.body["sub"], "user:1");
    let own = service.token().await;
    let answer = service.introspect(&own).await;
    assert_eq!(answer.body["client_id"], "api");
    assert_eq!(answer.body["user_type"], "service");
    assert_eq!(answer.body["token_type"], "Bearer");
}

#[tokio::test]
async fn a_hint_changes_nothing() {
    let app = App::start();
    let ann = app.user("ann").await;
    let service = app.service("api", "").await;
    for hint in ["access_token", "refresh_token", "something else", ""] {
        for token in [&ann.access, &ann.refresh] {
            let fields = [("token", token.as_str()), ("token_type_hint", hint)];
            let answer = service.post("/oauth/introspect", &fields).await;
            assert_eq!(answer.assert_oauth(200).body["active"], true, "{hint}");
        }
    }
}

#[tokio::test]
async fn everything_else_is_inactive_alike() {
    let app = App::start();
    let service = app.service("api", "").await;
    let ann = app.user("ann").await;
    for garbage in ["x", "a.b.c", "a.b", "{}", "..", "null", &"x".repeat(20_000)] {
        assert_inactive(&service, garbage).await;
    }
    let forged = [
        Forgery::of(&ann.access)
            .key(b"another key of thirty-two bytes..")
            .token(),
        Forgery::of(&ann.access)
            .claim("user_type", "service")
            .token(),
        Forgery::of(&ann.access).claim("user_type", "robot").token(),
        Forgery::of(&ann.access).claim("user_seq", 2).token(),
        Forgery::of(&ann.access)
            .claim("user_seq", 2)
            .claim("sub", "user:2")
            .token(),
        Forgery::of(&ann.access)
            .claim("user_type", "service")
            .claim("sub", "service:7")
            .claim("user_seq", 7)
            .token(),
    ];
    for token in &forged {
        assert_inactive(&service, token).await;
    }
    let used = ann.refresh.clone();
    let ann = ann.refreshed().await;
    assert_inactive(&service, &used).await;
    ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    for token in [&ann.access, &ann.refresh] {
        assert_inactive(&service, token).await;
    }
    let expired = app.user("bob").await;
    app.advance(Duration::from_mins(30));
    assert_inactive(&service, &expired.access).await;
    assert_eq!(
        service.introspect(&expired.refresh).await.body["active"],
        true
    );
    app.advance(Duration::from_hours(24 * 30));
    assert_inactive(&service, &expired.refresh).await;
}

#[tokio::test]
async fn the_tokens_of_a_deactivated_deleted_or_demoted_account_are_inactive() {
    let app = App::start();
    let root = app.admin("root").await;
    let service = app.service("api", "").await;
    let (gone, off) = (app.user("gone").await, app.user("off").await);
    let demoted = app.internal("demoted", Role::AUDITOR).await;
    let path = |person: &Person| format!("/api/users/{}", person.seq);
    root.delete(&path(&gone)).await.assert(200, "USER_DELETED");
    let body = json!({"is_active": false});
    root.patch(&path(&off), body)
        .await
        .assert(200, "USER_UPDATED");
    let body = json!({"role": "staff"});
    root.patch(&path(&demoted), body)
        .await
        .assert(200, "USER_UPDATED");
    for person in [&gone, &off, &demoted] {
        assert_inactive(&service, &person.access).await;
    }
    assert_inactive(&service, &gone.refresh).await;
    assert_inactive(&service, &off.refresh).await;
    assert!(service.is_active(&demoted.refresh).await);
}

#[tokio::test]
async fn access_tokens_are_introspected_without_the_database() {
    let app = App::start();
    let (ann, gone) = (app.user("ann").await, app.user("gone").await);
    let kim = app.client("kim").await;
    let service = app.service("api", "").await;
    let own = service.token().await;
    for token in [&ann.access, &kim.access, &gone.access, &own] {
        assert!(service.is_active(token).await);
    }
    gone.log_out(&gone.refresh).await.assert(200, "LOGGED_OUT");
    for table in ["users", "client_users", "sessions", "services"] {
        app.execute(&format!("ALTER TABLE {table} RENAME TO {table}_away"))
            .await;
    }
    for _ in 0..3 {
        for token in [&ann.access, &kim.access, &own] {
            assert!(service.is_active(token).await);
            let bearer = app
                .anonymous()
                .call("POST", "/oauth/introspect")
                .bearer(&own);
            let answer = bearer.form(&[("token", token)]).await.assert_oauth(200);
            assert_eq!(answer.body["active"], true);
        }
        assert_inactive(&service, &gone.access).await;
    }
}

#[tokio::test]
async fn only_services_introspect() {
    let app = App::start();
    let ann = app.user("ann").await;
    let root = app.admin("root").await;
    let service = app.service("api", "").await;
    let form = [("token", ann.access.as_str())];
    let call = || app.anonymous().call("POST", "/oauth/introspect");
    let refused = call().form(&form).await;
    let refused = refused.assert_oauth_error(401, "invalid_client");
    assert_eq!(
        refused.header("www-authenticate"),
        Some(r#"Basic realm="oauth", charset="UTF-8""#)
    );
    for person in [&ann, &root] {
        let refused = call().bearer(&person.access).form(&form).await;
        refused.assert_oauth_error(403, "insufficient_scope");
        let refused = call().bearer(&person.refresh).form(&form).await;
        refused.assert_oauth_error(401, "invalid_token");
    }
    let own = service.token().await;
    let answer = call().bearer(&own).form(&form).await.assert_oauth(200);
    assert_eq!(answer.body["active"], true);
    app.advance(Duration::from_mins(5));
    let refused = call().bearer(&own).form(&form).await;
    refused.assert_oauth_error(401, "invalid_token");
}

async fn revoke(app: &App, token: &str) {
    let call = app.anonymous().call("POST", "/oauth/revoke");
    let answer = call.form(&[("token", token)]).await.assert_oauth(200);
    assert_eq!(answer.text, "");
}

#[tokio::test]
async fn possession_of_a_token_suffices_to_end_its_session() {
    let app = App::start();
    let service = app.service("api", "").await;
    let ann = app.user("ann").await;
    let other = ann.again().await;
    revoke(&app, &ann.refresh).await;
    ann.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    other.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    revoke(&app, &other.access).await;
    other
        .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    assert_inactive(&service, &other.access).await;
    // The blacklist holds the two refresh tokens alone.
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM blacklisted_tokens")
            .await,
        2
    );
    let by_owner = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'logged_out' AND actor_name = 'ann@example.org'";
    assert_eq!(app.number(by_owner).await, 2);
}

#[tokio::test]
async fn an_unknown_token_is_revoked_already() {
    let app = App::start();
    let ann = app.user("ann").await;
    for token in ["x", "a.b.c", "..", "null"] {
        revoke(&app, token).await;
    }
    let forged = Forgery::of(&ann.refresh).key(b"another key of thirty-two bytes..");
    revoke(&app, &forged.token()).await;
    ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    revoke(&app, &ann.refresh).await;
    revoke(&app, &ann.refresh).await;
}

#[tokio::test]
async fn a_service_revokes_the_session_of_an_account_in_its_own_name() {
    let app = App::start();
    let service = app.service("api", "").await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let by_secret = service.post("/oauth/revoke", &[("token", &ann.refresh)]);
    by_secret.await.assert_oauth(200);
    ann.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    let own = service.token().await;
    let by_token = app.anonymous().call("POST", "/oauth/revoke").bearer(&own);
    by_token
        .form(&[("token", &bob.access)])
        .await
        .assert_oauth(200);
    bob.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    let by_service = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'logged_out' AND actor_name = 'api'";
    assert_eq!(app.number(by_service).await, 2);
    let wrong = service.with_secret(&"x".repeat(43));
    let refused = wrong.post("/oauth/revoke", &[("token", &ann.refresh)]);
    refused.await.assert_oauth_error(401, "invalid_client");
    let of_service = service.post("/oauth/revoke", &[("token", &own)]).await;
    of_service.assert_oauth_error(400, "unsupported_token_type");
    assert!(service.is_active(&own).await);
}
