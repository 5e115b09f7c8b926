//! Passkeys that are set up during a login, by accounts that must have a second factor.

use munjigi::{
    config::{Config, SecondFactorDuty},
    domain::account::Role,
    http::admin::paths,
};
use serde_json::{Value, json};

use super::api::{ORIGIN, PASSKEYS, add, with_passkeys};
use super::panel;
use crate::support::{
    Answer, App, Browser, Person, authenticator::Authenticator, claims_of, password_of,
    totp::code_at,
};

const STEP: &str = "/auth/login/second-factor";

fn with_duty(config: &mut Config) {
    with_passkeys(config);
    config.login.second_factor = SecondFactorDuty::All;
}

/// An account that must have a second factor and has none, with a session from before.
async fn scene() -> (App, Person) {
    let app = App::with(with_passkeys);
    let ann = app.user("ann").await;
    let app = app.restarted_with(with_duty);
    let ann = ann.at(&app);
    (app, ann)
}

async fn challenge(person: &Person) -> Value {
    let required = person.log_in().await;
    let required = required.assert(403, "SECOND_FACTOR_SETUP_REQUIRED");
    required.body["data"]["challenge_id"].clone()
}

async fn options(app: &App, challenge: &Value) -> Answer {
    let body = json!({"challenge_id": challenge});
    let path = format!("{STEP}/passkeys/options");
    app.anonymous().post(&path, body).await
}

async fn set_up(app: &App, challenge: &Value, credential: &Value) -> Answer {
    let body = json!({"challenge_id": challenge, "name": "Laptop", "credential": credential});
    let path = format!("{STEP}/passkeys");
    app.anonymous().post(&path, body).await
}

#[tokio::test]
async fn a_passkey_is_set_up_during_a_login() {
    let (app, ann) = scene().await;
    let required = ann.log_in().await;
    let required = required.assert(403, "SECOND_FACTOR_SETUP_REQUIRED");
    assert_eq!(required["methods"], json!(["totp", "passkey"]));
    let id = required["challenge_id"].clone();
    let asked = options(&app, &id).await.assert(200, "PASSKEY_OPTIONS");
    assert_eq!(asked["user"]["name"], "ann@example.org");
    let mut authenticator = Authenticator::at(ORIGIN);
    authenticator.origin = "https://evil.example".into();
    let wrong = authenticator.register(asked.data());
    let wrong = set_up(&app, &id, &wrong).await;
    let wrong = wrong.assert(400, "INVALID_REQUEST");
    assert_eq!(wrong.wrong_fields(), ["credential"].into());
    authenticator.origin = ORIGIN.into();
    let credential = authenticator.register(asked.data());
    let logged_in = set_up(&app, &id, &credential).await;
    let logged_in = logged_in.assert(200, "LOGGED_IN");
    assert_eq!(logged_in["recovery_codes"].as_array().unwrap().len(), 10);
    let access = logged_in.text_of("access");
    assert_eq!(claims_of(&access)["amr"], json!(["pwd", "hwk", "mfa"]));
    // The challenge is used up, and the passkey is asked for from now on.
    set_up(&app, &id, &credential)
        .await
        .assert(401, "INVALID_SECOND_FACTOR");
    options(&app, &id)
        .await
        .assert(401, "INVALID_SECOND_FACTOR");
    let next = ann.log_in().await.assert(401, "SECOND_FACTOR_REQUIRED");
    assert_eq!(next["methods"], json!(["passkey", "recovery_code"]));
}

#[tokio::test]
async fn a_set_up_that_was_begun_before_another_one_adds_no_second_way_in() {
    for first in ["totp", "passkey"] {
        let (app, ann) = scene().await;
        let anonymous = app.anonymous();
        let id = challenge(&ann).await;
        let asked = options(&app, &id).await.assert(200, "PASSKEY_OPTIONS");
        let fields = json!({"challenge_id": id});
        let begun = anonymous.post(&format!("{STEP}/totp"), fields).await;
        let secret = begun.assert(200, "TOTP_BEGUN").text_of("secret");
        // Meanwhile the owner sets a factor up in a session.
        if first == "totp" {
            crate::support::totp::Totp::of(&app, &ann).await;
        } else {
            add(&ann, &mut Authenticator::at(ORIGIN), "Phone").await;
        }
        let credential = Authenticator::at(ORIGIN).register(asked.data());
        set_up(&app, &id, &credential)
            .await
            .assert(409, "SECOND_FACTOR_EXISTS");
        let code = code_at(&secret, app.clock.now(), 0);
        let confirm = json!({"challenge_id": id, "code": code});
        let confirmed = anonymous
            .post(&format!("{STEP}/totp/confirm"), confirm)
            .await;
        confirmed.assert(409, "SECOND_FACTOR_EXISTS");
        let listed = ann.get(PASSKEYS).await.assert(200, "PASSKEY_LIST");
        let expected = usize::from(first == "passkey");
        assert_eq!(listed.data().as_array().unwrap().len(), expected);
    }
}

#[tokio::test]
async fn without_an_address_for_passkeys_only_an_app_can_be_set_up() {
    let app = App::with(|config| config.login.second_factor = SecondFactorDuty::All);
    app.make_user("ann", Role::STAFF).await;
    let credentials = json!({"username": "ann@example.org", "password": password_of("ann")});
    let required = app.anonymous().post("/auth/login", credentials).await;
    let required = required.assert(403, "SECOND_FACTOR_SETUP_REQUIRED");
    assert_eq!(required["methods"], json!(["totp"]));
    let id = &required["challenge_id"];
    options(&app, id).await.assert(404, "PASSKEYS_UNAVAILABLE");
    set_up(&app, id, &json!({}))
        .await
        .assert(404, "PASSKEYS_UNAVAILABLE");
}

/// Enters e-mail address and password, and opens the page of the set-up.
async fn first_step(browser: &Browser) -> crate::support::Page {
    let password = password_of("carol");
    let fields = [
        ("email", "carol@example.org"),
        ("password", password.as_str()),
        ("next", "/admin/users"),
    ];
    let page = browser.post(paths::LOGIN, &fields).await.assert(303);
    assert!(page.location().starts_with(paths::SET_UP_STEP));
    browser.open(page.location()).await
}

#[tokio::test]
async fn a_passkey_is_set_up_during_the_sign_in_to_the_panel() {
    let app = App::with(with_duty);
    app.make_user("carol", Role::AUDITOR).await;
    let browser = app.browser();
    // Without the first step there is nothing to set up.
    browser
        .post(paths::SET_UP_PASSKEY_OPTIONS, &[])
        .await
        .assert(404);
    let page = first_step(&browser).await;
    assert!(page.has("#secret") && page.has("form[data-passkey=create] button[disabled]"));
    let asked = panel::options(&browser, paths::SET_UP_PASSKEY_OPTIONS).await;
    let mut authenticator = Authenticator::at(ORIGIN);
    let credential = authenticator.register(&asked).to_string();
    let send = async |name: &str, credential: &str| {
        let fields = [
            ("name", name),
            ("credential", credential),
            ("next", "/admin/users"),
        ];
        browser.post(paths::SET_UP_PASSKEY, &fields).await
    };
    let page = send("", &credential).await.assert(422);
    assert!(page.has("#name-error") && page.has("#secret"));
    let page = send("Laptop", "").await.assert(422);
    assert!(page.has(".banner.is-danger"));
    assert_eq!(page.attr("input[name=name]", "value"), "Laptop");
    let page = send("Laptop", &credential).await.assert(200);
    assert_eq!(page.text("#codes").split_whitespace().count(), 10);
    assert_eq!(page.attr("a.button.primary", "href"), "/admin/users");
    browser.open(paths::DASHBOARD).await;
    // The address of a refused form leads back.
    let back = app.browser().get(paths::SET_UP_PASSKEY).await;
    back.leads_to(paths::SET_UP_STEP);
    panel::sign_in(&app.browser(), &mut authenticator)
        .await
        .leads_to("/admin/users");
}
