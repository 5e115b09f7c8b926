//! Second factors: setting them up, logins in two steps, recovery codes, and the proofs that changes need.

use std::{future::IntoFuture, time::Duration};

use futures_util::future::join_all;
use munjigi::{
    config::{OtpDelivery, SecondFactorDuty},
    domain::account::Role,
};
use serde_json::{Value, json};

use crate::support::{
    Answer, App, Person, claims_of, password_of,
    totp::{Totp, code_at},
};

const STEP: &str = "/auth/login/second-factor";
const WRONG: &str = "INVALID_SECOND_FACTOR";

/// The challenge of a login of this person.
async fn challenge(person: &Person) -> String {
    let answer = person.log_in().await.assert(401, "SECOND_FACTOR_REQUIRED");
    answer.text_of("challenge_id")
}

fn totp(challenge: &str, code: &str) -> Value {
    json!({"challenge_id": challenge, "method": "totp", "code": code})
}

fn recovery(challenge: &str, code: &str) -> Value {
    json!({"challenge_id": challenge, "method": "recovery_code", "code": code})
}

async fn prove(app: &App, body: Value) -> Answer {
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

#[tokio::test]
async fn changes_of_second_factors_need_a_proof_of_the_last_five_minutes() {
    let app = App::start();
    let ann = app.user("ann").await;
    app.advance(Duration::from_mins(5));
    let begin = async || ann.call("POST", "/auth/second-factors/totp").await;
    let refused = begin().await.assert(403, "REAUTHENTICATION_REQUIRED");
    assert_eq!(refused["methods"], json!(["password"]));
    let path = "/auth/reauthenticate";
    let wrong = ann
        .post(path, json!({"password": "not the password"}))
        .await;
    let wrong = wrong.assert(400, "INVALID_REQUEST");
    assert_eq!(
        wrong.error("password"),
        "The current password is incorrect."
    );
    begin().await.assert(403, "REAUTHENTICATION_REQUIRED");
    let proof = json!({"password": ann.password});
    ann.post(path, proof.clone())
        .await
        .assert(200, "REAUTHENTICATED");
    let factor = Totp::of(&app, &ann).await;
    // Only this session was proved again.
    let refreshed = ann.refreshed().await;
    let claims = claims_of(&refreshed.access);
    assert_eq!(claims["auth_time"], app.clock.now().unix_seconds());
    app.advance(Duration::from_mins(5));
    let remove = async || ann.delete("/auth/second-factors/totp").await;
    let refused = remove().await.assert(403, "REAUTHENTICATION_REQUIRED");
    assert_eq!(refused["methods"], json!(["totp", "recovery_code"]));
    // The password is not enough any more.
    ann.post(path, proof)
        .await
        .assert(403, "REAUTHENTICATION_REQUIRED");
    let wrong = ann.post(path, json!({"code": "000000"})).await;
    assert_eq!(wrong.assert_status(400).wrong_fields(), ["code"].into());
    let code = factor.code(&app);
    ann.post(path, json!({"code": code}))
        .await
        .assert(200, "REAUTHENTICATED");
    let again = ann.post(path, json!({"code": code})).await;
    again.assert(400, "INVALID_REQUEST");
    let claims = claims_of(&refreshed.refreshed().await.access);
    assert_eq!(claims["amr"], json!(["pwd", "otp", "mfa"]));
    remove().await.assert(200, "SECOND_FACTOR_REMOVED");
    remove().await.assert(404, "SECOND_FACTOR_NOT_FOUND");
    ann.again().await;
}

#[tokio::test]
async fn an_app_is_confirmed_by_its_code_and_set_up_once() {
    let app = App::start();
    let ann = app.user("ann").await;
    let confirm = "/auth/second-factors/totp/confirm";
    let nothing = ann.post(confirm, json!({"code": "123456"})).await;
    nothing.assert(404, "SECOND_FACTOR_NOT_FOUND");
    let first = ann.call("POST", "/auth/second-factors/totp").await;
    let first = first.assert(200, "TOTP_BEGUN").text_of("secret");
    assert_eq!(first.len(), 32);
    let begun = ann.call("POST", "/auth/second-factors/totp").await;
    let secret = begun.text_of("secret");
    let (uri, svg) = (begun.text_of("uri"), begun.text_of("qr_svg"));
    assert!(
        uri.starts_with(&format!(
            "otpauth://totp/munjigi:ann%40example.org?secret={secret}"
        )),
        "{uri}"
    );
    assert!(svg.starts_with("<svg ") && !svg.contains("script"), "{svg}");
    for code in ["000000", &code_at(&first, app.clock.now(), 0)] {
        let wrong = ann.post(confirm, json!({"code": code})).await;
        assert_eq!(wrong.assert_status(400).wrong_fields(), ["code"].into());
    }
    // Before it is confirmed it is not asked for.
    ann.again().await;
    let code = code_at(&secret, app.clock.now(), 0);
    let added = ann.post(confirm, json!({"code": code})).await;
    added.assert(200, "SECOND_FACTOR_ADDED");
    let id = challenge(&ann).await;
    prove(&app, totp(&id, &code)).await.assert(401, WRONG);
    let again = ann.call("POST", "/auth/second-factors/totp").await;
    again.assert(409, "SECOND_FACTOR_EXISTS");
    let again = ann.post(confirm, json!({"code": code})).await;
    again.assert(409, "SECOND_FACTOR_EXISTS");
}

/// Whether the login of a person leads to setting a second factor up.
async fn must_set_up(person: &Person) -> bool {
    let answer = person.log_in().await;
    match answer.code() {
        "LOGGED_IN" => false,
        "SECOND_FACTOR_SETUP_REQUIRED" => true,
        _ => panic!("{}", answer.text),
    }
}

#[tokio::test]
async fn the_duty_is_for_nobody_for_the_panel_or_for_all() {
    let mut app = App::start();
    let people = [
        app.admin("root").await,
        app.internal("audrey", Role::AUDITOR).await,
        app.user("ann").await,
        app.client("acme").await,
    ];
    for (duty, expected) in [
        (SecondFactorDuty::Optional, [false; 4]),
        (SecondFactorDuty::Administrators, [true, true, false, false]),
        (SecondFactorDuty::All, [true; 4]),
    ] {
        app = app.restarted_with(|config| config.login.second_factor = duty);
        for (person, expected) in people.iter().zip(expected) {
            assert_eq!(
                must_set_up(&person.at(&app)).await,
                expected,
                "{duty:?} {}",
                person.login
            );
        }
    }
}

#[tokio::test]
async fn who_must_have_a_second_factor_sets_it_up_at_the_next_login() {
    let app = App::with(|config| config.login.second_factor = SecondFactorDuty::All);
    app.make_user("ann", Role::STAFF).await;
    let credentials = json!({"username": "ann@example.org", "password": password_of("ann")});
    let anonymous = app.anonymous();
    let required = anonymous.post("/auth/login", credentials.clone()).await;
    let required = required.assert(403, "SECOND_FACTOR_SETUP_REQUIRED");
    assert_eq!(required["methods"], json!(["totp"]));
    let id = required.text_of("challenge_id");
    // The challenge proves nothing by itself, and gives no other access.
    prove(&app, totp(&id, "123456")).await.assert(401, WRONG);
    let bearer = anonymous.get("/api/me").bearer(&id).await;
    bearer.assert(401, "INVALID_TOKEN");
    let confirm = format!("{STEP}/totp/confirm");
    let early = json!({"challenge_id": id, "code": "123456"});
    anonymous
        .post(&confirm, early)
        .await
        .assert(404, "SECOND_FACTOR_NOT_FOUND");
    let begun = anonymous
        .post(&format!("{STEP}/totp"), json!({"challenge_id": id}))
        .await;
    let secret = begun.assert(200, "TOTP_BEGUN").text_of("secret");
    let wrong = json!({"challenge_id": id, "code": "000000"});
    let wrong = anonymous.post(&confirm, wrong).await;
    assert_eq!(wrong.assert_status(400).wrong_fields(), ["code"].into());
    let code = code_at(&secret, app.clock.now(), 0);
    let body = json!({"challenge_id": id, "code": code});
    let logged_in = anonymous
        .post(&confirm, body.clone())
        .await
        .assert(200, "LOGGED_IN");
    assert_eq!(logged_in["recovery_codes"].as_array().unwrap().len(), 10);
    let access = logged_in.text_of("access");
    assert_eq!(claims_of(&access)["amr"], json!(["pwd", "otp", "mfa"]));
    anonymous.post(&confirm, body).await.assert(401, WRONG);
    let next = anonymous.post("/auth/login", credentials).await;
    next.assert(401, "SECOND_FACTOR_REQUIRED");
}

#[tokio::test]
async fn a_one_time_code_of_a_client_with_a_second_factor_is_the_first_step() {
    let app = App::with_gateway(|config| {
        config.otp.delivery = OtpDelivery::Webhook;
        config.login.second_factor = SecondFactorDuty::All;
    });
    app.make_client("acme").await;
    let anonymous = app.anonymous();
    let request = async || {
        let sent = anonymous
            .post("/clients/otp/request", json!({"username": "acme"}))
            .await;
        sent.assert(200, "OTP_SENT").text_of("challenge_id")
    };
    let verify = async |id: String, code: &str| {
        let body = json!({"challenge_id": id, "code": code});
        anonymous.post("/clients/otp/verify", body).await
    };
    // The duty is one of passwords: possession of the mailbox is proved.
    let id = request().await;
    let code = app.codes(1).await.pop().unwrap();
    let logged_in = verify(id, &code).await.assert(200, "LOGGED_IN");
    assert_eq!(
        claims_of(&logged_in.text_of("access"))["amr"],
        json!(["otp"])
    );
    let begin = anonymous.call("POST", "/auth/second-factors/totp");
    let begun = begin.bearer(&logged_in.text_of("access")).await;
    let secret = begun.assert(200, "TOTP_BEGUN").text_of("secret");
    let confirm = anonymous.post(
        "/auth/second-factors/totp/confirm",
        json!({"code": code_at(&secret, app.clock.now(), 0)}),
    );
    let confirm = confirm.bearer(&logged_in.text_of("access")).await;
    confirm.assert(200, "SECOND_FACTOR_ADDED");
    app.advance(Duration::from_mins(2));
    let id = request().await;
    let code = app.codes(2).await.pop().unwrap();
    let required = verify(id.clone(), &code)
        .await
        .assert(401, "SECOND_FACTOR_REQUIRED");
    verify(id, &code).await.assert(401, "INVALID_OTP");
    let body = totp(
        &required.text_of("challenge_id"),
        &code_at(&secret, app.clock.now(), 0),
    );
    let logged_in = prove(&app, body).await.assert(200, "LOGGED_IN");
    assert_eq!(
        claims_of(&logged_in.text_of("access"))["amr"],
        json!(["otp", "mfa"])
    );
}

#[tokio::test]
async fn the_routes_of_simplejwt_refuse_accounts_with_a_second_factor() {
    let app = App::with(|config| config.simplejwt.enabled = true);
    let ann = app.user("ann").await;
    Totp::of(&app, &ann).await;
    let body = json!({"email": ann.login, "username": ann.login, "password": ann.password});
    let refused = app.anonymous().post("/api/token/", body).await;
    let refused = refused.assert_status(401);
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("second factor"), "{detail}");
}

#[tokio::test]
async fn the_refresh_token_is_in_the_cookie_where_the_second_step_asks_for_it() {
    let app = App::with(|config| config.tokens.transport = munjigi::config::Transport::Both);
    let ann = app.user("ann").await;
    let factor = Totp::of(&app, &ann).await;
    let mut body = totp(&challenge(&ann).await, &factor.code(&app));
    body["transport"] = "cookie".into();
    let answer = prove(&app, body).await.assert(200, "LOGGED_IN");
    assert!(answer.data().get("refresh").is_none());
    let cookies = answer.headers.get_all("set-cookie").iter();
    assert!(
        cookies
            .into_iter()
            .any(|one| one.to_str().unwrap().contains("refresh"))
    );
}
