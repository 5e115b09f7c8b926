//! Passkeys as second factor: of a login with the API and of the sign-in to the panel, and as a new proof of a session's owner.

use std::time::Duration;

use munjigi::{config::Config, domain::account::Role, http::admin::paths};
use serde_json::{Value, json};

use super::api::{ORIGIN, PASSKEYS, add, with_passkeys};
use super::panel;
use crate::support::{Answer, App, Person, authenticator::Authenticator, claims_of};

/// A server, a user, and the authenticator of the user.
async fn scene() -> (App, Person, Authenticator) {
    scene_with(with_passkeys).await
}

async fn scene_with(settings: fn(&mut Config)) -> (App, Person, Authenticator) {
    let app = App::with(settings);
    let ann = app.user("ann").await;
    let mut authenticator = Authenticator::at(ORIGIN);
    authenticator.counter = 1;
    add(&ann, &mut authenticator, "Laptop").await;
    (app, ann, authenticator)
}

async fn first_step(person: &Person) -> Value {
    let answer = person.log_in().await;
    answer.assert(401, "SECOND_FACTOR_REQUIRED").body["data"].clone()
}

async fn second_step(app: &App, challenge: &Value, assertion: &Value) -> Answer {
    let body = json!({
        "challenge_id": challenge["challenge_id"], "method": "passkey", "assertion": assertion,
    });
    app.anonymous()
        .post("/auth/login/second-factor", body)
        .await
}

#[tokio::test]
async fn a_passkey_completes_a_login() {
    let (app, ann, mut authenticator) = scene().await;
    let challenge = first_step(&ann).await;
    assert_eq!(challenge["methods"], json!(["passkey", "recovery_code"]));
    let options = &challenge["passkey"];
    assert_eq!(options["rpId"], "auth.example.org");
    assert_eq!(options["userVerification"], "required");
    let allowed = options["allowCredentials"].as_array().unwrap();
    assert_eq!(allowed.len(), 1);
    let assertion = authenticator.assert(options);
    assert_eq!(allowed[0]["id"], assertion["id"]);
    let answer = second_step(&app, &challenge, &assertion).await;
    let ann = ann.with_pair(&answer.assert(200, "LOGGED_IN"));
    assert_eq!(claims_of(&ann.access)["amr"], json!(["pwd", "hwk", "mfa"]));
    let listed = ann.get(PASSKEYS).await.assert(200, "PASSKEY_LIST");
    assert!(listed.data()[0]["last_used_at"].is_string());
    let factors = ann.get("/auth/second-factors").await;
    assert_eq!(factors.assert(200, "SECOND_FACTORS").data()["passkeys"], 1);
    // Neither the challenge nor the assertion is accepted again.
    let again = second_step(&app, &challenge, &assertion).await;
    again.assert(401, "INVALID_SECOND_FACTOR");
    let other = first_step(&ann).await;
    let again = second_step(&app, &other, &assertion).await;
    again.assert(401, "INVALID_SECOND_FACTOR");
    // Without passkeys the password is enough again, and the recovery codes are gone.
    let id = listed.data()[0]["id"].as_str().unwrap();
    ann.delete(&format!("{PASSKEYS}/{id}"))
        .await
        .assert(200, "PASSKEY_REMOVED");
    ann.log_in().await.assert(200, "LOGGED_IN");
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM recovery_codes")
            .await,
        0
    );
}

#[tokio::test]
async fn a_wrong_assertion_uses_up_an_attempt() {
    // The account is not locked before the login has no attempts left.
    let scene = scene_with(|config| {
        with_passkeys(config);
        config.limits.failures = 6;
    });
    let (app, ann, mut authenticator) = scene.await;
    let mut of_bob = Authenticator::at(ORIGIN);
    add(&app.client("bob").await, &mut of_bob, "x").await;
    let challenge = first_step(&ann).await;
    let other = first_step(&ann).await;
    let refused = async |assertion: Value| {
        let answer = second_step(&app, &challenge, &assertion).await;
        answer.assert(401, "INVALID_SECOND_FACTOR");
    };
    // Another login's challenge, another origin, a copied passkey, another account's passkey.
    refused(authenticator.assert(&other["passkey"])).await;
    authenticator.origin = "https://evil.example".into();
    refused(authenticator.assert(&challenge["passkey"])).await;
    authenticator.origin = ORIGIN.into();
    authenticator.counter = 0;
    refused(authenticator.assert(&challenge["passkey"])).await;
    let events =
        "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'passkey_counter_refused'";
    assert_eq!(app.number(events).await, 1);
    refused(of_bob.assert(&challenge["passkey"])).await;
    // What is no assertion is no attempt.
    for (body, field) in [
        (json!({"method": "passkey", "assertion": {}}), "assertion"),
        (
            json!({"method": "passkey", "assertion": {"id": "AAAA"}}),
            "assertion",
        ),
        (json!({"method": "passkey", "code": "123456"}), "assertion"),
        (json!({"method": "totp", "assertion": {}}), "code"),
        (json!({"method": "passkey"}), "code"),
        (json!({"method": "fax", "code": "123456"}), "method"),
    ] {
        let mut body = body;
        body["challenge_id"] = challenge["challenge_id"].clone();
        let answer = app
            .anonymous()
            .post("/auth/login/second-factor", body)
            .await;
        let answer = answer.assert(400, "INVALID_REQUEST");
        assert_eq!(answer.wrong_fields(), [field].into());
    }
    // The fifth attempt is the last one.
    refused(of_bob.assert(&challenge["passkey"])).await;
    authenticator.counter = 9;
    refused(authenticator.assert(&challenge["passkey"])).await;
}

#[tokio::test]
async fn a_refused_assertion_leaves_the_challenge_open() {
    let (app, ann, mut authenticator) = scene().await;
    let mut of_bob = Authenticator::at(ORIGIN);
    let bob = app.client("bob").await;
    add(&bob, &mut of_bob, "x").await;
    let challenge = first_step(&ann).await;
    let foreign = of_bob.assert(&challenge["passkey"]);
    let refused = second_step(&app, &challenge, &foreign).await;
    refused.assert(401, "INVALID_SECOND_FACTOR");
    let counter = std::mem::replace(&mut authenticator.counter, 0);
    let copied = authenticator.assert(&challenge["passkey"]);
    authenticator.counter = counter;
    let refused = second_step(&app, &challenge, &copied).await;
    refused.assert(401, "INVALID_SECOND_FACTOR");
    let assertion = authenticator.assert(&challenge["passkey"]);
    let proved = second_step(&app, &challenge, &assertion).await;
    let ann = ann.with_pair(&proved.assert(200, "LOGGED_IN"));
    // The passkey of the other account was not used.
    let listed = bob.get(PASSKEYS).await.assert(200, "PASSKEY_LIST");
    assert_eq!(listed.data()[0]["last_used_at"], Value::Null);
    // The same holds for a new proof of the owner.
    app.advance(Duration::from_mins(6));
    let asked = ann
        .post(&format!("{PASSKEYS}/options"), json!({}))
        .await
        .assert(403, "REAUTHENTICATION_REQUIRED")
        .body["data"]
        .clone();
    for (assertion, status) in [
        (of_bob.assert(&asked["passkey"]), 400),
        (authenticator.assert(&asked["passkey"]), 200),
    ] {
        let body = json!({"assertion": assertion});
        let answer = ann.post("/auth/reauthenticate", body).await;
        answer.assert_status(status);
    }
}

#[tokio::test]
async fn one_assertion_completes_one_login_on_two_instances() {
    let (app, ann, mut authenticator) = scene().await;
    let other = app.another_instance();
    for _ in 0..5 {
        let challenge = first_step(&ann).await;
        let assertion = authenticator.assert(&challenge["passkey"]);
        let (one, two) = tokio::join!(
            second_step(&app, &challenge, &assertion),
            second_step(&other, &challenge, &assertion),
        );
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
    }
}

#[tokio::test]
async fn a_passkey_is_a_new_proof_of_the_owner_of_a_session() {
    let (app, ann, mut authenticator) = scene().await;
    app.advance(Duration::from_mins(6));
    let options = format!("{PASSKEYS}/options");
    let asked = ann.post(&options, json!({})).await;
    let asked = asked.assert(403, "REAUTHENTICATION_REQUIRED").body["data"].clone();
    assert_eq!(asked["methods"], json!(["passkey", "recovery_code"]));
    let reauthenticate = async |assertion: &Value| {
        ann.post("/auth/reauthenticate", json!({"assertion": assertion}))
            .await
    };
    // A challenge of a login is none of a session.
    let of_login = first_step(&ann).await;
    let wrong = authenticator.assert(&of_login["passkey"]);
    let wrong = reauthenticate(&wrong).await.assert(400, "INVALID_REQUEST");
    assert_eq!(wrong.wrong_fields(), ["assertion"].into());
    let assertion = authenticator.assert(&asked["passkey"]);
    reauthenticate(&assertion)
        .await
        .assert(200, "REAUTHENTICATED");
    reauthenticate(&assertion)
        .await
        .assert(400, "INVALID_REQUEST");
    ann.post(&options, json!({}))
        .await
        .assert(200, "PASSKEY_OPTIONS");
    // Adding and removing need it too.
    app.advance(Duration::from_mins(6));
    let id = ann.get(PASSKEYS).await.data()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let removed = ann.delete(&format!("{PASSKEYS}/{id}")).await;
    removed.assert(403, "REAUTHENTICATION_REQUIRED");
    let body = json!({"name": "x", "credential": {}});
    ann.post(PASSKEYS, body)
        .await
        .assert(403, "REAUTHENTICATION_REQUIRED");
}

#[tokio::test]
async fn a_passkey_completes_a_sign_in_to_the_panel() {
    let (app, own, mut authenticator) = panel::scene().await;
    let browser = app.browser();
    let password = crate::support::password_of("ann");
    let fields = [
        ("email", "ann@example.org"),
        ("password", password.as_str()),
        ("next", "/admin/users"),
    ];
    let answer = browser.post(paths::LOGIN, &fields).await.assert(303);
    let page = browser.open(answer.location()).await;
    assert_eq!(page.attr("form[data-passkey]", "data-origin"), ORIGIN);
    let asked = panel::options(&browser, paths::PASSKEY_STEP_OPTIONS).await;
    assert_eq!(asked["allowCredentials"].as_array().unwrap().len(), 1);
    let send = async |credential: &Value| {
        let credential = credential.to_string();
        let fields = [
            ("credential", credential.as_str()),
            ("next", "/admin/users"),
        ];
        browser.post(paths::PASSKEY_STEP, &fields).await
    };
    authenticator.flags = 1;
    let page = send(&authenticator.assert(&asked)).await.assert(422);
    assert!(page.has(".banner") && page.has("form[data-passkey]"));
    authenticator.flags = 5;
    let assertion = authenticator.assert(&asked);
    send(&assertion).await.leads_to("/admin/users");
    browser.open(paths::DASHBOARD).await;
    // Without the first step there is nothing to prove.
    app.browser()
        .post(paths::PASSKEY_STEP_OPTIONS, &[])
        .await
        .assert(404);
    drop(own);
}

#[tokio::test]
async fn a_passkey_is_the_proof_before_a_change_in_the_panel() {
    let (app, own, mut authenticator) = panel::scene().await;
    let path = own
        .open(paths::PASSKEYS)
        .await
        .attr("#passkeys .card a", "href");
    app.advance(Duration::from_mins(11));
    let remove = own.open(&path).await.attr("#danger a", "href");
    let page = own.open(&remove).await;
    assert!(page.has("#confirm button[data-proof]") && page.has("#current"));
    let page = own.post(&remove, &[]).await.assert(422);
    assert!(page.has("#current-error"));
    let asked = panel::options(&own, paths::PASSKEY_PROOF).await;
    let assertion = authenticator.assert(&asked).to_string();
    for wrong in ["{}", "x"] {
        let page = own
            .post(&remove, &[("current_passkey", wrong)])
            .await
            .assert(422);
        assert!(page.has("#current-error"));
    }
    let fields = [("current_passkey", assertion.as_str())];
    own.post(&remove, &fields).await.leads_to(paths::PASSKEYS);
    let left = "SELECT COUNT(*) AS number FROM passkeys";
    assert_eq!(app.number(left).await, 0);
}

#[tokio::test]
async fn an_administrator_removes_the_passkeys_of_another_account() {
    let (app, _, mut authenticator) = panel::scene().await;
    let root = app.signed_in("root", Role::ADMIN).await;
    let page = root.open("/admin/users/1").await;
    assert!(
        page.html.contains("/admin/users/1/second-factor"),
        "{}",
        page.html
    );
    root.post("/admin/users/1/second-factor", &[])
        .await
        .assert(303);
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM passkeys").await,
        0
    );
    panel::sign_in(&app.browser(), &mut authenticator)
        .await
        .assert(422);
}

#[tokio::test]
async fn an_administrator_with_a_passkey_has_a_second_factor() {
    let (_app, own, _) = panel::scene().await;
    let page = own.open(paths::SECURITY).await;
    assert!(page.html.contains("all who may enter the panel have one"));
    let page = own.open(paths::SECOND_FACTOR).await;
    assert!(page.html.contains("one passkey"));
}
