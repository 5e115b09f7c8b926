//! The viewer's own account: name, preferences, password, sessions; and the language switch.

use std::time::Duration;

use munjigi::{domain::account::Role, http::admin::paths};
use serde_json::json;

use crate::support::{App, Browser, claims_of, password_of};

const NEW: &str = "a new password, long enough";

async fn change_password(
    browser: &Browser,
    current: &str,
    new: &str,
    repeated: &str,
) -> crate::support::Page {
    let fields = [
        ("current_password", current),
        ("password", new),
        ("repeated", repeated),
    ];
    browser.post(paths::PASSWORD, &fields).await
}

#[tokio::test]
async fn a_name_is_changed_and_the_audit_log_has_both_values() {
    let app = App::start();
    for (name, role) in [("ann", Role::ADMIN), ("carol", Role::AUDITOR)] {
        let browser = app.signed_in(name, role).await;
        let fields = [
            ("name", " Ann 앤 👩‍👩‍👧 <b> "),
            ("role", "admin"),
            ("email", "x@example.org"),
        ];
        browser
            .post(paths::PROFILE, &fields)
            .await
            .leads_to(paths::ACCOUNT);
        let page = browser.open(paths::ACCOUNT).await;
        assert_eq!(page.attr("#name", "value"), "Ann 앤 👩‍👩‍👧 <b>");
        assert!(page.text(".notice").contains("Saved"));
        // Role and e-mail address are not changed.
        assert!(
            page.text(".page-head")
                .contains(&format!("{name}@example.org"))
        );
        assert_eq!(browser.open(paths::ACCOUNT).await.count(".notice"), 0);
        let log = browser.open(paths::AUDIT).await;
        assert_eq!(log.texts("tbody tr:first-child del"), [name]);
    }
    let roles = "SELECT COUNT(*) AS number FROM users WHERE role = 'admin'";
    assert_eq!(app.number(roles).await, 1);
}

#[tokio::test]
async fn a_wrong_name_is_refused_beside_its_field_and_kept() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    let long = "x".repeat(10_000);
    for name in ["", "   ", long.as_str(), "a\0b", "\u{202E}\u{200B}"] {
        let page = browser
            .post(paths::PROFILE, &[("name", name)])
            .await
            .assert(422);
        assert!(page.has("#name-error"), "{name:?}");
        if !name.contains('\0') {
            assert_eq!(page.attr("#name", "value"), name);
        }
    }
    // A reload of the refused form leads to the page.
    browser.get(paths::PROFILE).await.leads_to(paths::ACCOUNT);
    assert_eq!(
        browser.open(paths::ACCOUNT).await.attr("#name", "value"),
        "ann"
    );
}

#[tokio::test]
async fn language_theme_and_time_zone_apply_to_all_browsers_of_the_account() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::AUDITOR).await;
    let fields = [
        ("language", "ko"),
        ("theme", "dark"),
        ("time_zone", "Asia/Seoul"),
    ];
    browser.post(paths::PREFERENCES, &fields).await.assert(303);
    let other = app.browser();
    other.sign_in("ann").await;
    for browser in [&browser, &other] {
        let page = browser.open(paths::ACCOUNT).await;
        assert_eq!(page.attr("html", "lang"), "ko");
        assert_eq!(page.attr("html", "data-theme"), "dark");
        assert_eq!(page.text("#time_zone option[selected]"), "Asia/Seoul");
        let log = browser.open(paths::AUDIT).await;
        assert!(log.attr("tbody time", "title").contains("KST"));
    }
    let log = browser
        .open("/admin/audit?action=preferences_changed")
        .await;
    assert_eq!(log.texts("tbody ins"), ["한국어", "어둡게", "Asia/Seoul"]);
    // The same values again are no change.
    browser.post(paths::PREFERENCES, &fields).await.assert(303);
    let log = browser
        .open("/admin/audit?action=preferences_changed")
        .await;
    assert_eq!(log.count("tbody tr"), 1);
    // And back to the default of the browser.
    let fields = [("language", ""), ("theme", "system"), ("time_zone", "")];
    browser.post(paths::PREFERENCES, &fields).await.assert(303);
    assert_eq!(
        browser.open(paths::ACCOUNT).await.attr("html", "lang"),
        "en"
    );

    for fields in [
        [("language", "fr"), ("theme", "dark"), ("time_zone", "UTC")],
        [("language", "ko"), ("theme", "pink"), ("time_zone", "UTC")],
        [
            ("language", "ko"),
            ("theme", "dark"),
            ("time_zone", "Mars/Olympus"),
        ],
    ] {
        let page = browser.post(paths::PREFERENCES, &fields).await.assert(422);
        assert_eq!(page.count(".field-errors"), 1, "{fields:?}");
    }
    assert_eq!(
        browser.open(paths::ACCOUNT).await.attr("html", "lang"),
        "en"
    );
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions_and_keeps_this_one() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    let (other, person) = (app.browser(), app.internal("bob", Role::STAFF).await);
    other.sign_in("ann").await;
    let credentials = json!(
        {"username": "ann@example.org", "password": password_of("ann"), "user_type": "user"}
    );
    let api = person.with_pair(
        &app.anonymous()
            .post("/auth/login", credentials)
            .await
            .assert(200, "LOGGED_IN"),
    );
    change_password(&browser, &password_of("ann"), NEW, NEW)
        .await
        .leads_to(paths::ACCOUNT);
    let page = browser.open(paths::ACCOUNT).await;
    assert!(page.text(".notice").contains("changed"));
    assert_eq!(other.get(paths::ACCOUNT).await.status, 303);
    api.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    person.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    let fields = [("email", "ann@example.org"), ("password", NEW)];
    other
        .post(paths::LOGIN, &fields)
        .await
        .leads_to(paths::DASHBOARD);
    let log = browser.open("/admin/audit?action=password_changed").await;
    assert_eq!(log.count("tbody tr"), 1);
    assert!(!log.html.contains(NEW));
}

#[tokio::test]
async fn a_password_change_needs_the_old_password_and_follows_the_policy() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    let (own, long) = (password_of("ann"), "x".repeat(10_000));
    for (current, new, repeated, wrong) in [
        ("", NEW, NEW, "current_password"),
        ("not my password", NEW, NEW, "current_password"),
        (own.as_str(), "", "", "password"),
        (own.as_str(), "short", "short", "password"),
        (
            own.as_str(),
            "ann@example.org",
            "ann@example.org",
            "password",
        ),
        (own.as_str(), long.as_str(), long.as_str(), "password"),
        (own.as_str(), NEW, "another", "repeated"),
    ] {
        let page = change_password(&browser, current, new, repeated)
            .await
            .assert(422);
        assert!(page.has(&format!("#{wrong}-error")), "{wrong}");
        assert!(page.attrs("input[type=password]", "value").is_empty());
    }
    let listed = browser.open("/admin/audit?action=password_changed").await;
    assert!(
        listed
            .texts("tbody tr")
            .iter()
            .all(|row| row.contains("Failed"))
    );
    app.browser().sign_in("ann").await;
}

#[tokio::test]
async fn panel_sessions_are_listed_and_ended_one_by_one_or_all_others() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::AUDITOR).await;
    let anonymous = app.signed_in("bob", Role::ADMIN).await;
    let others: Vec<Browser> = (0..3).map(|_| app.browser()).collect();
    for other in &others {
        app.advance(Duration::from_secs(1));
        other.sign_in("ann").await;
    }
    let page = browser.open(paths::ACCOUNT).await;
    let ends = page.attrs("main a[href$=\"/end\"]", "href");
    assert_eq!(ends.len(), 4, "three others, and all of them at once");
    assert_eq!(page.count(".badge.is-ok"), 1);
    let question = browser.open(paths::END_OWN_SESSIONS).await;
    assert_eq!(question.text("#ends"), "Ends 3 sessions on 1 device.");
    assert_eq!(question.count(".confirm-list li"), 3);
    assert_eq!(page.text("#password-ends"), question.text("#ends"));
    // Sessions of another account cannot be ended.
    anonymous.get(&ends[0]).await.assert(404);
    anonymous.post(&ends[0], &[]).await.assert(404);
    browser.post(&ends[0], &[]).await.leads_to(paths::ACCOUNT);
    // The most recently used session is first.
    assert_eq!(others[2].get(paths::ACCOUNT).await.status, 303);
    assert_eq!(others[1].get(paths::ACCOUNT).await.status, 200);
    browser
        .post(paths::END_OWN_SESSIONS, &[])
        .await
        .leads_to(paths::ACCOUNT);
    for other in &others {
        assert_eq!(other.get(paths::ACCOUNT).await.status, 303);
    }
    assert_eq!(anonymous.get(paths::ACCOUNT).await.status, 200);
    let page = browser.open(paths::ACCOUNT).await;
    assert!(!page.has("main a[href$=\"/end\"]"));
    // Another tab may still show them.
    browser
        .get(paths::END_OWN_SESSIONS)
        .await
        .leads_to(paths::ACCOUNT);
    let log = browser
        .open("/admin/audit?action=browser_session_ended")
        .await;
    assert_eq!(log.count("tbody tr"), 2);
    browser
        .post(&paths::end_own_session("x"), &[])
        .await
        .assert(404);
}

#[tokio::test]
async fn the_language_switch_works_with_and_without_a_session_and_leads_back() {
    let app = App::start();
    let visitor = app.browser();
    let fields = [
        ("language", "ko"),
        ("next", "/admin/login?next=%2Fadmin%2Fusers"),
    ];
    visitor
        .post(paths::LANGUAGE, &fields)
        .await
        .leads_to("/admin/login?next=%2Fadmin%2Fusers");
    assert_eq!(visitor.open(paths::LOGIN).await.attr("html", "lang"), "ko");
    assert_eq!(visitor.cookie("munjigi_language").as_deref(), Some("ko"));

    let browser = app.signed_in("ann", Role::AUDITOR).await;
    browser
        .post(
            paths::LANGUAGE,
            &[("language", "ko"), ("next", paths::AUDIT)],
        )
        .await
        .leads_to(paths::AUDIT);
    assert_eq!(browser.open(paths::AUDIT).await.attr("html", "lang"), "ko");
    // The sign-in page uses it, too.
    browser.post(paths::LOGOUT, &[]).await.assert(303);
    let page = browser.open(paths::LOGIN).await;
    assert_eq!(page.attr("html", "lang"), "ko");
    browser.sign_in("ann").await;
    for next in ["https://evil.example", "//evil.example", "/api/users", ""] {
        browser
            .post(paths::LANGUAGE, &[("language", "en"), ("next", next)])
            .await
            .leads_to(paths::DASHBOARD);
    }
    for language in ["", "fr", "ko\0"] {
        browser
            .post(paths::LANGUAGE, &[("language", language)])
            .await
            .assert(400);
    }
    browser
        .post_as_is(paths::LANGUAGE, &[("language", "ko")])
        .await
        .assert(403);
}

#[tokio::test]
async fn api_sessions_of_the_viewer_are_listed_and_ended_by_an_auditor_too() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::AUDITOR).await;
    let page = browser.open(paths::ACCOUNT).await;
    assert_eq!(page.count("#api-sessions"), 0);
    let credentials = json!({"username": "ann@example.org", "password": password_of("ann")});
    let bob = app.internal("bob", Role::STAFF).await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let answer = app.anonymous().post("/auth/login", credentials.clone());
        sessions.push(bob.with_pair(&answer.await.assert(200, "LOGGED_IN")));
    }
    let sid = |access: &str| claims_of(access)["sid"].as_str().unwrap().to_owned();
    let path = |access: &str| paths::end_own_api_session(sid(access));
    let page = browser.open(paths::ACCOUNT).await;
    let ends = page.attrs("a[href*=\"/api-sessions/\"]", "href");
    assert_eq!(ends.len(), 4, "three of them, and all at once");
    let first = path(&sessions[0].access);
    assert!(ends.contains(&first));
    browser.post(&first, &[]).await.leads_to(paths::ACCOUNT);
    browser.get(&first).await.assert(404);
    browser.post(&first, &[]).await.assert(404);
    browser.post(&path(&bob.access), &[]).await.assert(404);
    sessions[0]
        .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    sessions[1]
        .assert_tokens("TOKEN_VALID", "TOKEN_VALID")
        .await;
    let all = paths::END_OWN_API_SESSIONS;
    browser.post(all, &[]).await.leads_to(paths::ACCOUNT);
    // The panel session continues, and the notice has the count.
    let page = browser.open(paths::ACCOUNT).await;
    assert!(page.text(".notice").contains('2'), "{}", page.html);
    assert_eq!(page.count("#api-sessions"), 0);
    bob.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    let log = browser.open("/admin/audit?action=sessions_ended").await;
    assert_eq!(log.count("tbody tr"), 1);
}
