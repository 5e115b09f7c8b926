//! `RateLimit-Policy` and `RateLimit`: on every `429`, and where the rest of the sender's own limit is known. They tell nothing
//! about accounts.

use std::time::Duration;

use munjigi::domain::account::Role;
use serde_json::json;

use crate::support::{Answer, App, password_of};

/// Both headers, which must be there together.
fn shown(answer: &Answer) -> Option<(&str, &str)> {
    let policy = answer.header("ratelimit-policy");
    let left = answer.header("ratelimit");
    assert_eq!(policy.is_some(), left.is_some());
    policy.zip(left)
}

/// Asserts that a `429` has both headers, and that the wait is that of `Retry-After`.
#[track_caller]
fn assert_used_up(answer: &Answer, policy: &str) {
    assert_eq!(answer.status, 429, "{}", answer.text);
    let wait = answer.header("retry-after").unwrap();
    let name = policy.split(';').next().unwrap();
    let left = format!("{name};r=0;t={wait}");
    assert_eq!(shown(answer), Some((policy, left.as_str())));
}

async fn log_in(app: &App, name: &str, password: &str) -> Answer {
    let body = json!({"username": format!("{name}@example.org"), "password": password});
    app.anonymous().post("/auth/login", body).await
}

async fn request_code(app: &App, name: &str) -> Answer {
    let body = json!({"username": name});
    app.anonymous().post("/clients/otp/request", body).await
}

#[tokio::test]
async fn a_login_shows_what_is_left_for_its_address() {
    let app = App::with(|config| config.limits.failures_per_address = 4);
    app.make_user("ann", Role::STAFF).await;
    let policy = r#""address-failures";q=4;w=3600"#;
    let left = |count| format!(r#""address-failures";r={count};t=3600"#);
    for (password, count) in [
        (password_of("ann"), 4),
        ("wrong password".to_owned(), 3),
        (password_of("ann"), 3),
        ("wrong password".to_owned(), 2),
    ] {
        let answer = log_in(&app, "ann", &password).await;
        assert_eq!(shown(&answer), Some((policy, left(count).as_str())));
    }
    app.advance(Duration::from_mins(10));
    let answer = log_in(&app, "unknown", "wrong password").await;
    let left = r#""address-failures";r=1;t=3000"#;
    assert_eq!(shown(&answer), Some((policy, left)));
    log_in(&app, "other", "wrong password").await;
    assert_used_up(&log_in(&app, "ann", "wrong password").await, policy);
}

#[tokio::test]
async fn names_that_exist_and_names_that_do_not_have_the_same_headers() {
    let of = async |name: &str| {
        let app = App::start();
        app.make_user("ann", Role::STAFF).await;
        app.make_client("ann").await;
        let mut seen = Vec::new();
        for _ in 0..3 {
            let answer = log_in(&app, name, "wrong password").await;
            seen.push((
                answer.status,
                shown(&answer).map(|(p, l)| format!("{p} {l}")),
            ));
        }
        // The owner's success, which resets the failures of the account, is not visible in the next answer.
        log_in(&app, "ann", &password_of("ann")).await;
        for _ in 0..4 {
            let answer = log_in(&app, name, "wrong password").await;
            seen.push((
                answer.status,
                shown(&answer).map(|(p, l)| format!("{p} {l}")),
            ));
        }
        for _ in 0..2 {
            let answer = request_code(&app, name).await;
            seen.push((
                answer.status,
                shown(&answer).map(|(p, l)| format!("{p} {l}")),
            ));
        }
        seen
    };
    let (known, unknown) = (of("ann").await, of("bob").await);
    // Up to the lock that the owner's login has prevented.
    assert_eq!(known[..5], unknown[..5]);
    assert_eq!(known[7..], unknown[7..]);
    for (_, headers) in known.iter().chain(&unknown) {
        assert!(headers.is_some());
    }
}

#[tokio::test]
async fn a_locked_account_shows_its_limit_whether_or_not_it_exists() {
    let app = App::start();
    app.make_user("ann", Role::STAFF).await;
    for name in ["ann", "nothing"] {
        for _ in 0..5 {
            log_in(&app, name, "wrong password").await;
        }
        let refused = log_in(&app, name, "wrong password").await;
        assert_used_up(&refused, r#""account-failures";q=5;w=86400"#);
        assert_eq!(refused.header("retry-after"), Some("60"));
    }
}

#[tokio::test]
async fn requests_for_codes_show_what_is_left_for_their_address() {
    let app = App::with(|config| config.otp.requests_per_address = 3);
    app.make_client("acme").await;
    let policy = r#""address-codes";q=3;w=3600"#;
    for (name, count) in [("acme", 2), ("nothing", 1)] {
        let answer = request_code(&app, name).await.assert(200, "OTP_SENT");
        let left = format!(r#""address-codes";r={count};t=3600"#);
        assert_eq!(shown(&answer), Some((policy, left.as_str())));
    }
    let again = request_code(&app, "acme").await;
    assert_used_up(&again, r#""code-pause";q=1;w=60"#);
    request_code(&app, "third").await.assert(200, "OTP_SENT");
    assert_used_up(&request_code(&app, "fourth").await, policy);
}

#[tokio::test]
async fn wrong_codes_show_what_is_left_for_their_address() {
    let app = App::with(|config| config.limits.failures_per_address = 3);
    app.make_client("acme").await;
    let asked = request_code(&app, "acme").await.assert(200, "OTP_SENT");
    let created = asked.text_of("challenge_id");
    let invented = "00000000000000000000000000000000".to_owned();
    let policy = r#""address-failures";q=3;w=3600"#;
    for (challenge, count) in [(&created, 2), (&invented, 1)] {
        let body = json!({"challenge_id": challenge, "code": "0000000000"});
        let answer = app.anonymous().post("/clients/otp/verify", body).await;
        let answer = answer.assert(401, "INVALID_OTP");
        let left = format!(r#""address-failures";r={count};t=3600"#);
        assert_eq!(shown(&answer), Some((policy, left.as_str())));
    }
}

#[tokio::test]
async fn refreshes_that_are_refused_too_often_show_their_limit() {
    let app = App::with(|config| config.limits.failures_per_address = 2);
    let ann = app.user("ann").await;
    ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    for _ in 0..10 {
        let answer = app.anonymous().refresh(&ann.refresh).await;
        assert_eq!(answer.status, 401, "{}", answer.text);
        assert_eq!(shown(&answer), None);
    }
    let refused = app.anonymous().refresh(&ann.refresh).await;
    assert_used_up(&refused, r#""token-refusals";q=10;w=60"#);
    for _ in 0..2 {
        app.anonymous().refresh("no.such.token").await;
    }
    let refused = app.anonymous().refresh("no.such.token").await;
    assert_used_up(&refused, r#""address-failures";q=2;w=3600"#);
}
