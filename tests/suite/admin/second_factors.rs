//! Second factors in the panel: the sign-in in two steps, the own account, and what an administrator does for others.

use std::time::Duration;

use munjigi::{config::SecondFactorDuty, domain::account::Role, http::admin::paths};

use crate::support::{
    App, Browser, Page, password_of,
    totp::{Totp, code_at},
};

const DASHBOARD: &str = "/admin";

/// Enters e-mail address and password.
async fn first_step(browser: &Browser, name: &str) -> Page {
    let (email, password) = (format!("{name}@example.org"), password_of(name));
    let fields = [
        ("email", email.as_str()),
        ("password", &password),
        ("next", "/admin/users"),
    ];
    browser.post(paths::LOGIN, &fields).await.assert(303)
}

async fn second_step(browser: &Browser, code: &str) -> Page {
    let fields = [("code", code), ("next", "/admin/users")];
    browser.post(paths::SECOND_STEP, &fields).await
}

/// Sets an app up in the panel; returns its secret and the recovery codes.
pub(super) async fn set_up(app: &App, browser: &Browser) -> Totp {
    browser.post(paths::TOTP, &[]).await.leads_to(paths::TOTP);
    let page = browser.open(paths::TOTP).await;
    assert!(page.has(".qr svg path"));
    let secret = page.text("#secret");
    let code = code_at(&secret, app.clock.now(), -1);
    let page = browser.post(paths::CONFIRM_TOTP, &[("code", &code)]).await;
    let page = page.assert(200);
    let codes = page.text("#codes");
    let recovery_codes: Vec<String> = codes.split_whitespace().map(str::to_owned).collect();
    assert_eq!(recovery_codes.len(), 10, "{codes}");
    Totp {
        secret,
        recovery_codes,
    }
}

#[tokio::test]
async fn a_sign_in_takes_two_steps_once_an_app_is_set_up() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let factor = set_up(&app, &root).await;
    let browser = app.browser();
    let page = first_step(&browser, "root").await;
    assert!(
        page.location().starts_with(paths::SECOND_STEP),
        "{}",
        page.location()
    );
    // The first step alone opens nothing.
    let dashboard = browser.get(DASHBOARD).await.assert(303);
    assert!(dashboard.location().starts_with(paths::LOGIN));
    let page = browser.open(page.location()).await;
    assert!(page.has("input[name=code][autocomplete=one-time-code]"));
    let page = second_step(&browser, "000000").await.assert(422);
    assert!(page.text(".banner.is-danger").contains("incorrect"));
    second_step(&browser, "").await.assert(422);
    second_step(&browser, &factor.code(&app))
        .await
        .leads_to("/admin/users");
    browser.open(DASHBOARD).await;
    // The challenge is used up.
    let again = second_step(&browser, &factor.code(&app)).await.assert(303);
    assert!(again.location().starts_with(paths::LOGIN));
    // A recovery code in place of the app.
    let browser = app.browser();
    first_step(&browser, "root").await;
    second_step(&browser, &factor.recovery_codes[0])
        .await
        .leads_to("/admin/users");
    let page = browser.open(paths::SECOND_FACTOR).await;
    assert!(page.text("main").contains("9 left"), "{}", page.html);
}

#[tokio::test]
async fn a_sign_in_ends_after_five_wrong_codes_or_five_minutes() {
    let app = App::with(|config| config.limits.failures = 50);
    let root = app.signed_in("root", Role::ADMIN).await;
    let factor = set_up(&app, &root).await;
    let browser = app.browser();
    first_step(&browser, "root").await;
    for _ in 0..5 {
        second_step(&browser, "000000").await.assert(422);
    }
    second_step(&browser, &factor.code(&app)).await.assert(422);
    first_step(&browser, "root").await;
    app.advance(Duration::from_mins(5));
    let expired = second_step(&browser, &factor.code(&app)).await.assert(303);
    assert!(expired.location().starts_with(paths::LOGIN));
    assert!(
        browser
            .open(expired.location())
            .await
            .text("body")
            .contains("expired")
    );
    let page = browser.get(paths::SECOND_STEP).await.assert(303);
    assert!(page.location().starts_with(paths::LOGIN));
}

#[tokio::test]
async fn wrong_codes_count_as_wrong_passwords() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    set_up(&app, &root).await;
    let browser = app.browser();
    for _ in 0..2 {
        first_step(&browser, "root").await;
        second_step(&browser, "000000").await.assert(422);
        second_step(&browser, "000001").await.assert(422);
    }
    first_step(&browser, "root").await;
    second_step(&browser, "000002").await.assert(422);
    let page = second_step(&browser, "000003").await.assert(429);
    assert!(page.header("retry-after").is_some());
    let (email, password) = ("root@example.org", password_of("root"));
    let fields = [("email", email), ("password", password.as_str())];
    browser.post(paths::LOGIN, &fields).await.assert(429);
}

#[tokio::test]
async fn who_must_have_a_second_factor_sets_it_up_during_the_sign_in() {
    let app = App::with(|config| {
        config.login.second_factor = SecondFactorDuty::Administrators;
    });
    app.make_user("carol", Role::AUDITOR).await;
    let browser = app.browser();
    let page = first_step(&browser, "carol").await;
    assert!(
        page.location().starts_with(paths::SET_UP_STEP),
        "{}",
        page.location()
    );
    let page = browser.open(page.location()).await;
    let secret = page.text("#secret");
    assert!(browser.get(DASHBOARD).await.status == 303);
    let fields = [("code", "000000"), ("next", "/admin/users")];
    let page = browser.post(paths::SET_UP_STEP, &fields).await.assert(422);
    // The same secret again.
    assert!(page.has("#code-error") && page.text("#secret") == secret);
    let code = code_at(&secret, app.clock.now(), 0);
    let fields = [("code", code.as_str()), ("next", "/admin/users")];
    let page = browser.post(paths::SET_UP_STEP, &fields).await.assert(200);
    assert_eq!(page.text("#codes").split_whitespace().count(), 10);
    assert_eq!(page.attr("a.button.primary", "href"), "/admin/users");
    browser.open(DASHBOARD).await;
    let page = first_step(&app.browser(), "carol").await;
    assert!(page.location().starts_with(paths::SECOND_STEP));
}

#[tokio::test]
async fn an_old_proof_is_asked_for_again_and_with_a_second_factor_it_is_the_code() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    app.outdate_proofs();
    let page = root.open(paths::SECOND_FACTOR).await;
    assert!(page.has("input[name=current][type=password][required]"));
    let page = root.post(paths::TOTP, &[]).await.assert(422);
    assert_eq!(page.texts("#current-error"), ["This field is required."]);
    let own = password_of("root");
    root.post(paths::TOTP, &[("current", &own)])
        .await
        .leads_to(paths::TOTP);
    let factor = set_up(&app, &root).await;
    let ann = app.make_user("ann", Role::STAFF).await;
    app.outdate_proofs();
    let delete = format!("/admin/users/{ann}/delete");
    let page = root.open(&delete).await;
    assert!(page.has("input[name=current][autocomplete=one-time-code]"));
    for wrong in [own.as_str(), "000000"] {
        let page = root.post(&delete, &[("current", wrong)]).await.assert(422);
        assert!(page.text("#current-error").contains("incorrect"), "{wrong}");
    }
    let code = factor.code(&app);
    root.post(&delete, &[("current", &code)]).await.assert(303);
    // For ten minutes no other one.
    app.advance(Duration::from_secs(599));
    let page = root.open(paths::SECOND_FACTOR).await;
    assert!(page.has(&format!("a[href='{}']", paths::RECOVERY_CODES)));
    assert!(
        !root
            .open(paths::RECOVERY_CODES)
            .await
            .has("input[name=current]")
    );
    let page = root.post(paths::RECOVERY_CODES, &[]).await.assert(200);
    assert_eq!(page.text("#codes").split_whitespace().count(), 10);
    app.advance(Duration::from_secs(1));
    root.post(paths::REMOVE_TOTP, &[]).await.assert(422);
    let code = factor.code(&app);
    let removed = root.post(paths::REMOVE_TOTP, &[("current", &code)]).await;
    removed.leads_to(paths::SECOND_FACTOR);
    app.browser().sign_in("root").await;
}

#[tokio::test]
async fn deletions_need_a_recent_proof() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let (ann, acme) = (
        app.make_user("ann", Role::STAFF).await,
        app.make_client("acme").await,
    );
    app.service("billing", "").await;
    let own = password_of("root");
    for path in [
        format!("/admin/users/{ann}/delete"),
        format!("/admin/clients/{acme}/delete"),
        "/admin/services/1/delete".to_owned(),
    ] {
        app.outdate_proofs();
        let page = root.open(&path).await;
        assert!(page.has("main form input[name=current]"), "{path}");
        let page = root.post(&path, &[]).await.assert(422);
        assert!(page.has("#current-error"), "{path}");
        root.post(&path, &[("current", &own)]).await.assert(303);
    }
    let left = "SELECT (SELECT COUNT(*) FROM users) + (SELECT COUNT(*) FROM client_users) \
                + (SELECT COUNT(*) FROM services) AS number";
    assert_eq!(app.number(left).await, 1);
}

#[tokio::test]
async fn an_administrator_removes_the_second_factor_of_others() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let (ann, acme) = (app.user("ann").await, app.client("acme").await);
    for (person, path) in [(&ann, "/admin/users/2"), (&acme, "/admin/clients/1")] {
        let page = root.open(path).await;
        assert!(!page.has("#danger a[href$='/second-factor']"));
        let remove = format!("{path}/second-factor");
        root.post(&remove, &[]).await.assert(404);
        Totp::of(&app, person).await;
        person.log_in().await.assert(401, "SECOND_FACTOR_REQUIRED");
        let page = root.open(path).await;
        let link = page.attr("#danger a[href$='/second-factor']", "href");
        root.open(&link).await;
        root.post(&remove, &[]).await.leads_to(path);
        person.log_in().await.assert(200, "LOGGED_IN");
    }
    let removed = "SELECT COUNT(*) AS number FROM audit_events \
                   WHERE action = 'second_factor_removed' AND actor_name = 'root@example.org'";
    assert_eq!(app.number(removed).await, 2);
}

#[tokio::test]
async fn an_app_of_a_lost_master_key_is_set_up_again() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let factor = set_up(&app, &root).await;
    let lost = ".banner.is-warn";
    assert!(!root.open(paths::SECOND_FACTOR).await.has(lost));
    // As after the loss of the key, no key opens the secret.
    app.execute("UPDATE totp_factors SET sealed_secret = 'AAAA'")
        .await;
    let browser = app.browser();
    first_step(&browser, "root").await;
    second_step(&browser, &factor.code(&app)).await.assert(422);
    second_step(&browser, &factor.recovery_codes[0])
        .await
        .leads_to("/admin/users");
    assert!(browser.open(paths::SECOND_FACTOR).await.has(lost));
    let checklist = browser.open(paths::SECURITY).await;
    assert!(checklist.html.contains("1 cannot be verified"));
    browser
        .post(paths::REMOVE_TOTP, &[])
        .await
        .leads_to(paths::SECOND_FACTOR);
    set_up(&app, &browser).await;
    assert!(!browser.open(paths::SECOND_FACTOR).await.has(lost));
}
