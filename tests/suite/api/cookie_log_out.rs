//! Logout with the refresh token in a cookie: which sessions end, and whether the cookie is removed.

use std::time::Duration;

use munjigi::{config::Transport, domain::account::Role};
use serde_json::json;

use super::cookies::ann;
use crate::support::{
    App, password_of,
    spa::{Spa, set_cookie, takes_away},
};

#[tokio::test]
async fn a_logout_ends_the_session_of_the_cookie_and_removes_the_cookie() {
    let (app, ann) = ann().await;
    app.make_user("bob", Role::STAFF).await;
    let bob = Spa::log_in(&app, "bob").await;
    let cookie = ann.cookie.clone();
    let crossed = Spa {
        cookie,
        ..bob.clone()
    };
    // Ann logged in with the same browser later: her cookie goes, and her session ends like that of the caller, Bob.
    let crossed = crossed.call(&app, "POST", "/auth/logout").await;
    assert!(takes_away(&crossed.assert(200, "LOGGED_OUT")));
    ann.assert_tokens(&app, "SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    bob.assert_tokens(&app, "SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    let ann = Spa::log_in(&app, "ann").await;
    let gone = ann.call(&app, "POST", "/auth/logout").await;
    assert!(takes_away(&gone.assert(200, "LOGGED_OUT")));
    ann.assert_tokens(&app, "SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    let bob = Spa::log_in(&app, "bob").await;
    let cookie = "garbage".to_owned();
    let garbled = Spa {
        cookie,
        ..bob.clone()
    };
    let gone = garbled.call(&app, "POST", "/auth/logout").await;
    assert!(takes_away(&gone.assert(200, "LOGGED_OUT")));
    bob.assert_tokens(&app, "SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
}

/// On a shared computer the person who comes back after a break logs out, too.
#[tokio::test]
async fn a_logout_after_the_access_token_expired_ends_the_session_and_removes_the_cookie() {
    let (app, ann) = ann().await;
    app.advance(Duration::from_hours(1));
    let gone = ann.call(&app, "POST", "/auth/logout").await;
    assert!(takes_away(&gone.assert(200, "LOGGED_OUT")));
    ann.assert_tokens(&app, "TOKEN_EXPIRED", "TOKEN_BLACKLISTED")
        .await;
    let ann = Spa::log_in(&app, "ann").await;
    let without = || {
        let call = app.anonymous().call("POST", "/auth/logout");
        call.header("cookie", &format!("munjigi_refresh={}", ann.cookie))
    };
    let foreign = without().header("origin", "https://evil.example").await;
    assert_eq!(set_cookie(&foreign.assert(403, "FORBIDDEN")), None);
    ann.assert_tokens(&app, "TOKEN_VALID", "TOKEN_VALID").await;
    let gone = without().await;
    assert!(takes_away(&gone.assert(200, "LOGGED_OUT")));
    ann.assert_tokens(&app, "SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    // A cookie that is not valid any more goes as well.
    let call = app.anonymous().call("POST", "/auth/logout");
    let gone = call.header("cookie", "munjigi_refresh=garbage").await;
    assert!(takes_away(&gone.assert(200, "LOGGED_OUT")));
    let nothing = app.anonymous().call("POST", "/auth/logout").await;
    assert_eq!(set_cookie(&nothing.assert(401, "UNAUTHORIZED")), None);
}

/// Two tabs, the second of which logged in again: the browser has one cookie.
#[tokio::test]
async fn a_logout_in_another_tab_ends_both_sessions_of_the_account() {
    let (app, ann) = ann().await;
    let again = Spa::log_in(&app, "ann").await;
    let cookie = again.cookie.clone();
    let first_tab = Spa {
        cookie,
        ..ann.clone()
    };
    let gone = first_tab.call(&app, "POST", "/auth/logout").await;
    assert!(takes_away(&gone.assert(200, "LOGGED_OUT")));
    for spa in [&ann, &again] {
        spa.assert_tokens(&app, "SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
    }
}

#[tokio::test]
async fn a_logout_without_the_cookie_ends_the_callers_session() {
    for transport in [Transport::Cookie, Transport::Both] {
        let app = App::with(|config| config.tokens.transport = transport);
        app.make_user("ann", Role::STAFF).await;
        let ann = Spa::log_in(&app, "ann").await;
        let other = Spa::log_in(&app, "ann").await;
        let gone = app.anonymous().call("POST", "/auth/logout");
        let gone = gone.bearer(&ann.access).await;
        gone.assert(200, "LOGGED_OUT");
        ann.assert_tokens(&app, "SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
        other
            .assert_tokens(&app, "TOKEN_VALID", "TOKEN_VALID")
            .await;
        let recorded = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'logged_out'";
        assert_eq!(app.number(recorded).await, 1);
    }
}

#[tokio::test]
async fn a_page_over_plain_http_is_a_foreign_page() {
    let app = App::with(|config| {
        config.server.public_url = Some("https://auth.example.org/".parse().unwrap());
        config.tokens.transport = Transport::Cookie;
    });
    app.make_user("ann", Role::STAFF).await;
    let body = json!({"username": "ann@example.org", "password": password_of("ann")});
    for (origin, status) in [
        ("https://auth.example.org", 200),
        ("http://auth.example.org", 403),
        ("ftp://auth.example.org", 403),
    ] {
        let log_in = app.anonymous().post("/auth/login", body.clone());
        let log_in = log_in.header("host", "auth.example.org");
        let answer = log_in.header("origin", origin).await;
        assert_eq!(answer.status, status, "{origin}");
    }
}
