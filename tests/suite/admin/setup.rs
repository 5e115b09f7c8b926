//! Setup: the one-time link that creates the first administrator.

use std::time::Duration;

use munjigi::{domain::account::Role, http::admin::paths, services::accounts::first_admin_link};

use crate::support::{App, Browser, Page};

const PASSWORD: &str = "a gate that only opens from inside";

async fn link(app: &App) -> String {
    let secret = first_admin_link::issue_first(app.services()).await.unwrap();
    paths::setup(secret.expect("there is no administrator yet"))
}

fn fields<'a>(email: &'a str, password: &'a str) -> [(&'static str, &'a str); 4] {
    [
        ("name", "Ann Lee"),
        ("email", email),
        ("password", password),
        ("repeat", password),
    ]
}

async fn send(browser: &Browser, link: &str, email: &str) -> Page {
    browser.post(link, &fields(email, PASSWORD)).await
}

#[tokio::test]
async fn the_link_creates_the_first_administrator_and_signs_in() {
    let app = App::start();
    let (link, browser) = (link(&app).await, app.browser());
    let page = browser.open(&link).await;
    assert_eq!(
        page.attrs("form.form input:not([type=hidden])", "name")
            .len(),
        4
    );
    send(&browser, &link, "ann@example.org")
        .await
        .leads_to(paths::DASHBOARD);
    let own = browser.open(paths::ACCOUNT).await;
    assert!(own.text(".page-head").contains("ann@example.org"));
    assert!(own.text(".me").contains("Administrator"));

    let log = browser.open(paths::AUDIT).await;
    let lines = log.texts("tbody tr");
    assert!(
        lines[1].starts_with("First administrator created"),
        "{lines:?}"
    );
    assert!(lines[1].contains("Role Administrator"), "{lines:?}");
    assert!(!log.html.contains(PASSWORD));
}

#[tokio::test]
async fn the_link_is_invalid_once_there_is_an_administrator() {
    let app = App::start();
    let (used, other) = (link(&app).await, link(&app).await);
    let browser = app.browser();
    send(&browser, &used, "ann@example.org").await.assert(303);
    for link in [&used, &other] {
        let anonymous = app.browser();
        let page = anonymous.get(link).await.assert(410);
        assert_eq!(page.attr("a.button", "href"), paths::LOGIN);
        send(&anonymous, link, "bob@example.org").await.assert(410);
    }
    assert_eq!(app.number("SELECT COUNT(*) AS number FROM users").await, 1);
    assert_eq!(
        first_admin_link::issue_first(app.services()).await.unwrap(),
        None
    );

    let app = App::start();
    let link = link(&app).await;
    // As `munjigi user create --role admin` does.
    app.make_user("carol", Role::ADMIN).await;
    let browser = app.browser();
    browser.get(&link).await.assert(410);
    send(&browser, &link, "bob@example.org").await.assert(410);
    assert_eq!(app.number("SELECT COUNT(*) AS number FROM users").await, 1);
}

#[tokio::test]
async fn of_many_simultaneous_uses_one_creates_an_account() {
    let app = App::start();
    let (one, other) = (link(&app).await, link(&app).await);
    let uses = (0..8).map(|at| {
        let (app, link) = (&app, if at % 2 == 0 { &one } else { &other });
        async move {
            let (browser, email) = (app.browser(), format!("user{at}@example.org"));
            send(&browser, link, &email).await.status
        }
    });
    let mut statuses = futures_util::future::join_all(uses).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410, 410, 410, 410, 410, 410, 410]);
    let admins = "SELECT COUNT(*) AS number FROM users WHERE role = 'admin'";
    assert_eq!(app.number(admins).await, 1);
}

#[tokio::test]
async fn the_link_is_valid_for_an_hour_and_guesses_are_not() {
    let app = App::start();
    let (link, browser) = (link(&app).await, app.browser());
    app.advance(Duration::from_secs(3_599));
    browser.get(&link).await.assert(200);
    app.advance(Duration::from_secs(1));
    let page = browser.get(&link).await.assert(410);
    assert!(page.text(".gate-note").contains("munjigi user create"));
    send(&browser, &link, "ann@example.org").await.assert(410);
    let long = "x".repeat(5_000);
    for guess in ["x", "%00", "%FF", long.as_str()] {
        let page = browser.get(&paths::setup(guess)).await;
        assert!([400, 404, 410].contains(&page.status), "{guess}");
    }
}

#[tokio::test]
async fn problems_are_shown_beside_their_fields_and_the_link_stays_valid() {
    let app = App::start();
    let (link, browser) = (link(&app).await, app.browser());
    for (fields, wrong) in [
        (
            [
                ("name", ""),
                ("email", ""),
                ("password", ""),
                ("repeat", ""),
            ],
            "name",
        ),
        (
            [
                ("name", "Ann"),
                ("email", "ann"),
                ("password", PASSWORD),
                ("repeat", PASSWORD),
            ],
            "email",
        ),
        (
            [
                ("name", "Ann"),
                ("email", "ann@x.org"),
                ("password", "short"),
                ("repeat", "short"),
            ],
            "password",
        ),
        (
            [
                ("name", "Ann"),
                ("email", "ann@x.org"),
                ("password", "password1"),
                ("repeat", "password1"),
            ],
            "password",
        ),
        (
            [
                ("name", "Ann"),
                ("email", "ann@x.org"),
                ("password", PASSWORD),
                ("repeat", "another"),
            ],
            "repeat",
        ),
    ] {
        let page = browser.post(&link, &fields).await.assert(422);
        assert!(
            page.has(&format!("#{wrong}-error")),
            "{wrong}: {}",
            page.html
        );
        assert_eq!(page.attr("#name", "value"), fields[0].1);
        assert_eq!(page.attr("#email", "value"), fields[1].1);
        assert!(page.attrs("input[type=password]", "value").is_empty());
    }
    // The address belongs to an account that is no administrator.
    app.make_user("ann", Role::STAFF).await;
    let page = send(&browser, &link, "ann@example.org").await.assert(422);
    assert!(page.text("#email-error").contains("already"));
    send(&browser, &link, "root@example.org").await.assert(303);
}

#[tokio::test]
async fn unusual_texts_are_refused_or_escaped() {
    for name in ["<script>alert(1)</script>", "Zoë 👩‍👩‍👧 שלום", "&amp; \" '"] {
        let app = App::start();
        let (link, browser) = (link(&app).await, app.browser());
        let mut fields = fields("ann@example.org", PASSWORD);
        fields[0].1 = name;
        browser.post(&link, &fields).await.assert(303);
        let page = browser.open(paths::ACCOUNT).await;
        assert_eq!(page.attr("#name", "value"), name);
    }
    let app = App::start();
    let (link, browser) = (link(&app).await, app.browser());
    let long = "x".repeat(10_000);
    for name in [long.as_str(), "a\0b", "\u{202E}\u{202C}", "a\nb"] {
        let mut fields = fields("ann@example.org", PASSWORD);
        fields[0].1 = name;
        let page = browser.post(&link, &fields).await.assert(422);
        assert!(page.has("#name-error"));
    }
    let mut fields = fields("ann@example.org", PASSWORD);
    fields[2].1 = long.as_str();
    fields[3].1 = long.as_str();
    browser.post(&link, &fields).await.assert(422);
}

#[tokio::test]
async fn the_secret_is_in_no_table() {
    let app = App::start();
    let link = link(&app).await;
    let secret = link.rsplit('/').next().unwrap();
    let rows = "SELECT COUNT(*) AS number FROM set_up_links";
    assert_eq!(app.number(rows).await, 1);
    let found = format!("{rows} WHERE token_hash LIKE '%{secret}%'");
    assert_eq!(app.number(&found).await, 0);
}
