//! Passkeys in the panel: the page of one's own passkeys, and the sign-in without a password.

use munjigi::{domain::account::Role, http::admin::paths};
use serde_json::{Value, json};

use super::api::{ORIGIN, with_passkeys};
use crate::support::{App, Browser, Page, authenticator::Authenticator};

/// The options for a form of passkeys.
pub(super) async fn options(browser: &Browser, path: &str) -> Value {
    let page = browser.post(path, &[]).await.assert(200);
    serde_json::from_str(&page.html).unwrap()
}

async fn add(browser: &Browser, authenticator: &mut Authenticator, name: &str) -> Page {
    let asked = options(browser, paths::PASSKEY_OPTIONS).await;
    let credential = authenticator.register(&asked).to_string();
    let fields = [("name", name), ("credential", credential.as_str())];
    browser.post(paths::PASSKEYS, &fields).await
}

async fn send(browser: &Browser, credential: &Value) -> Page {
    let credential = credential.to_string();
    let fields = [
        ("credential", credential.as_str()),
        ("next", "/admin/users"),
    ];
    browser.post(paths::PASSKEY_LOGIN, &fields).await
}

pub(super) async fn sign_in(browser: &Browser, authenticator: &mut Authenticator) -> Page {
    let asked = options(browser, paths::PASSKEY_LOGIN_OPTIONS).await;
    send(browser, &authenticator.assert(&asked)).await
}

/// A server, and the authenticator of its administrator `ann`.
pub(super) async fn scene() -> (App, Browser, Authenticator) {
    let app = App::with(with_passkeys);
    let browser = app.signed_in("ann", Role::ADMIN).await;
    let mut authenticator = Authenticator::at(ORIGIN);
    authenticator.counter = 5;
    let added = add(&browser, &mut authenticator, "Laptop").await;
    assert!([200, 303].contains(&added.status), "{}", added.html);
    (app, browser, authenticator)
}

#[tokio::test]
async fn a_passkey_signs_in_without_a_password_and_names_itself_in_the_audit_log() {
    let (app, own, mut authenticator) = scene().await;
    let browser = app.browser();
    let asked = options(&browser, paths::PASSKEY_LOGIN_OPTIONS).await;
    // It is not known who signs in.
    assert_eq!(asked["allowCredentials"], json!([]));
    assert_eq!(asked["userVerification"], "required");
    assert_eq!(asked["rpId"], "auth.example.org");
    let credential = authenticator.assert(&asked);
    send(&browser, &credential).await.leads_to("/admin/users");
    browser.open(paths::DASHBOARD).await;
    let log = browser.open(paths::AUDIT).await;
    let newest = log.texts("tbody tr:first-child");
    assert!(newest[0].contains("ann@example.org"), "{newest:?}");
    let signed_in = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'signed_in' AND changes LIKE '%passkey%'";
    assert_eq!(app.number(signed_in).await, 1);
    let page = own.open(paths::PASSKEYS).await;
    assert!(page.text("#passkeys .card").contains("Laptop"));
    assert_eq!(page.count("#passkeys .card time"), 2);
    // The answer is used: neither this browser nor another one can send it again.
    for browser in [app.browser(), browser] {
        send(&browser, &credential).await.assert(422);
    }
}

#[tokio::test]
async fn a_refused_passkey_signs_nobody_in() {
    let (app, own, mut authenticator) = scene().await;
    let browser = app.browser();
    let refused = async |credential: Value| {
        let page = send(&browser, &credential).await.assert(422);
        assert!(
            page.text(".banner").contains("not accepted"),
            "{}",
            page.html
        );
    };
    let asked = async || options(&browser, paths::PASSKEY_LOGIN_OPTIONS).await;
    refused(json!({})).await;
    refused(json!("x")).await;
    // The challenge of another browser, of another purpose, and an invented one.
    let of_other = options(&app.browser(), paths::PASSKEY_LOGIN_OPTIONS).await;
    refused(authenticator.assert(&of_other)).await;
    let registration = options(&own, paths::PASSKEY_OPTIONS).await;
    refused(authenticator.assert(&registration)).await;
    refused(authenticator.assert(&json!({"challenge": "AAAA"}))).await;
    // A passkey that nobody has.
    let mut unknown = Authenticator::at(ORIGIN);
    unknown.user_handle.clone_from(&authenticator.user_handle);
    refused(unknown.assert(&asked().await)).await;
    // Without a user handle, or with another one.
    let handle = authenticator.user_handle.take();
    refused(authenticator.assert(&asked().await)).await;
    authenticator.user_handle = Some("aGFuZGxl".into());
    refused(authenticator.assert(&asked().await)).await;
    authenticator.user_handle = handle;
    // Another origin, and an unverified user.
    authenticator.origin = "https://evil.example".into();
    refused(authenticator.assert(&asked().await)).await;
    authenticator.origin = ORIGIN.into();
    authenticator.flags = 1;
    refused(authenticator.assert(&asked().await)).await;
    authenticator.flags = 5;
    // Too late.
    let late = authenticator.assert(&asked().await);
    app.advance(std::time::Duration::from_mins(5));
    refused(late).await;
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM browser_sessions")
            .await,
        1
    );
    // The account is not locked by any of this.
    sign_in(&browser, &mut authenticator)
        .await
        .leads_to("/admin/users");
}

#[tokio::test]
async fn a_counter_that_does_not_increase_is_refused_and_recorded() {
    let (app, _, mut authenticator) = scene().await;
    let browser = app.browser();
    sign_in(&browser, &mut authenticator)
        .await
        .leads_to("/admin/users");
    for counter in [1, 5] {
        // The counter is increased by the assertion: to less than, and exactly, the stored one.
        authenticator.counter = counter;
        sign_in(&app.browser(), &mut authenticator)
            .await
            .assert(422);
    }
    authenticator.counter = 0;
    sign_in(&app.browser(), &mut authenticator)
        .await
        .assert(422);
    let events =
        "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'passkey_counter_refused'";
    assert_eq!(app.number(events).await, 3);
    let log = browser
        .open(&format!("{}?action=passkey_counter_refused", paths::AUDIT))
        .await;
    assert!(log.text("tbody").contains("possible copy"));
    // With a higher counter it works again.
    authenticator.counter = 100;
    sign_in(&app.browser(), &mut authenticator)
        .await
        .leads_to("/admin/users");
}

#[tokio::test]
async fn inactive_accounts_and_roles_without_the_panel_are_refused() {
    let (app, _, mut authenticator) = scene().await;
    app.execute("UPDATE users SET is_active = FALSE").await;
    sign_in(&app.browser(), &mut authenticator)
        .await
        .assert(422);
    app.execute("UPDATE users SET is_active = TRUE, role = 'staff'")
        .await;
    let page = sign_in(&app.browser(), &mut authenticator)
        .await
        .assert(403);
    assert!(page.text(".banner").contains("role"));
    // The passkey of a client.
    let acme = app.client("acme").await;
    let mut of_client = Authenticator::at(ORIGIN);
    super::api::add(&acme, &mut of_client, "x").await;
    sign_in(&app.browser(), &mut of_client).await.assert(403);
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM browser_sessions")
            .await,
        1
    );
}

#[tokio::test]
async fn refused_passkeys_count_for_their_address_alone() {
    let app = App::with(|config| {
        with_passkeys(config);
        config.limits.failures_per_address = 3;
    });
    let own = app.signed_in("ann", Role::ADMIN).await;
    let mut authenticator = Authenticator::at(ORIGIN);
    add(&own, &mut authenticator, "x").await;
    let browser = app.browser();
    for _ in 0..3 {
        send(&browser, &json!({})).await.assert(422);
    }
    let page = sign_in(&browser, &mut authenticator).await.assert(429);
    assert!(page.header("retry-after").is_some());
    let locks = "SELECT COUNT(*) AS number FROM rate_limits WHERE user_type IS NOT NULL AND locked_until IS NOT NULL";
    assert_eq!(app.number(locks).await, 0);
}

#[tokio::test]
async fn one_answer_signs_in_once_on_two_instances() {
    let (app, _, mut authenticator) = scene().await;
    let other = app.another_instance();
    for _ in 0..5 {
        let browser = app.browser();
        let asked = options(&browser, paths::PASSKEY_LOGIN_OPTIONS).await;
        let credential = authenticator.assert(&asked);
        let elsewhere = other.browser();
        for name in ["__Host-munjigi_visitor"] {
            if let Some(value) = browser.cookie(name) {
                elsewhere.set_cookie(name, &value);
            }
        }
        let (one, two) = tokio::join!(send(&browser, &credential), send(&elsewhere, &credential));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 422]);
    }
}

#[tokio::test]
async fn own_passkeys_are_listed_renamed_and_removed() {
    let (app, own, _) = scene().await;
    let page = own.open(paths::PASSKEYS).await;
    let path = page.attr("#passkeys .card a", "href");
    let shown = own.open(&path).await;
    assert_eq!(shown.attr("#name", "value"), "Laptop");
    let long = "가".repeat(65);
    for wrong in ["", " ", "a\0b", long.as_str()] {
        let page = own.post(&path, &[("name", wrong)]).await.assert(422);
        assert!(page.has("#name-error"), "{wrong:?}");
    }
    own.post(&path, &[("name", "<b>책상 👩‍💻</b>")])
        .await
        .leads_to(paths::PASSKEYS);
    let page = own.open(paths::PASSKEYS).await;
    assert_eq!(page.texts("#passkeys .card b"), ["<b>책상 👩‍💻</b>"]);
    let bob = app.signed_in("bob", Role::AUDITOR).await;
    bob.get(&path).await.assert(404);
    bob.post(&path, &[("name", "x")]).await.assert(404);
    let remove = shown.attr("#danger a", "href");
    bob.get(&remove).await.assert(404);
    bob.post(&remove, &[]).await.assert(404);
    assert_eq!(own.open(&remove).await.text("h2"), "<b>책상 👩‍💻</b>");
    own.post(&remove, &[]).await.leads_to(paths::PASSKEYS);
    assert!(!own.open(paths::PASSKEYS).await.has("#passkeys"));
    // Without JavaScript no passkey is sent.
    let page = own
        .post(paths::PASSKEYS, &[("name", "x")])
        .await
        .assert(422);
    assert!(page.has(".banner"));
}

#[tokio::test]
async fn pages_say_why_there_are_no_passkeys() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    let page = browser.open(paths::PASSKEYS).await;
    assert!(page.text("#new-passkey").contains("server.public_url"));
    assert!(
        !app.browser()
            .open(paths::LOGIN)
            .await
            .has("form[data-passkey]")
    );
    for path in [paths::PASSKEY_LOGIN_OPTIONS, paths::PASSKEY_LOGIN] {
        app.browser().post(path, &[]).await.assert(404);
    }
    browser.post(paths::PASSKEY_OPTIONS, &[]).await.assert(404);
    let app = App::with(with_passkeys);
    let page = app.browser().open(paths::LOGIN).await;
    assert_eq!(page.attr("form[data-passkey]", "data-origin"), ORIGIN);
    assert_eq!(page.attr("#email", "autocomplete"), "username webauthn");
}
