//! Passkeys with Chromium's virtual authenticator: adding, signing in, removing, the wrong address, no JavaScript.

use std::net::TcpListener;

use serde_json::json;

use super::setting::{ROOT, Setting, Stage};
use crate::place::PASSWORD;

/// A port that was free a moment ago: the public URL contains it, so the system cannot choose it later.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A server at `http://localhost`, where browsers allow passkeys without https.
fn stage() -> Stage {
    let port = free_port();
    Stage::new()
        .with("MUNJIGI_SERVER__LISTEN", &format!("127.0.0.1:{port}"))
        .with(
            "MUNJIGI_SERVER__PUBLIC_URL",
            &format!("http://localhost:{port}"),
        )
        .at("localhost")
}

/// Plugs in an authenticator that verifies its user at once.
async fn plug_in(setting: &Setting) -> String {
    let browser = &setting.browser;
    browser.devtools("WebAuthn.enable", json!({})).await;
    let options = json!({
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
        "isUserVerified": true, "automaticPresenceSimulation": true,
    });
    let plugged = browser
        .devtools(
            "WebAuthn.addVirtualAuthenticator",
            json!({"options": options}),
        )
        .await;
    plugged["authenticatorId"].as_str().unwrap().to_owned()
}

/// Whether the user touches the authenticator when it asks.
async fn present(setting: &Setting, authenticator: &str, is_present: bool) {
    let options = json!({"authenticatorId": authenticator, "enabled": is_present});
    let command = "WebAuthn.setAutomaticPresenceSimulation";
    setting.browser.devtools(command, options).await;
}

async fn add(setting: &Setting, name: &str) {
    let browser = &setting.browser;
    browser.go("/admin/account/passkeys").await;
    browser.fill("name", name).await;
    browser.click("#new-passkey button.primary").await;
}

async fn sign_out(setting: &Setting) {
    let browser = &setting.browser;
    browser.go("/admin").await;
    browser.click(".side > .me form button").await;
    browser
        .until("the sign-in page", async || {
            browser.path().await == "/admin/login"
        })
        .await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_passkey_is_added_signs_in_without_a_password_and_is_removed() {
    for (language, title) in [("en", "Passkeys"), ("ko", "패스키")] {
        let setting = stage().speaking(language).set().await;
        setting.sign_in().await;
        let browser = &setting.browser;
        let authenticator = plug_in(&setting).await;
        add(&setting, "Work laptop 업무용").await;
        // It is the first second factor: the recovery codes are shown.
        browser.find("#codes-panel").await;
        browser.go("/admin/account/passkeys").await;
        browser.shows("h1", title).await;
        browser.shows("#passkeys .card", "Work laptop 업무용").await;
        // The same authenticator has one already.
        add(&setting, "again").await;
        browser.find("[data-note=registered]:not([hidden])").await;
        // Otherwise the suggestion in the field of the e-mail address is picked at once.
        present(&setting, &authenticator, false).await;
        sign_out(&setting).await;
        present(&setting, &authenticator, true).await;
        browser
            .click("form[data-passkey] button:not([disabled])")
            .await;
        browser
            .until("the panel", async || browser.path().await == "/admin")
            .await;
        browser.go("/admin/account/passkeys").await;
        browser.click("#passkeys .card a").await;
        browser.click("#danger a.danger").await;
        browser.click("#confirm button.danger").await;
        browser.find(".notice.is-ok").await;
        assert!(!browser.has("#passkeys").await);
        // The authenticator still has it, the server does not.
        let credentials = json!({"authenticatorId": authenticator});
        let kept = browser
            .devtools("WebAuthn.getCredentials", credentials)
            .await;
        assert_eq!(kept["credentials"].as_array().unwrap().len(), 1);
        let complaints = browser.complaints().await;
        assert!(complaints.is_empty(), "{complaints:?}");
        setting.end().await;
    }
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_passkey_is_the_second_factor_after_the_password() {
    for language in ["en", "ko"] {
        let setting = stage().speaking(language).set().await;
        setting.sign_in().await;
        let browser = &setting.browser;
        let authenticator = plug_in(&setting).await;
        add(&setting, "Key").await;
        browser.find("#codes-panel").await;
        // Without the authenticator's suggestion: it signs in by itself otherwise.
        present(&setting, &authenticator, false).await;
        sign_out(&setting).await;
        browser.fill("email", ROOT).await;
        browser.fill("password", PASSWORD).await;
        browser.send_form_with("password").await;
        browser
            .until("the second step", async || {
                browser
                    .path()
                    .await
                    .starts_with("/admin/login/second-factor")
            })
            .await;
        browser
            .find("form[data-passkey] button:not([disabled])")
            .await;
        present(&setting, &authenticator, true).await;
        browser
            .click("form[data-passkey] button:not([disabled])")
            .await;
        browser
            .until("the panel", async || browser.path().await == "/admin")
            .await;
        setting.end().await;
    }
}

#[tokio::test]
#[ignore = "tests/run"]
async fn who_must_have_a_second_factor_adds_a_passkey_at_the_login() {
    for language in ["en", "ko"] {
        let stage = stage().with("MUNJIGI_LOGIN__SECOND_FACTOR", "administrators");
        let setting = stage.speaking(language).set().await;
        let browser = &setting.browser;
        browser.go("/admin/login").await;
        plug_in(&setting).await;
        browser.fill("email", ROOT).await;
        browser.fill("password", PASSWORD).await;
        browser.send_form_with("password").await;
        browser
            .until("the set-up", async || {
                browser.path().await.starts_with("/admin/login/set-up")
            })
            .await;
        browser.fill("name", "Laptop 노트북").await;
        browser
            .click("form[data-passkey] button:not([disabled])")
            .await;
        browser.find("#codes").await;
        browser.click("a.button.primary").await;
        browser
            .until("the panel", async || browser.path().await == "/admin")
            .await;
        browser.go("/admin/account/passkeys").await;
        browser.shows("#passkeys .card", "Laptop 노트북").await;
        let complaints = browser.complaints().await;
        assert!(complaints.is_empty(), "{complaints:?}");
        setting.end().await;
    }
}

#[tokio::test]
#[ignore = "tests/run"]
async fn at_another_address_the_right_one_is_shown() {
    let setting = stage().at("127.0.0.1").set().await;
    let browser = &setting.browser;
    browser.go("/admin/login").await;
    browser
        .find("[data-note=origin]:not([hidden]) a[href^='http://localhost:']")
        .await;
    assert!(browser.has("form[data-passkey] button[disabled]").await);
    setting.end().await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn without_javascript_the_button_is_disabled_and_the_password_works() {
    let setting = stage().without_scripts().set().await;
    let browser = &setting.browser;
    browser.go("/admin/login").await;
    browser.find("[data-note=script]:not([hidden])").await;
    assert!(browser.has("form[data-passkey] button[disabled]").await);
    browser.sign_in(ROOT, PASSWORD).await;
    browser.go("/admin/account/passkeys").await;
    assert!(browser.has("form[data-passkey] button[disabled]").await);
    setting.end().await;
}
