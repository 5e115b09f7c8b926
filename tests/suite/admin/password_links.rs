//! Password links: issuing, delivery, use, expiry.

use std::time::Duration;

use munjigi::{domain::account::Role, http::admin::paths};

use crate::{
    delivery::support::smtp_server::SmtpServer,
    support::{App, Browser, Page, TIMEOUT, password_of},
};

const PASSWORD: &str = "a gate that only opens from inside";

/// Requests a link as the administrator `ann`.
pub(super) async fn issue(admin: &Browser, person: &str) -> Page {
    let password = password_of("ann");
    let fields = [("current", password.as_str())];
    admin.post(&format!("{person}/link"), &fields).await
}

/// Issues a link without mail; its path.
pub(super) async fn shown(admin: &Browser, person: &str) -> String {
    let issued = issue(admin, person).await;
    let page = admin.open(issued.location()).await;
    path_of(&page.text("#url"))
}

pub(super) fn path_of(url: &str) -> String {
    let at = url
        .find("/account/password/")
        .expect("a link to a password");
    url[at..].to_owned()
}

async fn set(browser: &Browser, link: &str, password: &str) -> Page {
    let fields = [("password", password), ("repeat", password)];
    browser.post(link, &fields).await
}

#[tokio::test]
async fn a_link_is_shown_once_where_no_mail_is_configured() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let bob = app.user("bob").await;
    let person = paths::USERS.person(bob.seq);
    let shown = person.shown_link();
    issue(&admin, &person).await.leads_to(&shown);
    let page = admin.open(&shown).await;
    let url = page.text("#url");
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    assert!(page.text("h2").contains("bob@example.org"));
    // It is not shown again, and a reload creates no other one.
    let link = path_of(&url);
    let secret = link.rsplit('/').next().unwrap();
    let again = admin.get(&shown).await.assert(410);
    assert!(!again.html.contains(secret));
    assert!(again.has(&format!("a[href='{}']", person.password_link())));
    app.browser().open(&link).await;
    let page = admin.open(&format!("{person}/link")).await;
    assert!(!page.html.contains(secret));
    for path in [paths::AUDIT, paths::DASHBOARD] {
        assert!(!admin.open(path).await.html.contains(secret));
    }
    let stored =
        format!("SELECT COUNT(*) AS number FROM set_up_links WHERE token_hash LIKE '%{secret}%'");
    assert_eq!(app.number(&stored).await, 0);

    let browser = app.browser();
    let page = browser.open(&link).await;
    assert!(page.text(".gate-lead").contains("bob@example.org"));
    set(&browser, &link, PASSWORD)
        .await
        .leads_to(paths::PASSWORD_SET);
    assert!(
        browser
            .open(paths::PASSWORD_SET)
            .await
            .text("h1")
            .contains("is set")
    );
    // The sessions have ended, and only the new password is accepted.
    bob.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    assert_eq!(bob.log_in().await.status, 401);
    let body = serde_json::json!({"username": "bob@example.org", "password": PASSWORD, "user_type": "user"});
    app.anonymous()
        .post("/auth/login", body)
        .await
        .assert(200, "LOGGED_IN");
    // The link works once.
    browser.get(&link).await.assert(410);
    set(&browser, &link, "another long password")
        .await
        .assert(410);
}

#[tokio::test]
async fn a_link_works_for_clients_and_leads_administrators_to_the_sign_in_page() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let acme = app.client("acme").await;
    let link = shown(&admin, &paths::CLIENTS.person(acme.seq)).await;
    set(&app.browser(), &link, PASSWORD)
        .await
        .leads_to(paths::PASSWORD_SET);
    acme.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;

    let carol = app.signed_in("carol", Role::AUDITOR).await;
    let seq = app
        .number("SELECT id AS number FROM users WHERE email = 'carol@example.org'")
        .await;
    let link = shown(&admin, &paths::USERS.person(seq)).await;
    let browser = app.browser();
    set(&browser, &link, PASSWORD).await.leads_to(paths::LOGIN);
    assert!(
        browser
            .open(paths::LOGIN)
            .await
            .text(".notice")
            .contains("Log in with it")
    );
    // The panel session has ended, too.
    assert_eq!(carol.get(paths::DASHBOARD).await.status, 303);
    let fields = [("email", "carol@example.org"), ("password", PASSWORD)];
    browser
        .post(paths::LOGIN, &fields)
        .await
        .leads_to(paths::DASHBOARD);
}

#[tokio::test]
async fn a_newer_link_replaces_the_older() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let bob = app.make_user("bob", Role::STAFF).await;
    let person = paths::USERS.person(bob);
    let (older, newer) = (shown(&admin, &person).await, shown(&admin, &person).await);
    let browser = app.browser();
    browser.get(&older).await.assert(410);
    set(&browser, &older, PASSWORD).await.assert(410);
    set(&browser, &newer, PASSWORD).await.assert(303);
}

#[tokio::test]
async fn a_link_ends_with_its_lifetime_and_with_changes_of_the_account() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let root = app.admin("root").await;
    let bob = app.make_user("bob", Role::STAFF).await;
    let person = paths::USERS.person(bob);
    let path = format!("/api/users/{bob}");
    let browser = app.browser();
    for change in [
        serde_json::json!({"email": "bob@elsewhere.org"}),
        serde_json::json!({"password": "a new long password"}),
        serde_json::json!({"is_active": false}),
    ] {
        let link = shown(&admin, &person).await;
        browser.get(&link).await.assert(200);
        root.patch(&path, root.confirmed(change))
            .await
            .assert(200, "USER_UPDATED");
        browser.get(&link).await.assert(410);
        set(&browser, &link, PASSWORD).await.assert(410);
    }
    // An inactive account gets no link.
    let answer = issue(&admin, &person).await.leads_to(&person);
    drop(answer);
    root.patch(&path, serde_json::json!({"is_active": true}))
        .await
        .assert(200, "USER_UPDATED");
    let (timed, clock) = (shown(&admin, &person).await, Duration::from_hours(24));
    app.advance(clock.checked_sub(Duration::from_secs(1)).unwrap());
    browser.get(&timed).await.assert(200);
    app.advance(Duration::from_secs(1));
    set(&browser, &timed, PASSWORD).await.assert(410);
    root_deletes(&app, &path).await;
    browser.get(&timed).await.assert(410);
}

async fn root_deletes(app: &App, path: &str) {
    let root = app.admin("root2").await;
    root.delete(path).await.assert(200, "USER_DELETED");
}

#[tokio::test]
async fn of_many_simultaneous_uses_one_sets_the_password() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let bob = app.make_user("bob", Role::STAFF).await;
    let link = shown(&admin, &paths::USERS.person(bob)).await;
    let uses = (0..6).map(|at| {
        let (app, link) = (&app, &link);
        async move {
            let password = format!("the long password number {at}");
            set(&app.browser(), link, &password).await.status
        }
    });
    let mut statuses = futures_util::future::join_all(uses).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410, 410, 410, 410, 410]);
}

#[tokio::test]
async fn a_refused_password_is_a_field_error_and_the_link_stays_valid() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let bob = app.make_user("bob", Role::STAFF).await;
    let link = shown(&admin, &paths::USERS.person(bob)).await;
    let browser = app.browser();
    let long = "x".repeat(10_000);
    for (password, repeat, wrong) in [
        ("", "", "password"),
        ("short", "short", "password"),
        ("bob@example.org", "bob@example.org", "password"),
        (long.as_str(), long.as_str(), "password"),
        (PASSWORD, "", "repeat"),
        (PASSWORD, "another", "repeat"),
    ] {
        let fields = [("password", password), ("repeat", repeat)];
        let page = browser.post(&link, &fields).await.assert(422);
        assert!(page.has(&format!("#{wrong}-error")), "{password}");
        assert!(page.attrs("input[type=password]", "value").is_empty());
    }
    // Any other text is a valid password.
    let odd = "  <b>비밀번호</b> 👩‍👩‍👧 שלום  ";
    set(&browser, &link, odd).await.assert(303);
    let body =
        serde_json::json!({"username": "bob@example.org", "password": odd, "user_type": "user"});
    app.anonymous()
        .post("/auth/login", body)
        .await
        .assert(200, "LOGGED_IN");
}

#[tokio::test]
async fn only_administrators_issue_links() {
    let app = App::start();
    let auditor = app.signed_in("carol", Role::AUDITOR).await;
    let bob = app.make_user("bob", Role::STAFF).await;
    let path = paths::USERS.person(bob).password_link();
    auditor.post(&path, &[]).await.assert(403);
    app.browser().post(&path, &[]).await.assert(303);
    let admin = app.signed_in("ann", Role::ADMIN).await;
    admin.post_as_is(&path, &[]).await.assert(403);
    for path in [
        "/admin/users/4711/link",
        "/admin/users/4711/link/withdraw",
        "/admin/clients/4711/link",
        "/admin/users/x/link",
    ] {
        admin.post(path, &[]).await.assert(404);
    }
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM set_up_links")
            .await,
        0
    );
}

#[tokio::test]
async fn the_audit_log_has_links_and_their_use_without_the_secret() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let bob = app.make_user("bob", Role::STAFF).await;
    let link = shown(&admin, &paths::USERS.person(bob)).await;
    set(&app.browser(), &link, PASSWORD).await.assert(303);
    let log = admin.open(paths::AUDIT).await;
    let lines = log.texts("tbody tr");
    assert!(
        lines[0].starts_with("Password changed Link used bob@example.org"),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with(
            "Password link issued Link shown to the administrator ann@example.org bob@example.org"
        ),
        "{lines:?}"
    );
    let secret = link.rsplit('/').next().unwrap();
    assert!(!log.html.contains(PASSWORD) && !log.html.contains(secret));
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_link_is_sent_by_mail_where_mail_is_configured() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let bob = app.make_user("bob", Role::STAFF).await;
    let person = paths::USERS.person(bob);
    let answer = issue(&admin, &person).await.leads_to(&person);
    assert!(!answer.html.contains("/account/password/"));
    let mail = server.next().await;
    assert_eq!(mail["to"], serde_json::json!(["bob@example.org"]));
    assert_eq!(mail["headers"]["subject"], "Reset your password");
    for form in ["text", "html"] {
        let said = mail[form].as_str().unwrap();
        assert!(
            said.contains("http://login.example.org/account/password/"),
            "{said}"
        );
        assert!(
            said.contains("bob@example.org") && said.contains("1 day"),
            "{said}"
        );
    }
    let text = mail["text"].as_str().unwrap();
    let link = text.lines().find(|line| line.starts_with("http")).unwrap();
    set(&app.browser(), &path_of(link), PASSWORD)
        .await
        .assert(303);
    assert_ne!(password_of("bob"), PASSWORD);
    let lines = admin.open(paths::AUDIT).await.texts("tbody tr");
    assert!(
        lines
            .iter()
            .any(|row| row.contains("Link sent by e-mail Sent to bob@example.org")),
        "{lines:?}"
    );
}

#[tokio::test]
#[ignore = "tests/run"]
async fn an_account_without_an_address_gets_the_link_from_the_administrator() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let acme = app.make_client("acme").await;
    app.execute("UPDATE client_users SET email = NULL, password_hash = NULL")
        .await;
    let link = shown(&admin, &paths::CLIENTS.person(acme)).await;
    let page = app.browser().open(&link).await;
    assert!(page.text("h1").contains("Set your password"));
    assert!(server.rest().is_empty());
}

#[tokio::test]
async fn a_link_that_could_not_be_mailed_is_in_the_audit_log() {
    let app = App::with(|config| {
        config.smtp.host = Some("localhost".into());
        // No server listens there.
        config.smtp.port = Some(1);
        config.smtp.tls = munjigi::config::SmtpTls::None;
        config.smtp.from = Some("login@example.org".into());
    });
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let bob = app.make_user("bob", Role::STAFF).await;
    let person = paths::USERS.person(bob).to_string();
    issue(&admin, &person).await.assert(303);
    app.services().delivery.drain(TIMEOUT).await;
    let page = admin.open(&person).await;
    let state = page.text("#link");
    for part in ["b***@example.org", "Failed"] {
        assert!(state.contains(part), "{state}");
    }
    assert!(!page.has("[data-pending]"));
    let lines = admin.open(paths::AUDIT).await.texts("tbody tr");
    assert!(lines[0].starts_with("Mail not sent"), "{lines:?}");
    assert!(
        lines[0].contains("Reason") && lines[0].contains("Server"),
        "{lines:?}"
    );
}
