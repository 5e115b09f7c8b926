//! Limits per address: failed logins, invalid refresh tokens, unknown links and codes.

use std::{future::IntoFuture, time::Duration};

use futures_util::future::join_all;
use munjigi::{config::Config, domain::account::Role};
use serde_json::json;

use crate::support::{Answer, App, Call, password_of};

fn behind_a_proxy(config: &mut Config) {
    config.limits.failures_per_address = 3;
    config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
}

fn log_in(app: &App, name: &str, password: &str, from: &str) -> Call {
    let body = json!({"username": name, "password": password});
    app.anonymous()
        .post("/auth/login", body)
        .header("x-forwarded-for", from)
}

fn statuses(answers: &[Answer]) -> (usize, usize) {
    let of = |status| answers.iter().filter(|one| one.status == status).count();
    (of(401), of(429))
}

#[tokio::test]
async fn an_address_has_a_limit_of_failures_per_hour_over_all_accounts() {
    let app = App::with(behind_a_proxy);
    app.make_user("ann", Role::STAFF).await;
    let names: Vec<String> = (0..40)
        .map(|number| format!("n{number}@example.org"))
        .collect();
    let calls = names
        .iter()
        .map(|name| log_in(&app, name, "a wrong password", "203.0.113.1").into_future());
    assert_eq!(statuses(&join_all(calls).await), (3, 37));
    let ann = |from: &'static str| log_in(&app, "ann@example.org", "a wrong password", from);
    let refused = ann("203.0.113.1").await.assert(429, "RATE_LIMITED");
    assert_eq!(refused.header("retry-after"), Some("3600"));
    ann("203.0.113.2").await.assert(401, "INVALID_CREDENTIALS");
    // Attempts that were rejected because of their address do not count for the account.
    let counted = "SELECT hits AS number FROM rate_limits WHERE subject = 'ann@example.org'";
    assert_eq!(app.number(counted).await, 1);
    app.advance(Duration::from_hours(1));
    ann("203.0.113.1").await.assert(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn an_ipv6_network_of_64_bits_is_one_address_and_successes_do_not_count() {
    let app = App::with(behind_a_proxy);
    app.make_user("ann", Role::STAFF).await;
    let password = password_of("ann");
    for _ in 0..10 {
        let answer = log_in(&app, "ann@example.org", &password, "2001:db8::1").await;
        answer.assert(200, "LOGGED_IN");
    }
    for number in 1..=4 {
        let from = format!("2001:db8::{number}");
        let answer = log_in(&app, &format!("n{number}@x.org"), "wrong password", &from).await;
        assert_eq!(answer.status, if number < 4 { 401 } else { 429 });
    }
    let next = log_in(&app, "n@x.org", "wrong password", "2001:db8:0:1::1").await;
    next.assert(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn without_a_limit_per_address_only_accounts_are_locked() {
    let app = App::with(|config| config.limits.failures_per_address = 0);
    let names: Vec<String> = (0..120)
        .map(|number| format!("n{number}@example.org"))
        .collect();
    let calls = names
        .iter()
        .map(|name| log_in(&app, name, "a wrong password", "203.0.113.1").into_future());
    assert_eq!(statuses(&join_all(calls).await), (120, 0));
}

#[tokio::test]
async fn invalid_refresh_tokens_from_a_locked_address_are_rejected_without_the_database() {
    let app = App::with(behind_a_proxy);
    let ann = app.user("ann").await;
    let garbage = |from: &'static str| {
        app.anonymous()
            .refresh("no.such.token")
            .header("x-forwarded-for", from)
    };
    let calls = (0..40).map(|_| garbage("203.0.113.1").into_future());
    assert_eq!(statuses(&join_all(calls).await), (3, 37));
    garbage("203.0.113.2").await.assert(401, "INVALID_TOKEN");
    app.execute("DELETE FROM rate_limits").await;
    // The lock is cached for a second, then the database is queried whether it was lifted.
    garbage("203.0.113.1").await.assert(429, "RATE_LIMITED");
    app.advance(Duration::from_secs(1));
    garbage("203.0.113.1").await.assert(401, "INVALID_TOKEN");
    // A token with a valid signature is accepted, whatever others send from the same address.
    for _ in 0..3 {
        garbage("203.0.113.1").await;
    }
    garbage("203.0.113.1").await.assert(429, "RATE_LIMITED");
    let honest = app
        .anonymous()
        .refresh(&ann.refresh)
        .header("x-forwarded-for", "203.0.113.1");
    let next = ann.with_pair(&honest.await.assert(200, "REFRESHED"));
    next.refreshed().await;
    app.advance(Duration::from_mins(1));
    for code in [
        "TOKEN_REUSED",
        "TOKEN_BLACKLISTED",
        "TOKEN_BLACKLISTED",
        "TOKEN_BLACKLISTED",
    ] {
        let used = app
            .anonymous()
            .refresh(&ann.refresh)
            .header("x-forwarded-for", "203.0.113.9");
        used.await.assert(401, code);
    }
}

#[tokio::test]
async fn two_instances_count_invalid_tokens_together() {
    let app = App::with(behind_a_proxy);
    let other = app.another_instance();
    let calls = (0..30).map(|number| {
        let instance = if number % 2 == 0 { &app } else { &other };
        instance.anonymous().refresh("garbage").into_future()
    });
    assert_eq!(statuses(&join_all(calls).await), (3, 27));
}

#[tokio::test]
async fn unknown_links_are_counted_for_their_address() {
    let app = App::with(|config| config.limits.failures_per_address = 3);
    app.make_user("ann", Role::ADMIN).await;
    let browser = app.browser();
    for number in 0..3 {
        let path = format!("/account/password/{}", number.to_string().repeat(43));
        browser.get(&path).await.assert(410);
    }
    let refused = browser
        .get(&format!("/account/password/{}", "x".repeat(43)))
        .await;
    let refused = refused.assert(429);
    assert_eq!(refused.header("retry-after"), Some("3600"));
    // Once an administrator exists the set-up link is invalid, so attempts are not counted.
    browser
        .get(&format!("/admin/setup/{}", "x".repeat(43)))
        .await
        .assert(429);
    app.advance(Duration::from_hours(1));
    for _ in 0..5 {
        browser
            .get(&format!("/admin/setup/{}", "x".repeat(43)))
            .await
            .assert(410);
    }
}

#[tokio::test]
async fn an_ipv6_customer_is_also_counted_by_larger_networks() {
    let app = App::with(behind_a_proxy);
    let mut number = 0;
    let mut fail = async |network: String| {
        number += 1;
        let name = format!("n{number}@example.org");
        let from = format!("2001:db8:{network}::{number:x}");
        log_in(&app, &name, "a wrong password", &from).await.status
    };
    // Four times the limit of an address for a /56, sixteen times for a /48.
    for subnet in 0..12 {
        assert_eq!(fail(format!("1:{subnet:x}")).await, 401);
    }
    assert_eq!(fail("1:ff".to_owned()).await, 429);
    for subnet in 0..36 {
        assert_eq!(
            fail(format!("1:{:x}", (subnet / 9 + 1) * 256 + subnet)).await,
            401
        );
    }
    assert_eq!(fail("1:f000".to_owned()).await, 429);
    assert_eq!(fail("2:1".to_owned()).await, 401);
}

#[tokio::test]
async fn a_known_device_is_not_locked_with_its_address() {
    let app = App::with_gateway(|config| config.limits.failures_per_address = 3);
    app.make_user("ann", Role::STAFF).await;
    app.make_client("acme").await;
    let ann = json!({"username": "ann@example.org", "password": password_of("ann")});
    let acme = json!({"username": "acme", "password": password_of("acme"), "user_type": "client"});
    let mut devices = Vec::new();
    for body in [&ann, &acme] {
        let known = app.anonymous().post("/auth/login", body.clone()).await;
        let known = known.assert(200, "LOGGED_IN");
        devices.push(known.header("x-device-token").unwrap().to_owned());
    }
    let asked = request_code(&app, Some(&devices[1])).await;
    let challenge = asked.assert(200, "OTP_SENT").text_of("challenge_id");
    let code = app.codes(1).await.remove(0);
    // Others at the same address use up its failures, with passwords and with codes.
    for number in 0..3 {
        log_in(
            &app,
            &format!("n{number}@example.org"),
            "a wrong password",
            "-",
        )
        .await;
        submit_code(&app, &"0".repeat(32), "123456").await;
    }
    let login = |body: &serde_json::Value| app.anonymous().post("/auth/login", body.clone());
    login(&ann).await.assert(429, "RATE_LIMITED");
    let known = login(&ann).header("x-device-token", &devices[0]).await;
    known.assert(200, "LOGGED_IN");
    let others = login(&ann).header("x-device-token", &devices[1]).await;
    others.assert(429, "RATE_LIMITED");
    submit_code(&app, &challenge, &code)
        .await
        .assert(429, "RATE_LIMITED");
    let known = submit_code(&app, &challenge, &code).header("x-device-token", &devices[1]);
    known.await.assert(200, "LOGGED_IN");
}

async fn request_code(app: &App, device: Option<&str>) -> Answer {
    let mut call = app
        .anonymous()
        .post("/clients/otp/request", json!({"username": "acme"}));
    if let Some(device) = device {
        call = call.header("x-device-token", device);
    }
    call.await
}

fn submit_code(app: &App, challenge: &str, code: &str) -> Call {
    let body = json!({"challenge_id": challenge, "code": code});
    app.anonymous().post("/clients/otp/verify", body)
}

#[tokio::test]
async fn codes_for_unknown_challenges_are_counted_for_their_address() {
    let app = App::with(behind_a_proxy);
    for (number, challenge) in ["0".repeat(32), "x".to_owned(), "1".repeat(32)]
        .iter()
        .enumerate()
    {
        let answer = submit_code(&app, challenge, "123456").await;
        assert_eq!((number, answer.status), (number, 401));
    }
    submit_code(&app, "x", "123456")
        .await
        .assert(429, "RATE_LIMITED");
}

#[tokio::test]
async fn a_client_on_a_known_device_is_not_locked_by_the_attempts_and_requests_of_others() {
    let app = App::with_gateway(|_| ());
    app.make_client("acme").await;
    let body = json!({"username": "acme", "password": password_of("acme"), "user_type": "client"});
    let known = app.anonymous().post("/auth/login", body).await;
    let device = known
        .assert(200, "LOGGED_IN")
        .header("x-device-token")
        .unwrap()
        .to_owned();
    // Another device uses up the codes of the hour, and the attempts.
    for number in 0..5 {
        let challenge = request_code(&app, None)
            .await
            .assert(200, "OTP_SENT")
            .text_of("challenge_id");
        let code = app.codes(number + 1).await.remove(number);
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let answer = submit_code(&app, &challenge, wrong).await;
        answer.assert(401, "INVALID_OTP");
        app.advance(Duration::from_mins(1));
    }
    request_code(&app, None).await.assert(429, "RATE_LIMITED");
    let challenge = request_code(&app, Some(&device))
        .await
        .assert(200, "OTP_SENT")
        .text_of("challenge_id");
    let code = app.codes(6).await.remove(5);
    let answer = submit_code(&app, &challenge, &code)
        .header("x-device-token", &device)
        .await;
    answer.assert(200, "LOGGED_IN");
    request_code(&app, Some(&device))
        .await
        .assert(429, "RATE_LIMITED");
}

#[tokio::test]
async fn wrong_codes_lock_logins_by_code_and_not_by_password() {
    let app = App::with_gateway(|config| config.otp.max_attempts = 5);
    app.make_client("acme").await;
    for name in ["acme", "nobody"] {
        let body = json!({"username": name});
        let asked = app.anonymous().post("/clients/otp/request", body).await;
        let challenge = asked.assert(200, "OTP_SENT").text_of("challenge_id");
        let calls = (0..100).map(|_| submit_code(&app, &challenge, "0000000").into_future());
        assert_eq!(statuses(&join_all(calls).await), (5, 95), "{name}");
    }
    let body = json!({"username": "acme", "password": password_of("acme"), "user_type": "client"});
    let answer = app.anonymous().post("/auth/login", body).await;
    answer.assert(200, "LOGGED_IN");
}
