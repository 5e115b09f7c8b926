//! Refresh tokens in a cookie (`tokens.transport`): how it is set, read and removed. Which pages may use it is
//! tested in `cookie_pages`.

use std::time::Duration;

use munjigi::{
    config::{Config, Transport},
    domain::account::Role,
};
use serde_json::json;

use crate::support::{
    App, claims_of, on_postgres, password_of,
    spa::{Spa, log_in, set_cookie, takes_away},
};

const ALL: [Transport; 3] = [Transport::Body, Transport::Cookie, Transport::Both];

fn by_cookie(config: &mut Config) {
    config.tokens.transport = Transport::Cookie;
}

fn by_both(config: &mut Config) {
    config.tokens.transport = Transport::Both;
}

/// A server with `transport = "cookie"`, and a user who has logged in there.
pub(super) async fn ann() -> (App, Spa) {
    let app = App::with(by_cookie);
    app.make_user("ann", Role::STAFF).await;
    let ann = Spa::log_in(&app, "ann").await;
    (app, ann)
}

#[tokio::test]
async fn the_refresh_token_is_only_in_the_cookie() {
    let app = App::with(by_cookie);
    app.make_user("ann", Role::STAFF).await;
    let answer = log_in(&app, "ann", &json!({})).await;
    let answer = answer.assert(200, "LOGGED_IN");
    let ann = Spa::of(&answer);
    assert_eq!(
        set_cookie(&answer).unwrap(),
        format!(
            "munjigi_refresh={}; HttpOnly; SameSite=Strict; Path=/auth; Max-Age=2592000",
            ann.cookie
        )
    );
    assert_eq!(answer["refresh_expires_in"], 2_592_000);
    assert_eq!(claims_of(&ann.cookie)["token_type"], "refresh");
    app.advance(Duration::from_mins(1));
    let answer = ann.refresh(&app).await.assert(200, "REFRESHED");
    let next = Spa::of(&answer);
    assert_ne!(next.cookie, ann.cookie);
    assert_eq!(
        claims_of(&next.cookie)["sid"],
        claims_of(&ann.cookie)["sid"]
    );
    ann.assert_tokens(&app, "TOKEN_VALID", "TOKEN_BLACKLISTED")
        .await;
    next.assert_tokens(&app, "TOKEN_VALID", "TOKEN_VALID").await;
}

#[tokio::test]
async fn the_cookie_expires_with_its_token() {
    let app = App::with(|config| {
        by_cookie(config);
        config.tokens.rotate_refresh_tokens = false;
    });
    app.make_user("ann", Role::STAFF).await;
    let ann = Spa::log_in(&app, "ann").await;
    app.advance(Duration::from_mins(1));
    let answer = ann.refresh(&app).await.assert(200, "REFRESHED");
    assert_eq!(Spa::of(&answer).cookie, ann.cookie);
    let set = set_cookie(&answer).unwrap();
    assert!(set.ends_with("; Max-Age=2591940"), "{set}");
}

#[tokio::test]
async fn on_https_the_cookie_is_secure_and_has_the_path_that_the_browser_sees() {
    for (url, path) in [
        ("https://auth.example.org", "/auth"),
        ("https://auth.example.org/", "/auth"),
        ("https://example.org/login/", "/login/auth"),
    ] {
        let app = App::with(|config| {
            by_cookie(config);
            config.server.public_url = Some(url.parse().unwrap());
        });
        app.make_user("ann", Role::STAFF).await;
        let answer = log_in(&app, "ann", &json!({})).await;
        let ann = Spa::of(&answer);
        let set = set_cookie(&answer).unwrap();
        let attributes = format!("; HttpOnly; SameSite=Strict; Secure; Path={path}; Max-Age=");
        assert!(set.starts_with("__Secure-munjigi_refresh="), "{set}");
        assert!(set.contains(&attributes), "{set}");
        // The cookie name for plain HTTP is ignored.
        ann.refresh(&app).await.assert(401, "UNAUTHORIZED");
        let call = app.anonymous().call("POST", "/auth/refresh");
        let cookie = format!("__Secure-munjigi_refresh={}", ann.cookie);
        let answer = call.header("cookie", &cookie).await;
        answer.assert(200, "REFRESHED");
    }
}

#[tokio::test]
async fn a_login_with_a_code_sets_the_cookie_too() {
    for transport in ALL {
        let app = App::with_gateway(|config| config.tokens.transport = transport);
        app.make_client("acme").await;
        let asked = json!({"username": "acme"});
        let asked = app.anonymous().post("/clients/otp/request", asked).await;
        let code = app.codes(1).await.remove(0);
        let mut body = json!({"challenge_id": asked["challenge_id"], "code": code});
        if transport == Transport::Both {
            body["transport"] = json!("cookie");
        }
        let answer = app.anonymous().post("/clients/otp/verify", body).await;
        let answer = answer.assert(200, "LOGGED_IN");
        if transport == Transport::Body {
            assert_eq!(set_cookie(&answer), None);
            assert!(answer["refresh"].is_string());
            continue;
        }
        let next = Spa::of(&answer).next(&app).await;
        next.assert_tokens(&app, "TOKEN_VALID", "TOKEN_VALID").await;
    }
}

#[tokio::test]
async fn without_a_cookie_there_is_no_session() {
    for transport in [Transport::Cookie, Transport::Both] {
        let app = App::with(|config| config.tokens.transport = transport);
        for cookie in ["", "munjigi_refresh=", "munjigi_refreshed=x", "x"] {
            let call = app.anonymous().call("POST", "/auth/refresh");
            let answer = call.header("cookie", cookie).await;
            let answer = answer.assert(401, "UNAUTHORIZED");
            let challenge = answer.header("www-authenticate");
            assert_eq!(challenge, Some(r#"Bearer realm="api""#), "{cookie}");
            assert_eq!(set_cookie(&answer), None);
        }
        let unreadable = app.anonymous().call("POST", "/auth/refresh");
        let unreadable = unreadable.raw_body("application/json", "{").await;
        unreadable.assert(400, "INVALID_REQUEST");
    }
}

#[tokio::test]
async fn a_token_in_the_body_is_a_field_error_in_cookie_mode() {
    let (app, ann) = ann().await;
    for path in ["/auth/refresh", "/auth/logout"] {
        let body = json!({"refresh": ann.cookie});
        let refused = ann.call(&app, "POST", path).json(&body).korean().await;
        let refused = refused.assert(400, "INVALID_REQUEST");
        let sentence = "여기서는 refresh 토큰을 쿠키로 주고받습니다. 이 필드를 빼고 보내세요.";
        assert_eq!(refused.error("refresh"), sentence);
        assert_eq!(set_cookie(&refused), None);
    }
    ann.assert_tokens(&app, "TOKEN_VALID", "TOKEN_VALID").await;
    let null = ann.refresh(&app).json(&json!({"refresh": null})).await;
    null.assert(200, "REFRESHED");
}

#[tokio::test]
async fn an_unsupported_transport_is_a_field_error() {
    for (transport, asked, others) in [
        (Transport::Body, json!("cookie"), "body"),
        (Transport::Cookie, json!("body"), "cookie"),
        (Transport::Cookie, json!("bus"), "cookie"),
        (Transport::Both, json!("bus"), "body, cookie"),
    ] {
        let app = App::with(|config| config.tokens.transport = transport);
        app.make_user("ann", Role::STAFF).await;
        let refused = log_in(&app, "ann", &json!({"transport": asked})).await;
        let refused = refused.assert(400, "INVALID_REQUEST");
        let sentence = format!("This must be one of: {others}.");
        assert_eq!(refused.error("transport"), sentence);
        let code = json!({"challenge_id": "x", "code": "123456", "transport": asked});
        let refused = app.anonymous().post("/clients/otp/verify", code).await;
        let refused = refused.assert(400, "INVALID_REQUEST");
        assert_eq!(refused.error("transport"), sentence);
        let sessions = app.number("SELECT COUNT(*) AS number FROM sessions").await;
        assert_eq!(sessions, 0);
    }
}

#[tokio::test]
async fn by_default_no_cookie_is_set_or_read() {
    let app = App::start();
    app.make_user("ann", Role::STAFF).await;
    for ignored in [json!("body"), json!("bus"), json!(7), json!(null)] {
        let answer = log_in(&app, "ann", &json!({"transport": ignored})).await;
        let answer = answer.assert(200, "LOGGED_IN");
        assert!(answer["refresh"].is_string());
        assert_eq!(set_cookie(&answer), None);
    }
    let answer = log_in(&app, "ann", &json!({})).await;
    let ann = Spa {
        access: answer.text_of("access"),
        cookie: answer.text_of("refresh"),
    };
    let refused = ann.refresh(&app).await.assert(400, "INVALID_REQUEST");
    assert_eq!(refused.error("refresh"), "This field is required.");
    let refused = ann.call(&app, "POST", "/auth/logout").await;
    refused.assert(400, "INVALID_REQUEST");
    // The cookie is not read, so the origin of the page does not matter.
    let gone = ann.call(&app, "POST", "/auth/logout-all");
    let gone = gone.header("origin", "https://foreign.example").await;
    assert_eq!(set_cookie(&gone.assert(200, "LOGGED_OUT_ALL")), None);
}

#[tokio::test]
async fn with_both_a_login_chooses_and_a_refresh_keeps_the_transport() {
    let app = App::with(by_both);
    let bob = app.user("bob").await;
    let by_body = json!({"transport": "body"});
    assert_eq!(set_cookie(&log_in(&app, "bob", &by_body).await), None);
    let ann = Spa::log_in(&app, "bob").await;
    let ann = ann.next(&app).await;
    let form = [
        ("username", "bob@example.org"),
        ("password", &password_of("bob")),
        ("transport", "cookie"),
    ];
    let form = app.anonymous().call("POST", "/auth/login").form(&form);
    Spa::of(&form.await.assert(200, "LOGGED_IN"));

    // The token in the body takes precedence, and the cookie stays unchanged.
    let answer = ann.refresh(&app).json(&json!({"refresh": bob.refresh}));
    let answer = answer.await.assert(200, "REFRESHED");
    assert_eq!(set_cookie(&answer), None);
    let bob = bob.with_pair(&answer);
    let garbage = ann.refresh(&app).json(&json!({"refresh": "garbage"}));
    let garbage = garbage.await.assert(401, "INVALID_TOKEN");
    assert_eq!(set_cookie(&garbage), None);
    let ann = ann.next(&app).await;
    // A logout ends the sessions of all tokens that it presents.
    let gone = ann.call(&app, "POST", "/auth/logout");
    let gone = gone.json(&json!({"refresh": bob.refresh})).await;
    assert!(takes_away(&gone.assert(200, "LOGGED_OUT")));
    bob.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    ann.assert_tokens(&app, "SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
}

#[tokio::test]
async fn ending_the_own_session_removes_the_cookie() {
    let (app, ann) = ann().await;
    let other = Spa::log_in(&app, "ann").await;
    let session = |spa: &Spa| {
        format!(
            "/auth/sessions/{}",
            claims_of(&spa.access)["sid"].as_str().unwrap()
        )
    };
    let ended = ann.call(&app, "DELETE", &session(&other)).await;
    assert_eq!(set_cookie(&ended.assert(200, "SESSION_ENDED")), None);
    let ended = ann.call(&app, "DELETE", &session(&ann)).await;
    assert!(takes_away(&ended.assert(200, "SESSION_ENDED")));

    let ann = Spa::log_in(&app, "ann").await;
    let kept = ann.call(&app, "POST", "/auth/logout-all");
    let kept = kept.json(&json!({"keep_current": true})).await;
    assert_eq!(set_cookie(&kept.assert(200, "LOGGED_OUT_ALL")), None);
    let unread = app.anonymous().call("POST", "/auth/logout-all");
    let unread = unread.bearer(&Spa::log_in(&app, "ann").await.access).await;
    assert_eq!(set_cookie(&unread.assert(200, "LOGGED_OUT_ALL")), None);
    let ann = Spa::log_in(&app, "ann").await;
    let gone = ann.call(&app, "POST", "/auth/logout-all").await;
    assert!(takes_away(&gone.assert(200, "LOGGED_OUT_ALL")));
}

#[tokio::test]
async fn a_cookie_that_cannot_become_valid_again_is_removed_with_the_error() {
    let (app, ann) = ann().await;
    let take = async |spa: &Spa, code: &str| {
        let refused = spa.refresh(&app).await.assert(401, code);
        assert!(takes_away(&refused), "{code}");
    };
    let with = |cookie: &str| Spa {
        cookie: cookie.into(),
        ..ann.clone()
    };
    take(&with("garbage"), "INVALID_TOKEN").await;
    take(&with(&ann.access), "INVALID_TOKEN").await;
    let next = ann.next(&app).await;
    next.refresh(&app).await.assert(200, "REFRESHED");
    app.advance(Duration::from_secs(11));
    take(&ann, "TOKEN_REUSED").await;
    take(&next, "TOKEN_BLACKLISTED").await;

    let ann = Spa::log_in(&app, "ann").await;
    app.execute("UPDATE sessions SET ended_at = created_at")
        .await;
    take(&ann, "SESSION_REVOKED").await;
    let ann = Spa::log_in(&app, "ann").await;
    app.execute("UPDATE users SET is_active = (1 = 0)").await;
    take(&ann, "USER_INACTIVE").await;
    app.execute("DELETE FROM users").await;
    take(&ann, "USER_NOT_FOUND").await;
    app.advance(Duration::from_hours(24 * 30));
    take(&ann, "TOKEN_EXPIRED").await;
}

#[tokio::test]
async fn a_server_error_and_a_rate_limit_keep_the_cookie() {
    let app = App::with(|config| {
        by_cookie(config);
        config.database.busy_timeout = munjigi::config::Span::millis(100);
        config.database.acquire_timeout = munjigi::config::Span::millis(300);
        config.limits.failures_per_address = 1;
    });
    app.make_user("ann", Role::STAFF).await;
    let ann = Spa::log_in(&app, "ann").await;
    let cookie = "garbage".to_owned();
    let garbage = Spa {
        cookie,
        ..ann.clone()
    };
    garbage.refresh(&app).await.assert(401, "INVALID_TOKEN");
    let wait = garbage.refresh(&app).await.assert(429, "RATE_LIMITED");
    assert_eq!(set_cookie(&wait), None);

    let mut other = app.database().target().connect().unwrap();
    if on_postgres() {
        app.database().drop_with_force();
    } else {
        use diesel::connection::SimpleConnection;
        other.batch_execute("BEGIN IMMEDIATE").unwrap();
    }
    let unavailable = ann.refresh(&app).await.assert(503, "UNAVAILABLE");
    assert_eq!(set_cookie(&unavailable), None);
}
