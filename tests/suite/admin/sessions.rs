//! The list of the sessions of all accounts, and ending many of them.

use std::time::Duration;

use munjigi::{domain::account::Role, http::admin::paths};

use super::tokens::jti;
use crate::support::{App, Browser, Page, Person, claims_of, wait_until};

fn sid(person: &Person) -> String {
    claims_of(&person.refresh)["sid"].as_str().unwrap().into()
}

/// The ids that a list shows.
fn listed(page: &Page) -> Vec<String> {
    let links = page.attrs("#results td a.open", "href");
    let id = |link: &String| link.rsplit('/').next().unwrap().to_owned();
    links.iter().map(id).collect()
}

async fn sessions(browser: &Browser, query: &str) -> Vec<String> {
    listed(&browser.open(&format!("{}?{query}", paths::SESSIONS)).await)
}

#[tokio::test]
async fn a_session_is_found_by_state_account_address_program_and_day() {
    let app = App::start();
    let browser = app.signed_in("root", Role::AUDITOR).await;
    let ann = app.user("ann").await;
    app.advance(Duration::from_secs(1));
    let kim = app.client("kim").await;
    app.advance(Duration::from_secs(1));
    let gone = app.client("lee").await;
    gone.log_out(&gone.refresh).await.assert(200, "LOGGED_OUT");
    app.execute(&format!(
        "UPDATE sessions SET ip_address = '198.51.100.7', last_ip_address = '203.0.113.9', \
         last_user_agent = 'Mozilla/5.0 (X11; Linux x86_64) Chrome/141.0.0.0' WHERE id = '{}'",
        sid(&kim)
    ))
    .await;
    let (ann_id, kim_id, gone_id) = (sid(&ann), sid(&kim), sid(&gone));
    for (query, expected) in [
        ("", vec![&kim_id, &ann_id]),
        ("state=ended", vec![&gone_id]),
        ("state=all", vec![&gone_id, &kim_id, &ann_id]),
        ("user_type=user", vec![&ann_id]),
        ("person=kim", vec![&kim_id]),
        ("person=ann%40", vec![&ann_id]),
        ("address=198.51.100.7", vec![&kim_id]),
        ("address=203.0.113.9", vec![&kim_id]),
        ("address=203.0.113.90", vec![]),
        ("program=chrome", vec![&kim_id]),
        ("program=CHROME%2F141", vec![&kim_id]),
        ("program=%25", vec![]),
        ("period=today", vec![&kim_id, &ann_id]),
        ("period=yesterday", vec![]),
        ("from=2026-02-15", vec![]),
        (&format!("session={gone_id}"), vec![&gone_id]),
        ("state=none", vec![&kim_id, &ann_id]),
        ("after=eA", vec![&kim_id, &ann_id]),
    ] {
        let found = sessions(&browser, query).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let page = browser.open("/admin/sessions?person=kim").await;
    assert_eq!(page.attr("#results a.who", "href"), "/admin/clients/1");
    let row = page.text("#results tbody tr");
    for part in ["Chrome, Linux", "203.0.113.9"] {
        assert!(row.contains(part), "{part}: {row}");
    }
    let program = page.attr("a.open", "title");
    assert!(program.contains("Chrome/141") && program.ends_with("Password"));
    let address = page.attr("span.mono", "title");
    assert_eq!(address, "203.0.113.9 (login from 198.51.100.7)");
    let unknown = browser.open("/admin/sessions?person=nobody").await;
    assert_eq!(unknown.text(".empty-title"), "No account with this name");
    let dashboard = browser.open(paths::DASHBOARD).await;
    assert!(dashboard.has(&format!(".stat a[href='{}']", paths::SESSIONS)));
    let file = browser.get("/admin/sessions/export.csv?person=kim").await;
    let lines: Vec<&str> = file.html.lines().collect();
    assert_eq!(lines.len(), 2, "{}", file.html);
    assert!(
        lines[1].starts_with(&format!("{kim_id},client,1,kim,")),
        "{}",
        lines[1]
    );
    assert!(lines[1].contains("2026-02-14T12:30:46+00:00,2026-02-14 12:30:46"));
}

#[tokio::test]
async fn every_session_is_listed_once_over_the_pages() {
    let app = App::start();
    let browser = app.signed_in("root", Role::AUDITOR).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for _ in 0..30 {
        ann.again().await;
        bob.again().await;
    }
    for (end, relation) in [("", "next"), ("&last=1", "prev")] {
        let path = format!("{}?size=25{end}", paths::SESSIONS);
        let pages = browser.walk(&path, relation).await;
        let mut seen: Vec<String> = pages.iter().flat_map(listed).collect();
        assert_eq!(seen.len(), 62);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 62);
    }
}

#[tokio::test]
async fn ticked_sessions_end_after_a_confirmation_with_the_numbers() {
    let app = App::start();
    let admin = app.signed_in("root", Role::ADMIN).await;
    let ann = app.user("ann").await;
    let second = ann.again().await;
    let kim = app.client("kim").await;
    let (one, two) = (sid(&ann), sid(&kim));
    let chosen = [("selected", one.as_str()), ("selected", two.as_str())];
    let page = admin.post(paths::END_SESSIONS, &chosen).await.assert(200);
    assert_eq!(page.text("h1"), "End 2 sessions of 2 accounts?");
    assert!(!page.has("[name=number]"));
    ann.refreshed().await;
    let confirmed = [&chosen[..], &[("confirmed", "1")]].concat();
    let to = admin
        .post(paths::END_SESSIONS, &confirmed)
        .await
        .assert(303);
    assert_eq!(to.location(), paths::SESSIONS);
    let page = admin.open(paths::SESSIONS).await;
    assert_eq!(page.text(".notice"), "2 sessions were ended.");
    assert_eq!(listed(&page), [sid(&second)]);
    kim.get("/api/me").await.assert_status(401);
    second.get("/api/me").await.assert_status(200);
    let events = admin
        .open("/admin/audit?action=session_ended&action=bulk_started")
        .await;
    assert_eq!(events.count("#results tbody tr"), 3);
    // Once more: there is nothing left to do.
    let to = admin
        .post(paths::END_SESSIONS, &confirmed)
        .await
        .assert(303);
    assert_eq!(to.location(), paths::SESSIONS);
    let to = admin.post(paths::END_SESSIONS, &[]).await.assert(303);
    assert_eq!(to.location(), paths::SESSIONS);
    admin
        .post(paths::END_SESSIONS, &[("selected", "x")])
        .await
        .assert(400);
}

#[tokio::test]
async fn all_matching_sessions_end_only_with_their_number_typed() {
    let app = App::start();
    let admin = app.signed_in("root", Role::ADMIN).await;
    let kim = app.client("kim").await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for _ in 0..27 {
        ann.again().await;
        bob.again().await;
    }
    // Only sessions that began before the question are ended.
    app.advance(Duration::from_secs(1));
    let all = [("scope", "all"), ("query", "user_type=user")];
    let page = admin.post(paths::END_SESSIONS, &all).await.assert(200);
    assert_eq!(page.text("h1"), "End 56 sessions of 2 accounts?");
    assert_eq!(page.text("#filter b"), "Internal user");
    let begun_before = page.attr("[name=begun_before]", "value");
    app.advance(Duration::from_secs(2));
    let later = ann.again().await;
    let typed = |number: &'static str| {
        let mut fields = vec![
            ("confirmed", "1"),
            ("count", "56"),
            ("begun_before", begun_before.as_str()),
            ("number", number),
        ];
        fields.extend(all);
        fields
    };
    for number in ["", "55", "x"] {
        let page = admin.post(paths::END_SESSIONS, &typed(number)).await;
        let page = page.assert(422);
        assert!(page.text("#number-error").contains("number"), "{number}");
    }
    admin
        .post(paths::END_SESSIONS, &typed("56"))
        .await
        .assert(303);
    let live = "SELECT COUNT(*) AS number FROM sessions WHERE ended_at IS NULL";
    wait_until("the end of the sessions", async || {
        (app.number(live).await == 2).then_some(())
    })
    .await;
    assert_eq!(
        sessions(&admin, "").await,
        [sid(&later), sid(&kim)],
        "a session that began after the confirmation was shown, and another population"
    );
    let odd = [("scope", "all"), ("query", "from=yesterday")];
    admin.post(paths::END_SESSIONS, &odd).await.assert(303);
    assert_eq!(app.number(live).await, 2);
}

#[tokio::test]
async fn a_session_has_a_page_with_its_account_its_device_and_its_tokens() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let ann = app.user("ann").await;
    let first = jti(&ann);
    app.advance(Duration::from_secs(1));
    let ann = ann.refreshed().await;
    let session = claims_of(&ann.refresh)["sid"].as_str().unwrap().to_owned();
    let page = root.open(&paths::session(&session)).await;
    assert!(page.text("#owner").contains("ann@example.org"));
    let facts = page.text("#session");
    assert!(
        facts.contains(&session) && facts.contains("127.0.0.1"),
        "{facts}"
    );
    let tokens = [first, jti(&ann)].map(paths::token);
    assert_eq!(page.attrs(".chain a", "href"), tokens);
    // It leads to the question that ends it, and the list, the token and the account lead to it.
    let end = page.attr(".page-head .actions a", "href");
    for from in [
        paths::SESSIONS.to_owned(),
        tokens[1].clone(),
        paths::USERS.person(ann.seq).to_string(),
    ] {
        let links = root.open(&from).await.attrs("main a", "href");
        assert!(links.contains(&paths::session(&session)), "{from}");
    }
    root.post(&end, &[]).await.assert(303);
    let page = root.open(&paths::session(&session)).await;
    assert!(page.text("#session").contains("By an administrator"));
    assert!(!page.has(".page-head .actions a"));
    let event = root.open("/admin/audit?action=session_ended").await;
    let event = event.attr("#results tbody td.lead a", "href");
    let links = root.open(&event).await.attrs("#facts a", "href");
    assert!(links.contains(&paths::session(&session)), "{links:?}");

    let auditor = app.signed_in("eve", Role::AUDITOR).await;
    let bob = app.client("bob").await;
    let session = claims_of(&bob.refresh)["sid"].as_str().unwrap().to_owned();
    let page = auditor.open(&paths::session(&session)).await;
    assert!(!page.has(".page-head .actions a"));
    // Of a session that was flushed, the audit log keeps the events.
    let unknown = "0".repeat(32);
    let page = auditor.get(&paths::session(&unknown)).await.assert(404);
    assert_eq!(
        page.attr("#flushed a", "href"),
        format!("/admin/audit?session={unknown}")
    );
    auditor.get(&paths::session("x")).await.assert(404);
}
