//! Setting second factors up, the proofs that changes need, and who must have a second factor.

use std::time::Duration;

use munjigi::{
    config::{OtpDelivery, SecondFactorDuty, Transport},
    domain::account::Role,
};
use serde_json::json;

use super::second_factors::{STEP, WRONG, challenge, prove, totp};
use crate::support::{
    App, Person, claims_of, password_of,
    totp::{Totp, code_at},
};

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
    let answer = begin.bearer(&logged_in.text_of("access")).await;
    let secret = answer.assert(200, "TOTP_BEGUN").text_of("secret");
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
    let app = App::with(|config| config.tokens.transport = Transport::Both);
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
