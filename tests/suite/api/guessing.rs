//! Limits on password attempts: how many an account has, how long it is locked, and which devices are not affected.

use std::{future::IntoFuture, time::Duration};

use futures_util::future::join_all;
use munjigi::domain::account::Role;
use serde_json::{Value, json};

use crate::support::{Answer, App, Call, password_of};

fn credentials(name: &str, password: &str, user_type: &str) -> Value {
    json!({"username": name, "password": password, "user_type": user_type})
}

fn wrong(app: &App, name: &str) -> Call {
    let body = credentials(name, "a wrong password", "user");
    app.anonymous().post("/auth/login", body)
}

fn right(app: &App, name: &str) -> Call {
    let body = credentials(&format!("{name}@example.org"), &password_of(name), "user");
    app.anonymous().post("/auth/login", body)
}

/// The number of responses with each code: wrong credentials, and rate limited.
fn counted(answers: &[Answer]) -> (usize, usize) {
    let of = |status, code| {
        let fit = |answer: &&Answer| (answer.status, answer.code()) == (status, code);
        answers.iter().filter(fit).count()
    };
    (of(401, "INVALID_CREDENTIALS"), of(429, "RATE_LIMITED"))
}

/// Locks an account by failed attempts.
async fn lock(app: &App, name: &str) {
    for _ in 0..5 {
        wrong(app, name).await.assert(401, "INVALID_CREDENTIALS");
    }
    wrong(app, name).await.assert(429, "RATE_LIMITED");
}

#[tokio::test]
async fn five_attempts_in_a_row_are_verified_whether_the_account_exists_or_not() {
    let app = App::start();
    app.make_user("ann", Role::STAFF).await;
    let mut refusals = Vec::new();
    for name in ["ann@example.org", "nobody@example.org", "no address at all"] {
        let mut answers = Vec::new();
        for _ in 0..20 {
            answers.push(wrong(&app, name).await);
        }
        assert_eq!(counted(&answers), (5, 15), "{name}");
        assert!(answers[..5].iter().all(|answer| answer.status == 401));
        let mut last = answers.pop().unwrap();
        assert_eq!(last.header("retry-after"), Some("60"));
        last.body["meta"] = Value::Null;
        refusals.push(last.body);
    }
    assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]));
    // Another spelling is the same account, and the correct password is rejected too.
    wrong(&app, " ANN@example.ORG ")
        .await
        .assert(429, "RATE_LIMITED");
    right(&app, "ann").await.assert(429, "RATE_LIMITED");
    // The same name in the other population is another account.
    let client = credentials("ann@example.org", "a wrong password", "client");
    let other = app.anonymous().post("/auth/login", client).await;
    other.assert(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn a_hundred_attempts_at_once_count_as_five_whether_the_account_exists_or_not() {
    let app = App::start();
    app.make_user("ann", Role::STAFF).await;
    for name in ["ann@example.org", "nobody@example.org"] {
        let calls = (0..100).map(|_| wrong(&app, name).into_future());
        let answers = join_all(calls).await;
        assert_eq!(counted(&answers), (5, 95), "{name}");
    }
}

#[tokio::test]
async fn two_instances_allow_five_attempts_together() {
    let app = App::start();
    let other = app.another_instance();
    app.make_user("ann", Role::STAFF).await;
    let calls = (0..60).map(|number| {
        let instance = if number % 2 == 0 { &app } else { &other };
        wrong(instance, "ann@example.org").into_future()
    });
    assert_eq!(counted(&join_all(calls).await), (5, 55));
}

#[tokio::test]
async fn many_correct_logins_at_once_wait_for_each_other_and_all_succeed() {
    let app = App::start();
    app.make_user("ann", Role::STAFF).await;
    let calls = (0..40).map(|_| right(&app, "ann").into_future());
    for answer in join_all(calls).await {
        answer.assert(200, "LOGGED_IN");
    }
    let left = "SELECT COUNT(*) AS number FROM rate_limits";
    assert_eq!(app.number(left).await, 0);
}

#[tokio::test]
async fn the_lock_doubles_from_a_minute_to_an_hour() {
    let app = App::start();
    lock(&app, "ann@example.org").await;
    for minutes in [1_u64, 2, 4, 8, 16, 32, 60, 60] {
        let refused = wrong(&app, "ann@example.org").await;
        let refused = refused.assert(429, "RATE_LIMITED");
        let seconds = (minutes * 60).to_string();
        assert_eq!(refused.header("retry-after"), Some(seconds.as_str()));
        app.advance(Duration::from_micros(minutes * 60_000_000 - 1));
        let refused = wrong(&app, "ann@example.org").await;
        assert_eq!(refused.header("retry-after"), Some("1"));
        app.advance(Duration::from_micros(1));
        // One attempt after each lock, also of many at once.
        let calls = (0..10).map(|_| wrong(&app, "ann@example.org").into_future());
        assert_eq!(counted(&join_all(calls).await), (1, 9), "{minutes}");
    }
}

#[tokio::test]
async fn a_success_or_a_day_resets_the_failures() {
    let app = App::start();
    app.make_user("ann", Role::STAFF).await;
    let four = async || {
        for _ in 0..4 {
            let refused = wrong(&app, "ann@example.org").await;
            refused.assert(401, "INVALID_CREDENTIALS");
        }
    };
    for _ in 0..3 {
        four().await;
        right(&app, "ann").await.assert(200, "LOGGED_IN");
    }
    four().await;
    app.advance(Duration::from_hours(24));
    four().await;
    right(&app, "ann").await.assert(200, "LOGGED_IN");
    // After the lock a correct password resets its duration.
    lock(&app, "ann@example.org").await;
    app.advance(Duration::from_mins(1));
    right(&app, "ann").await.assert(200, "LOGGED_IN");
    lock(&app, "ann@example.org").await;
    let refused = wrong(&app, "ann@example.org").await;
    assert_eq!(refused.header("retry-after"), Some("60"));
}

#[tokio::test]
async fn a_full_queue_counts_as_a_failure_of_the_address_and_not_of_the_account() {
    let app = App::with(|config| config.login.hash_queue = 1);
    for name in ["ann", "bob", "eva", "sam"] {
        app.make_user(name, Role::STAFF).await;
    }
    let calls = (0..80).map(|number| {
        let name = ["ann", "bob", "eva", "sam"][number % 4];
        right(&app, name).into_future()
    });
    let answers = join_all(calls).await;
    let rejected = answers.iter().filter(|answer| answer.status == 503).count();
    assert!(rejected > 0);
    assert!(answers.iter().all(|answer| answer.status != 429));
    let left = "SELECT COUNT(*) AS number FROM rate_limits WHERE user_type IS NOT NULL";
    assert_eq!(app.number(left).await, 0);
    // For its address it counts: filling the queue is not free.
    let counted = "SELECT hits AS number FROM rate_limits WHERE bucket = 'login:address:127.0.0.1'";
    assert_eq!(app.number(counted).await, i64::try_from(rejected).unwrap());
}

#[tokio::test]
async fn a_known_device_can_log_in_while_the_account_is_locked() {
    let app = App::start();
    app.make_user("ann", Role::STAFF).await;
    app.make_user("bob", Role::STAFF).await;
    let anns = right(&app, "ann").await.assert(200, "LOGGED_IN");
    let token = anns.header("x-device-token").unwrap().to_owned();
    let cookie = anns.header("set-cookie").unwrap();
    assert!(cookie.starts_with(&format!("munjigi_device={token};")));
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=15552000"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure"));
    let bobs = right(&app, "bob").await.assert(200, "LOGGED_IN");
    let bobs = bobs.header("x-device-token").unwrap().to_owned();
    lock(&app, "ann@example.org").await;
    // Not without a token, nor with that of another account, nor with a changed or invented one.
    let (start, _) = token.rsplit_once('.').unwrap();
    let long = "x".repeat(5_000);
    for odd in [
        bobs.as_str(),
        start,
        &format!("{start}."),
        &token.replacen("1.", "2.", 1),
        &format!("{token}.x"),
        "1.a.0.b",
        "x",
        &long,
    ] {
        let refused = right(&app, "ann").header("x-device-token", odd).await;
        refused.assert(429, "RATE_LIMITED");
    }
    let in_header = right(&app, "ann").header("x-device-token", &token).await;
    in_header.assert(200, "LOGGED_IN");
    let in_cookie = format!("munjigi_device={token}");
    let in_cookie = right(&app, "ann").header("cookie", &in_cookie).await;
    in_cookie.assert(200, "LOGGED_IN");
    // Other devices are still locked: the success of the owner gives them no new attempts.
    wrong(&app, "ann@example.org")
        .await
        .assert(429, "RATE_LIMITED");
}

#[tokio::test]
async fn a_device_has_its_own_counter_with_the_same_locks_and_expires_after_half_a_year() {
    let app = App::start();
    app.make_user("ann", Role::STAFF).await;
    let answer = right(&app, "ann").await.assert(200, "LOGGED_IN");
    let token = answer.header("x-device-token").unwrap().to_owned();
    let on_device = || wrong(&app, "ann@example.org").header("x-device-token", &token);
    let calls = (0..50).map(|_| on_device().into_future());
    assert_eq!(counted(&join_all(calls).await), (5, 45));
    // Failures with a stolen device token do not lock other devices.
    right(&app, "ann").await.assert(200, "LOGGED_IN");
    app.advance(Duration::from_mins(1));
    on_device().await.assert(401, "INVALID_CREDENTIALS");
    let refused = on_device().await.assert(429, "RATE_LIMITED");
    assert_eq!(refused.header("retry-after"), Some("120"));
    app.advance(Duration::from_hours(24 * 180));
    lock(&app, "ann@example.org").await;
    let old = right(&app, "ann").header("x-device-token", &token).await;
    old.assert(429, "RATE_LIMITED");
}

#[tokio::test]
async fn on_https_the_device_cookie_is_secure_and_bound_to_its_host() {
    let app = App::with(|config| {
        config.server.public_url = Some("https://auth.example.org".parse().unwrap());
    });
    app.make_user("ann", Role::STAFF).await;
    let answer = right(&app, "ann").await.assert(200, "LOGGED_IN");
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-munjigi_device="), "{cookie}");
    assert!(cookie.contains("Secure") && !cookie.contains("Domain"));
}

#[tokio::test]
async fn a_new_password_lifts_the_lock() {
    let app = App::start();
    let root = app.admin("root").await;
    let ann = app.user("ann").await;
    let acme = app.client("acme").await;
    for (person, path) in [(&ann, "users"), (&acme, "clients")] {
        let body = credentials(&person.login, "a wrong password", person.user_type);
        for _ in 0..5 {
            let refused = app.anonymous().post("/auth/login", body.clone()).await;
            refused.assert(401, "INVALID_CREDENTIALS");
        }
        person.log_in().await.assert(429, "RATE_LIMITED");
        let path = format!("/api/{path}/{}", person.seq);
        let renamed = root.patch(&path, json!({"name": "Changed name"})).await;
        assert_eq!(renamed.status, 200);
        person.log_in().await.assert(429, "RATE_LIMITED");
        let changed = root
            .patch(
                &path,
                json!({"password": "another long password", "current_password": root.password}),
            )
            .await;
        assert_eq!(changed.status, 200);
        let body = credentials(&person.login, "another long password", person.user_type);
        let answer = app.anonymous().post("/auth/login", body).await;
        answer.assert(200, "LOGGED_IN");
    }
    let lifted = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'lock_lifted' \
        AND actor_name = 'root@example.org'";
    assert_eq!(app.number(lifted).await, 2);
}

#[tokio::test]
async fn the_audit_log_contains_each_lock_once_and_nothing_that_may_be_a_password() {
    let app = App::start();
    app.make_user("ann", Role::STAFF).await;
    let calls = (0..50).map(|_| wrong(&app, "ann@example.org").into_future());
    join_all(calls).await;
    lock(&app, "nobody@example.org").await;
    app.advance(Duration::from_mins(1));
    lock(&app, "hunter2 hunter2").await;
    // Locks of unknown names are recorded once a minute for each network.
    lock(&app, "hunter2-hunter2").await;
    let locked = |more: &str| {
        format!("SELECT COUNT(*) AS number FROM audit_events WHERE action = 'locked' {more}")
    };
    for (more, expected) in [
        ("", 3),
        (
            "AND subject_name = 'ann@example.org' AND subject_seq = 1",
            1,
        ),
        ("AND subject_name LIKE '#%' AND subject_seq IS NULL", 2),
        (
            "AND ip_address = '127.0.0.1' AND source = 'api' AND request_id IS NOT NULL",
            3,
        ),
    ] {
        assert_eq!(app.number(&locked(more)).await, expected, "{more}");
    }
    for kept in [
        "rate_limits WHERE bucket LIKE '%hunter%' OR subject LIKE '%hunter%' OR subject LIKE '%nobody%'",
        "audit_events WHERE search_text LIKE '%hunter%' OR search_text LIKE '%nobody%'",
    ] {
        let kept = format!("SELECT COUNT(*) AS number FROM {kept}");
        assert_eq!(app.number(&kept).await, 0);
    }
}
