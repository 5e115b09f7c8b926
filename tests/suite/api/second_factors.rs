//! Logins in two steps, and recovery codes.

use std::{future::IntoFuture, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    Answer, App, Person, claims_of,
    totp::{Totp, code_at},
};

pub(super) const STEP: &str = "/auth/login/second-factor";
pub(super) const WRONG: &str = "INVALID_SECOND_FACTOR";

/// The challenge of a login of this person.
pub(super) async fn challenge(person: &Person) -> String {
    let answer = person.log_in().await.assert(401, "SECOND_FACTOR_REQUIRED");
    answer.text_of("challenge_id")
}

pub(super) fn totp(challenge: &str, code: &str) -> Value {
    json!({"challenge_id": challenge, "method": "totp", "code": code})
}

fn recovery(challenge: &str, code: &str) -> Value {
    json!({"challenge_id": challenge, "method": "recovery_code", "code": code})
}

pub(super) async fn prove(app: &App, body: Value) -> Answer {
    app.anonymous().post(STEP, body).await
}

#[tokio::test]
async fn a_login_takes_two_steps_once_an_app_is_set_up() {
    let app = App::start();
    let ann = app.user("ann").await;
    let factor = Totp::of(&app, &ann).await;
    assert_eq!(factor.recovery_codes.len(), 10);
    let required = ann.log_in().await.assert(401, "SECOND_FACTOR_REQUIRED");
    assert_eq!(required["methods"], json!(["totp", "recovery_code"]));
    assert_eq!(required["expires_in"], 300);
    let id = required.text_of("challenge_id");
    let logged_in = prove(&app, totp(&id, &factor.code(&app))).await;
    let logged_in = logged_in.assert(200, "LOGGED_IN");
    assert!(logged_in.header("x-device-token").is_some());
    assert!(logged_in.data().get("recovery_codes").is_none());
    let ann = ann.with_pair(&logged_in);
    ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    // The challenge is used up.
    app.advance(Duration::from_secs(30));
    let again = prove(&app, totp(&id, &factor.code(&app))).await;
    again.assert(401, WRONG);
    let events =
        "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'second_factor_required'";
    assert_eq!(app.number(events).await, 1);
}

#[tokio::test]
async fn access_tokens_say_when_and_how_the_owner_logged_in() {
    let app = App::start();
    let ann = app.user("ann").await;
    let now = app.clock.now().unix_seconds();
    let claims = claims_of(&ann.access);
    assert_eq!(
        (&claims["amr"], &claims["auth_time"]),
        (&json!(["pwd"]), &json!(now))
    );
    let factor = Totp::of(&app, &ann).await;
    let id = challenge(&ann).await;
    let ann = ann.with_pair(&prove(&app, totp(&id, &factor.code(&app))).await);
    let expected = json!(["pwd", "otp", "mfa"]);
    app.advance(Duration::from_mins(20));
    let refreshed = ann.refreshed().await;
    for access in [&ann.access, &refreshed.access] {
        let claims = claims_of(access);
        assert_eq!(
            (&claims["amr"], &claims["auth_time"]),
            (&expected, &json!(now))
        );
    }
    assert!(claims_of(&ann.refresh).get("amr").is_none());
    // A retry of the same refresh.
    let retried = ann.refreshed().await;
    assert_eq!(claims_of(&retried.access)["amr"], expected);
    // A recovery code is a password that is valid once.
    let id = challenge(&ann).await;
    let logged_in = prove(&app, recovery(&id, &factor.recovery_codes[0])).await;
    let access = logged_in.assert(200, "LOGGED_IN").text_of("access");
    assert_eq!(claims_of(&access)["amr"], expected);
}

#[tokio::test]
async fn a_code_is_accepted_one_step_early_or_late_and_once() {
    let app = App::start();
    let ann = app.user("ann").await;
    let factor = Totp::of(&app, &ann).await;
    app.advance(Duration::from_mins(5));
    let now = app.clock.now();
    let at = |steps| code_at(&factor.secret, now, steps);
    let mut id = challenge(&ann).await;
    for steps in [-2, 2] {
        prove(&app, totp(&id, &at(steps))).await.assert(401, WRONG);
    }
    for steps in [-1, 0, 1] {
        prove(&app, totp(&id, &at(steps)))
            .await
            .assert(200, "LOGGED_IN");
        id = challenge(&ann).await;
        prove(&app, totp(&id, &at(steps))).await.assert(401, WRONG);
    }
    // An earlier one is not accepted after a later one.
    prove(&app, totp(&id, &at(0))).await.assert(401, WRONG);
}

#[tokio::test]
async fn one_code_at_the_same_time_logs_in_once() {
    let app = App::with(|config| config.limits.failures = 50);
    let other = app.another_instance();
    let ann = app.user("ann").await;
    let factor = Totp::of(&app, &ann).await;
    for code in [factor.code(&app), factor.recovery_codes[3].clone()] {
        let mut calls = Vec::new();
        for index in 0..4 {
            let id = challenge(&ann).await;
            let app = if index % 2 == 0 { &app } else { &other };
            let body = if code.len() == 6 {
                totp(&id, &code)
            } else {
                recovery(&id, &code)
            };
            calls.push(app.anonymous().post(STEP, body).into_future());
        }
        let mut statuses: Vec<u16> = join_all(calls)
            .await
            .iter()
            .map(|answer| answer.status)
            .collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401, 401, 401]);
    }
}

#[tokio::test]
async fn a_challenge_ends_after_five_attempts_or_five_minutes() {
    let app = App::with(|config| config.limits.failures = 50);
    let ann = app.user("ann").await;
    let factor = Totp::of(&app, &ann).await;
    let id = challenge(&ann).await;
    for _ in 0..5 {
        prove(&app, totp(&id, "000000")).await.assert(401, WRONG);
    }
    prove(&app, totp(&id, &factor.code(&app)))
        .await
        .assert(401, WRONG);
    let id = challenge(&ann).await;
    app.advance(Duration::from_mins(5));
    prove(&app, totp(&id, &factor.code(&app)))
        .await
        .assert(401, WRONG);
    let id = challenge(&ann).await;
    app.advance(Duration::from_secs(299));
    prove(&app, totp(&id, &factor.code(&app)))
        .await
        .assert(200, "LOGGED_IN");
}

#[tokio::test]
async fn wrong_codes_count_as_wrong_passwords_and_a_right_password_does_not_reset_them() {
    let app = App::start();
    let ann = app.user("ann").await;
    let factor = Totp::of(&app, &ann).await;
    for _ in 0..2 {
        let id = challenge(&ann).await;
        prove(&app, totp(&id, "000000")).await.assert(401, WRONG);
        prove(&app, recovery(&id, "aaaa-bbbb"))
            .await
            .assert(401, WRONG);
    }
    let id = challenge(&ann).await;
    prove(&app, totp(&id, "000000")).await.assert(401, WRONG);
    let code = factor.code(&app);
    prove(&app, totp(&id, &code))
        .await
        .assert(429, "RATE_LIMITED");
    ann.log_in().await.assert(429, "RATE_LIMITED");
    app.advance(Duration::from_mins(1));
    let id = challenge(&ann).await;
    let code = factor.code(&app);
    prove(&app, totp(&id, &code)).await.assert(200, "LOGGED_IN");
    // A complete login has reset the count.
    let id = challenge(&ann).await;
    for _ in 0..4 {
        prove(&app, totp(&id, "000000")).await.assert(401, WRONG);
    }
}

#[tokio::test]
async fn a_secret_that_no_challenge_has_is_counted_for_its_address() {
    let app = App::with(|config| config.limits.failures_per_address = 3);
    let invented = "A".repeat(43);
    for id in [invented.as_str(), "x", &invented] {
        prove(&app, totp(id, "123456")).await.assert(401, WRONG);
    }
    prove(&app, totp(&invented, "123456"))
        .await
        .assert(429, "RATE_LIMITED");
}

#[tokio::test]
async fn a_challenge_ends_with_a_new_password_and_with_the_account() {
    let app = App::start();
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let factor = Totp::of(&app, &ann).await;
    let id = challenge(&ann).await;
    let path = format!("/api/users/{}", ann.seq);
    let body = root.confirmed(json!({"password": "another passphrase, long enough"}));
    root.patch(&path, body).await.assert(200, "USER_UPDATED");
    prove(&app, totp(&id, &factor.code(&app)))
        .await
        .assert(401, WRONG);
    let mut ann = ann;
    ann.password = "another passphrase, long enough".to_owned();
    let id = challenge(&ann).await;
    root.patch(&path, json!({"is_active": false}))
        .await
        .assert(200, "USER_UPDATED");
    prove(&app, totp(&id, &factor.code(&app)))
        .await
        .assert(401, WRONG);
    root.delete(&path).await.assert(200, "USER_DELETED");
    for table in ["totp_factors", "recovery_codes", "second_factor_challenges"] {
        let rows = format!("SELECT COUNT(*) AS number FROM {table}");
        assert_eq!(app.number(&rows).await, 0, "{table}");
    }
}

#[tokio::test]
async fn recovery_codes_work_once_each_and_new_ones_replace_them() {
    let app = App::start();
    let ann = app.user("ann").await;
    let factor = Totp::of(&app, &ann).await;
    let typed = factor.recovery_codes[0].to_uppercase().replace('-', " ");
    let id = challenge(&ann).await;
    prove(&app, recovery(&id, &typed))
        .await
        .assert(200, "LOGGED_IN");
    let id = challenge(&ann).await;
    prove(&app, recovery(&id, &typed)).await.assert(401, WRONG);
    let shown = ann.get("/auth/second-factors").await;
    let shown = shown.assert(200, "SECOND_FACTORS");
    assert_eq!(shown["recovery_codes"], 9);
    let path = "/auth/second-factors/recovery-codes";
    let new = ann.call("POST", path).await.assert(200, "RECOVERY_CODES");
    prove(&app, recovery(&id, &factor.recovery_codes[1]))
        .await
        .assert(401, WRONG);
    let code = new["recovery_codes"][4].as_str().unwrap();
    prove(&app, recovery(&id, code))
        .await
        .assert(200, "LOGGED_IN");
    // Of another account.
    let eve = app.user("eve").await;
    Totp::of(&app, &eve).await;
    let id = challenge(&eve).await;
    let code = new["recovery_codes"][5].as_str().unwrap();
    prove(&app, recovery(&id, code)).await.assert(401, WRONG);
}

#[tokio::test]
async fn secrets_are_stored_encrypted_or_hashed() {
    let app = App::start();
    let ann = app.user("ann").await;
    let factor = Totp::of(&app, &ann).await;
    let stored = "SELECT COUNT(*) AS number FROM totp_factors WHERE sealed_secret LIKE";
    assert_eq!(
        app.number(&format!("{stored} '%{}%'", factor.secret)).await,
        0
    );
    for code in &factor.recovery_codes {
        let plain = code.replace('-', "");
        let stored = format!(
            "SELECT COUNT(*) AS number FROM recovery_codes WHERE code_hash LIKE '%{plain}%'"
        );
        assert_eq!(app.number(&stored).await, 0);
        let logged =
            format!("SELECT COUNT(*) AS number FROM audit_events WHERE changes LIKE '%{code}%'");
        assert_eq!(app.number(&logged).await, 0);
    }
}
