//! What callers without an account or a known device cannot do: fill the database, the queues and the hashing threads.

use std::{future::IntoFuture, time::Duration};

use futures_util::{StreamExt, future::join_all, stream};
use munjigi::{
    config::{Config, Span},
    domain::account::Role,
};
use serde_json::{Value, json};

use crate::support::{Answer, App, Call, password_of, wait_until};

fn behind_a_proxy(config: &mut Config) {
    config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
}

fn request_code(app: &App, username: &str, from: &str) -> Call {
    app.anonymous()
        .post("/clients/otp/request", json!({"username": username}))
        .header("x-forwarded-for", from)
}

fn submit_code(app: &App, challenge: &str, from: &str) -> Call {
    let body = json!({"challenge_id": challenge, "code": "0000000"});
    app.anonymous()
        .post("/clients/otp/verify", body)
        .header("x-forwarded-for", from)
}

/// The parts of a response that must not depend on whether the account exists.
fn seen(answer: &Answer) -> (u16, String, Option<String>) {
    let retry_after = answer.header("retry-after").map(str::to_owned);
    (answer.status, answer.code().to_owned(), retry_after)
}

const EVENTS: &str = "SELECT COUNT(*) AS number FROM audit_events";

#[tokio::test]
async fn a_flood_of_unknown_names_loses_no_code_and_stores_nothing() {
    let app = App::with_gateway(behind_a_proxy);
    for number in 0..10 {
        app.make_client(&format!("client-{number}")).await;
    }
    let before = app.number(EVENTS).await;
    let flood = stream::iter(0..3_000).map(|number| {
        // Each from another network.
        let from = format!("2001:{:x}:{:x}::1", number / 1_000 + 1, number % 1_000);
        let app = &app;
        async move {
            let answer = request_code(app, &format!("unknown-{number}"), &from).await;
            answer.assert(200, "OTP_SENT");
            if number % 300 == 0 {
                let known = format!("client-{}", number / 300);
                let answer = request_code(app, &known, "192.0.2.1").await;
                answer.assert(200, "OTP_SENT");
            }
        }
    });
    flood.buffer_unordered(32).collect::<Vec<()>>().await;
    assert_eq!(app.codes(10).await.len(), 10);
    assert_eq!(app.services().delivery.counts().failed, 0);
    let rows = async |query: &str| {
        app.number(&format!("SELECT COUNT(*) AS number FROM {query}"))
            .await
    };
    assert_eq!(rows("otp_challenges").await, 10);
    assert_eq!(
        rows("rate_limits WHERE subject NOT LIKE 'client-%'").await,
        0
    );
    // The clock stands still: these are the events of one minute.
    let events = app.number(EVENTS).await - before;
    assert!((10..=110).contains(&events), "{events}");
}

#[tokio::test]
async fn requests_for_unknown_names_are_recorded_once_a_minute_for_each_network() {
    let app = App::with(|config| {
        behind_a_proxy(config);
        config.otp.requests_per_address = 1_000;
    });
    let recorded = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'code_requested' \
        AND outcome = 'refused' AND subject_name LIKE '#%'";
    for minute in 1..=3 {
        for number in 0..20 {
            for from in ["192.0.2.1", &format!("2001:db8:7:{number:x}::1")] {
                let name = format!("unknown-{minute}-{number}-{}", from.len());
                request_code(&app, &name, from)
                    .await
                    .assert(200, "OTP_SENT");
            }
        }
        wait_until("the events", async || {
            (app.number(recorded).await >= minute * 2).then_some(())
        })
        .await;
        assert_eq!(app.number(recorded).await, minute * 2);
        app.advance(Duration::from_mins(1));
    }
}

#[tokio::test]
async fn the_network_of_a_stranger_has_a_limit_of_codes_per_hour() {
    let app = App::with(|config| {
        behind_a_proxy(config);
        config.otp.requests_per_address = 2;
    });
    let mut number = 0;
    let mut ask = async |network: String| {
        number += 1;
        let from = format!("2001:db8:{network}::1");
        request_code(&app, &format!("unknown-{number}"), &from)
            .await
            .status
    };
    for subnet in 0..8 {
        assert_eq!(ask(format!("1:{subnet:x}")).await, 200);
    }
    assert_eq!(ask("1:ff".to_owned()).await, 429, "the /56");
    for subnet in 0..24 {
        assert_eq!(
            ask(format!("1:{:x}", (subnet / 6 + 1) * 256 + subnet)).await,
            200
        );
    }
    assert_eq!(ask("1:f000".to_owned()).await, 429, "the /48");
    assert_eq!(ask("2:1".to_owned()).await, 200);
}

#[tokio::test]
async fn codes_for_known_and_unknown_names_have_the_same_limits() {
    let app = App::with_gateway(behind_a_proxy);
    app.make_client("acme").await;
    let mut all = Vec::new();
    for name in ["acme", "nobody"] {
        let mut answers = Vec::new();
        let mut challenge = String::new();
        for minute in 0..8 {
            // One network until its codes of the hour are used up, then others until those of all are.
            let from = format!("192.0.2.{}", minute / 6);
            let asked = request_code(&app, name, &from).await;
            if asked.status == 200 {
                challenge = asked.text_of("challenge_id");
            }
            answers.push(seen(&asked));
            answers.push(seen(&request_code(&app, name, &from).await));
            app.advance(Duration::from_mins(1));
        }
        for other in 0..30 {
            let from = format!("198.51.100.{other}");
            answers.push(seen(&request_code(&app, name, &from).await));
        }
        for _ in 0..7 {
            answers.push(seen(&submit_code(&app, &challenge, "203.0.113.1").await));
        }
        app.advance(Duration::from_hours(1));
        all.push(answers);
    }
    let codes = |status| all[0].iter().filter(|(of, ..)| *of == status).count();
    // 20 codes in total, and 5 attempts of which the last one locks the account.
    assert_eq!((codes(200), codes(401)), (20, 5), "{:?}", all[0]);
    assert_eq!(all[0], all[1]);
}

#[tokio::test]
async fn attempts_before_a_challenge_is_stored_count_for_the_same_name() {
    let app = App::with_gateway(|config| {
        behind_a_proxy(config);
        config.limits.failures_per_address = 1_000;
    });
    for number in 0..5 {
        let name = format!("client-{number}");
        app.make_client(&name).await;
        let asked = request_code(&app, &name, "192.0.2.1").await;
        let challenge = asked.assert(200, "OTP_SENT").text_of("challenge_id");
        // Its row is stored in the background.
        let attempts = (0..10).map(|_| submit_code(&app, &challenge, "192.0.2.1").into_future());
        let early = join_all(attempts).await;
        app.codes(number + 1).await;
        let attempts = (0..10).map(|_| submit_code(&app, &challenge, "192.0.2.1").into_future());
        let answers = early.into_iter().chain(join_all(attempts).await);
        let verified = answers.filter(|answer| answer.status == 401).count();
        assert_eq!(verified, 5, "{name}");
    }
}

#[tokio::test]
async fn invented_challenges_and_unknown_names_are_recorded_once_a_minute() {
    let app = App::with(behind_a_proxy);
    app.make_client("acme").await;
    let refused = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'log_in_refused'";
    for number in 0..20 {
        let invented = format!("{number:032x}");
        submit_code(&app, &invented, "192.0.2.1")
            .await
            .assert(401, "INVALID_OTP");
        let body = json!({"username": format!("unknown-{number}"), "password": "a wrong password"});
        let login = app.anonymous().post("/auth/login", body);
        let answer = login.header("x-forwarded-for", "192.0.2.1").await;
        answer.assert(401, "INVALID_CREDENTIALS");
    }
    assert_eq!(app.number(refused).await, 1);
    app.advance(Duration::from_mins(1));
    submit_code(&app, "x", "192.0.2.1")
        .await
        .assert(401, "INVALID_OTP");
    submit_code(&app, "x", "192.0.2.2")
        .await
        .assert(401, "INVALID_OTP");
    assert_eq!(app.number(refused).await, 3);
    // Those of an account are all recorded.
    for _ in 0..3 {
        let body =
            json!({"username": "acme", "password": "a wrong password", "user_type": "client"});
        let answer = app.anonymous().post("/auth/login", body).await;
        answer.assert(401, "INVALID_CREDENTIALS");
    }
    assert_eq!(app.number(refused).await, 6);
    let rows = "SELECT COUNT(*) AS number FROM otp_challenges";
    assert_eq!(app.number(rows).await, 0);
}

/// Logs in with wrong passwords for invented names from many networks of one customer, until the test ends.
async fn flood(app: &App, number: usize) {
    for round in 0.. {
        let from = format!("2001:db8:1:{:x}::1", number * 1_000 + round % 1_000);
        let name = format!("unknown-{number}-{round}@example.org");
        let body = json!({"username": name, "password": "a wrong password"});
        let login = app.anonymous().post("/auth/login", body);
        login.header("x-forwarded-for", &from).await;
    }
}

#[tokio::test]
async fn known_devices_and_other_networks_log_in_during_a_flood_of_logins() {
    let app = App::with(|config| {
        behind_a_proxy(config);
        config.limits.failures_per_address = 0;
        config.login.hash_queue = 8;
        // A busy machine hashes slowly.
        config.login.hash_deadline = Span::minutes(1);
        config.server.request_timeout = Span::minutes(1);
        // Slow enough to fill the queue.
        config.login.bcrypt_cost = 10;
    });
    app.make_user("ann", Role::ADMIN).await;
    let ann: Value = json!({"username": "ann@example.org", "password": password_of("ann")});
    let log_in = || app.anonymous().post("/auth/login", ann.clone());
    let known = log_in().await.assert(200, "LOGGED_IN");
    let device = known.header("x-device-token").unwrap().to_owned();
    let browser = app.browser();
    browser.sign_in("ann").await;
    let flood = join_all((0..40).map(|number| flood(&app, number)));
    let honest = async {
        for _ in 0..5 {
            let known = log_in().header("x-device-token", &device).await;
            known.assert(200, "LOGGED_IN");
            let other = log_in().header("x-forwarded-for", "192.0.2.1").await;
            other.assert(200, "LOGGED_IN");
            browser.sign_in("ann").await;
        }
    };
    tokio::select! {
        _ = flood => unreachable!("the flood does not end"),
        () = honest => {}
    }
}

#[tokio::test]
async fn filling_the_hashing_queue_locks_the_address() {
    let app = App::with(|config| {
        config.limits.failures_per_address = 30;
        config.login.hash_queue = 1;
        config.login.bcrypt_cost = 10;
    });
    let calls = (0..100).map(|number| {
        let name = format!("unknown-{number}@example.org");
        let body = json!({"username": name, "password": "a wrong password"});
        let app = &app;
        async move { app.anonymous().post("/auth/login", body).await.status }
    });
    let statuses = join_all(calls).await;
    assert!(statuses.contains(&503), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    let names = "SELECT COUNT(*) AS number FROM rate_limits WHERE user_type IS NOT NULL";
    let compared = statuses.iter().filter(|status| **status == 401).count();
    assert_eq!(app.number(names).await, i64::try_from(compared).unwrap());
}

#[tokio::test]
async fn a_full_hashing_queue_counts_for_no_known_device_and_no_authenticated_caller() {
    let app = App::with(|config| {
        config.limits.failures = 100;
        config.login.hash_queue = 1;
        config.login.bcrypt_cost = 10;
    });
    let ann = app.user("ann").await;
    let body = json!({"username": "ann@example.org", "password": ann.password});
    let log_in = || app.anonymous().post("/auth/login", body.clone());
    let known = log_in().await.assert(200, "LOGGED_IN");
    let device = known.header("x-device-token").unwrap();
    let logins = (0..20).map(|_| log_in().header("x-device-token", device).into_future());
    // The new password is too short: nothing is changed.
    let body = json!({"current_password": ann.password, "new_password": "short"});
    let change = || app.anonymous().post("/auth/password", body.clone());
    let changes = (0..20).map(|_| change().bearer(&ann.access).into_future());
    for answers in [join_all(logins).await, join_all(changes).await] {
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert!(statuses.contains(&503), "{statuses:?}");
        assert!(!statuses.contains(&429), "{statuses:?}");
    }
    let counted = "SELECT COUNT(*) AS number FROM rate_limits";
    assert_eq!(app.number(counted).await, 0);
}

#[tokio::test]
async fn refused_refresh_tokens_are_limited() {
    let app = App::with(|config| config.tokens.recover_lost_answer = false);
    let ann = app.user("ann").await;
    let bob = app.user("bob").await;
    let next = ann.refreshed().await;
    app.advance(Duration::from_mins(1));
    let refresh = |token: &str| app.anonymous().refresh(token);
    refresh(&ann.refresh).await.assert(401, "TOKEN_REUSED");
    for _ in 0..10 {
        refresh(&next.refresh)
            .await
            .assert(401, "TOKEN_BLACKLISTED");
    }
    // Nothing is written for further ones; other tokens of the session are not affected.
    let refused = refresh(&next.refresh).await.assert(429, "RATE_LIMITED");
    assert_eq!(refused.header("retry-after"), Some("60"));
    for _ in 0..9 {
        refresh(&ann.refresh).await.assert(401, "TOKEN_BLACKLISTED");
    }
    refresh(&ann.refresh).await.assert(429, "RATE_LIMITED");
    bob.refreshed().await;
    app.advance(Duration::from_mins(1));
    refresh(&next.refresh)
        .await
        .assert(401, "TOKEN_BLACKLISTED");
    // Those of an inactive or deleted account, too.
    app.execute("UPDATE users SET is_active = FALSE WHERE id = 2")
        .await;
    for _ in 0..10 {
        refresh(&bob.refresh).await.assert(401, "USER_INACTIVE");
    }
    refresh(&bob.refresh).await.assert(429, "RATE_LIMITED");
}
