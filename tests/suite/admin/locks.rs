//! Locks: at sign-in, in the list, on the page of an account, and lifting.

use std::time::Duration;

use munjigi::{
    domain::{account::Role, principal::UserType},
    http::admin::paths,
};
use serde_json::json;

use crate::support::{App, Browser, Page, password_of};

async fn fail(browser: &Browser, name: &str) -> Page {
    let email = format!("{name}@example.org");
    let fields = [("email", email.as_str()), ("password", "a wrong password")];
    browser.post(paths::LOGIN, &fields).await
}

/// Fails at the API until the account is locked.
async fn lock(app: &App, name: &str, user_type: UserType) {
    let body =
        json!({"username": name, "password": "wrong password", "user_type": user_type.as_str()});
    for _ in 0..5 {
        let answer = app.anonymous().post("/auth/login", body.clone()).await;
        answer.assert(401, "INVALID_CREDENTIALS");
    }
    let answer = app.anonymous().post("/auth/login", body).await;
    answer.assert(429, "RATE_LIMITED");
}

#[tokio::test]
async fn the_panel_and_the_api_share_a_counter() {
    let app = App::start();
    app.make_user("ann", Role::ADMIN).await;
    let body = json!({"email": "ann@example.org", "password": "a wrong password"});
    for _ in 0..3 {
        let answer = app.anonymous().post("/auth/login", body.clone()).await;
        answer.assert(401, "INVALID_CREDENTIALS");
    }
    let browser = app.browser();
    fail(&browser, "ann").await.assert(422);
    fail(&browser, "ann").await.assert(422);
    let page = fail(&browser, "ann").await.assert(429);
    assert_eq!(page.header("retry-after"), Some("60"));
    let left = r#""account-failures";r=0;t=60"#;
    assert_eq!(page.header("ratelimit"), Some(left));
    assert_eq!(
        page.text(".banner"),
        "Too many attempts. Try again in 1 minute."
    );
    assert_eq!(page.attr("input[name=email]", "value"), "ann@example.org");
    let answer = app.anonymous().post("/auth/login", body).await;
    answer.assert(429, "RATE_LIMITED");
    app.advance(Duration::from_mins(1));
    fail(&browser, "ann").await.assert(422);
    let korean = app.browser().speaking("ko");
    let page = fail(&korean, "ann").await.assert(429);
    assert!(page.text(".banner").contains("2분 뒤"));
}

#[tokio::test]
async fn a_known_browser_is_not_locked_by_failures_elsewhere() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::ADMIN).await;
    ann.post(paths::LOGOUT, &[]).await.assert(303);
    lock(&app, "ann@example.org", UserType::User).await;
    let elsewhere = app.browser();
    let fields = [
        ("email", "ann@example.org"),
        ("password", &password_of("ann")),
    ];
    elsewhere.post(paths::LOGIN, &fields).await.assert(429);
    ann.sign_in("ann").await;
}

#[tokio::test]
async fn a_wrong_current_password_counts_as_a_failed_login() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::ADMIN).await;
    let change = async |current: &str| {
        let new = "another long password";
        let fields = [
            ("current_password", current),
            ("password", new),
            ("repeated", new),
        ];
        ann.post(paths::PASSWORD, &fields).await
    };
    for _ in 0..5 {
        change("a wrong password").await.assert(422);
    }
    change(&password_of("ann")).await.assert(429);
    app.advance(Duration::from_mins(1));
    change(&password_of("ann")).await.leads_to(paths::ACCOUNT);
}

#[tokio::test]
async fn the_list_shows_and_searches_locks() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    assert_eq!(
        root.open(paths::LOCKS).await.text(".empty-title"),
        "No locks"
    );
    app.make_user("ann", Role::STAFF).await;
    lock(&app, "ann@example.org", UserType::User).await;
    app.advance(Duration::from_secs(1));
    lock(&app, "nobody", UserType::Client).await;
    app.advance(Duration::from_secs(1));
    lock(&app, "?? ??", UserType::Client).await;
    let page = root.open(paths::LOCKS).await;
    let names = page.texts("#results tbody b");
    assert_eq!((names.len(), names[2].as_str()), (3, "ann@example.org"));
    // A name that no account has may be a password: only its hash is stored.
    assert!(
        names[..2].iter().all(|name| name.starts_with('#')),
        "{names:?}"
    );
    assert_eq!(
        page.attrs("#results tbody td a", "href"),
        ["/admin/users/2"]
    );
    let subs = page.texts("#results tbody .sub");
    assert_eq!(
        subs,
        [
            "Client · no such account",
            "Client · no such account",
            "Internal user"
        ]
    );
    assert!(
        page.texts("#results .badge")
            .iter()
            .all(|text| text == "Password login")
    );
    assert_eq!(page.attr("nav a[aria-current=page]", "href"), paths::LOCKS);
    for (query, found) in [
        ("search=ANN%40", 1),
        ("search=%25", 0),
        ("limit=login", 3),
        ("limit=code", 0),
        ("search=nobody&limit=login", 0),
        ("search=%23&limit=login", 2),
        ("after=eA", 3),
    ] {
        let page = root.open(&format!("{}?{query}", paths::LOCKS)).await;
        assert_eq!(page.count("#results tbody tr"), found, "{query}");
    }
    let page = root.open("/admin/locks?limit=code").await;
    assert_eq!(page.text(".empty-title"), "No matching locks");
    let pages = root.walk("/admin/locks?size=25", "next").await;
    assert_eq!(pages.len(), 1);
    app.advance(Duration::from_mins(1));
    assert!(root.open(paths::LOCKS).await.has(".empty-title"));
}

#[tokio::test]
async fn an_administrator_lifts_a_lock_from_the_list() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let ann = app.user("ann").await;
    lock(&app, "ann@example.org", UserType::User).await;
    ann.log_in().await.assert(429, "RATE_LIMITED");
    let page = root.open(paths::LOCKS).await;
    let bucket = page.attr("#results input[name=bucket]", "value");
    let lift = async || root.post(paths::LIFT_LOCK, &[("bucket", &bucket)]).await;
    lift().await.leads_to(paths::LOCKS);
    let page = root.open(paths::LOCKS).await;
    assert!(page.text(".notice").contains("Unlocked") && page.has(".empty-title"));
    ann.log_in().await.assert(200, "LOGGED_IN");
    lift().await.leads_to(paths::LOCKS);
    let page = root.open(paths::LOCKS).await;
    assert!(page.text(".notice").contains("had already ended"));
    let page = root.open("/admin/audit?action=lock_lifted").await;
    assert!(page.html.contains("ann@example.org") && page.html.contains("Unlocked"));
    let page = root.open("/admin/audit?action=locked").await;
    assert!(page.html.contains("Locked: too many failed attempts"));
}

#[tokio::test]
async fn the_page_of_an_account_shows_the_lock_and_administrators_the_button() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let eva = app.signed_in("eva", Role::AUDITOR).await;
    let ann = app.user("ann").await;
    let acme = app.client("acme").await;
    lock(&app, "ann@example.org", UserType::User).await;
    lock(&app, "acme", UserType::Client).await;
    for (person, path) in [
        (&ann, paths::USERS.person(ann.seq)),
        (&acme, paths::CLIENTS.person(acme.seq)),
    ] {
        let page = eva.open(&path).await;
        assert!(page.text("#locks").contains("Password login"));
        assert!(!page.has("#locks form") && page.has("#locks time"));
        let page = root.open(&path).await;
        let action = page.attr("#locks form", "action");
        assert_eq!(action, format!("{path}/unlock"));
        person.log_in().await.assert(429, "RATE_LIMITED");
        root.post(&action, &[]).await.leads_to(&path);
        assert!(root.open(&path).await.text("#locks").contains("Not locked"));
        person.log_in().await.assert(200, "LOGGED_IN");
        root.post(&action, &[]).await.leads_to(&path);
        let lines = root.open(&path).await.text(".notice");
        assert!(lines.contains("had already ended"), "{lines}");
    }
    root.post(&paths::USERS.person(999).unlock(), &[])
        .await
        .assert(404);
    assert!(!eva.open(paths::LOCKS).await.has("#results form"));
}

#[tokio::test]
async fn an_address_is_released_on_every_instance() {
    let app = App::with(|config| config.limits.failures_per_address = 3);
    let other = app.another_instance();
    let root = app.signed_in("root", Role::ADMIN).await;
    for instance in [&app, &other, &other] {
        instance
            .anonymous()
            .refresh("garbage")
            .await
            .assert(401, "INVALID_TOKEN");
    }
    for instance in [&app, &other] {
        instance
            .anonymous()
            .refresh("garbage")
            .await
            .assert(429, "RATE_LIMITED");
    }
    let page = root.open(paths::LOCKS).await;
    assert_eq!(page.text("#results tbody b"), "127.0.0.1");
    let bucket = page.attr("#results input[name=bucket]", "value");
    root.post(paths::LIFT_LOCK, &[("bucket", &bucket)])
        .await
        .assert(303);
    app.anonymous()
        .refresh("garbage")
        .await
        .assert(401, "INVALID_TOKEN");
    app.advance(Duration::from_secs(1));
    other
        .anonymous()
        .refresh("garbage")
        .await
        .assert(401, "INVALID_TOKEN");
}

#[tokio::test]
async fn a_password_link_lifts_the_lock() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let ann = app.user("ann").await;
    lock(&app, "ann@example.org", UserType::User).await;
    let own = password_of("root");
    let fields = [("current", own.as_str())];
    let shown = root
        .post(&paths::USERS.person(ann.seq).password_link(), &fields)
        .await;
    let url = root.open(shown.location()).await.text("#url");
    let path = &url[url.find("/account/password/").unwrap()..];
    let new = "another long password";
    let fields = [("password", new), ("repeat", new)];
    app.browser().post(path, &fields).await.assert(303);
    let body = json!({"username": "ann@example.org", "password": new});
    let answer = app.anonymous().post("/auth/login", body).await;
    answer.assert(200, "LOGGED_IN");
}
