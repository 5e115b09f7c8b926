//! Refresh tokens: the list, one token with its rotation chain, blacklisting and ending sessions.

use std::{collections::BTreeSet, time::Duration};

use munjigi::{domain::account::Role, http::admin::paths};
use serde_json::Value;

use crate::support::{App, Browser, Page, Person, claims_of};

/// The id of a refresh token.
pub fn jti(person: &Person) -> String {
    claims_of(&person.refresh)["jti"].as_str().unwrap().into()
}

/// The ids that a list shows.
pub fn listed(page: &Page) -> Vec<String> {
    let links = page.attrs("#results td a.mono", "href");
    let id = |link: &String| link.rsplit('/').next().unwrap().to_owned();
    links.iter().map(id).collect()
}

/// The list under these filters.
async fn tokens(browser: &Browser, query: &str) -> Vec<String> {
    listed(&browser.open(&format!("{}?{query}", paths::TOKENS)).await)
}

#[tokio::test]
async fn a_token_is_found_by_its_state() {
    let app = App::start();
    let browser = app.signed_in("root", Role::AUDITOR).await;
    let expired = app.user("ann").await;
    app.advance(Duration::from_hours(24 * 16));
    let used = app.user("bob").await;
    app.advance(Duration::from_secs(1));
    let live = used.refreshed().await;
    let ended = app.client("kim").await;
    ended
        .log_out(&ended.refresh)
        .await
        .assert(200, "LOGGED_OUT");
    app.advance(Duration::from_hours(24 * 15));
    browser.sign_in("root").await;
    let later = live.refreshed().await;
    for (state, person) in [
        ("used", &live),
        ("live", &later),
        ("blacklisted", &ended),
        ("expired", &expired),
    ] {
        let page = browser
            .open(&format!("{}?state={state}", paths::TOKENS))
            .await;
        let expected = match state {
            "used" => vec![jti(&live), jti(&used)],
            _ => vec![jti(person)],
        };
        assert_eq!(listed(&page), expected, "{state}");
        let text = if state == "live" { "active" } else { state };
        let badge = page.text("#results .badge");
        assert_eq!(badge.to_lowercase(), text);
        assert!(page.text("#results .chip").to_lowercase().contains(text));
    }
    assert_eq!(tokens(&browser, "").await.len(), 5);
}

#[tokio::test]
async fn the_two_populations_are_not_confused_by_their_numbers() {
    let app = App::start();
    let browser = app.signed_in("root", Role::ADMIN).await;
    let first = app.client("kim").await;
    let ann = app.user("ann").await;
    // Ids of one millisecond have no order.
    app.advance(std::time::Duration::from_secs(1));
    let second = app.client("lee").await;
    assert_eq!(ann.seq, second.seq, "the numbers collide");
    for (query, expected) in [
        ("person=ann%40example.org", vec![jti(&ann)]),
        ("person=%20ANN%40Example.org%20", vec![jti(&ann)]),
        ("person=lee", vec![jti(&second)]),
        ("person=lee&user_type=user", vec![]),
        ("person=user:2", vec![jti(&ann)]),
        ("person=client:2", vec![jti(&second)]),
        ("user_type=user", vec![jti(&ann)]),
        ("user_type=client", vec![jti(&second), jti(&first)]),
        ("user_type=client&state=used", vec![]),
    ] {
        assert_eq!(tokens(&browser, query).await, expected, "{query}");
    }
    let page = browser.open("/admin/tokens?user_type=user").await;
    assert_eq!(page.attr("#results a.who", "href"), "/admin/users/2");
    let page = browser.open("/admin/tokens?person=lee").await;
    assert_eq!(page.attr("#results a.who", "href"), "/admin/clients/2");
}

#[tokio::test]
async fn an_unknown_name_gives_an_empty_list_that_says_so() {
    let app = App::start();
    let browser = app.signed_in("root", Role::ADMIN).await;
    app.user("ann").await;
    for path in [paths::TOKENS, paths::BLACKLIST] {
        for name in ["an%40example.org", "%25", "client:99x", "user:0"] {
            let page = browser.open(&format!("{path}?person={name}")).await;
            assert_eq!(page.text(".empty-title"), "No account with this name");
            assert!(listed(&page).is_empty());
        }
    }
}

#[tokio::test]
async fn a_day_is_a_day_of_the_viewers_zone() {
    let app = App::start();
    let browser = app.signed_in("root", Role::ADMIN).await;
    // 12:30 UTC on 14 February, and 23:30 the same day: the 15th in Seoul.
    let noon = app.user("ann").await;
    app.advance(Duration::from_hours(11));
    let night = noon.again().await;
    browser.sign_in("root").await;
    for (query, expected) in [
        (
            "from=2026-02-14&to=2026-02-14",
            vec![jti(&night), jti(&noon)],
        ),
        ("from=2026-02-15", vec![]),
        ("to=2026-02-13", vec![]),
    ] {
        assert_eq!(tokens(&browser, query).await, expected, "{query}");
    }
    browser.set_cookie("munjigi_zone", "Asia%2FSeoul");
    let seoul = tokens(&browser, "from=2026-02-15&to=2026-02-15").await;
    assert_eq!(seoul, [jti(&night)]);
}

#[tokio::test]
async fn invalid_filters_are_reported_and_ignored() {
    let app = App::start();
    let browser = app.signed_in("root", Role::ADMIN).await;
    app.user("ann").await;
    let long = "x".repeat(10_000);
    for query in [
        "from=yesterday".to_owned(),
        "state=dead&person=".to_owned(),
        "user_type=%3Cscript%3E".to_owned(),
        "person=a%00b".to_owned(),
        format!("person={long}"),
        "to=%E2%80%AE2026-02-14&after=AAAA".to_owned(),
    ] {
        let page = browser.open(&format!("{}?{query}", paths::TOKENS)).await;
        assert_eq!(page.count("#results .banner.is-warn"), 1, "{query}");
        assert_eq!(listed(&page).len(), 1, "{query}");
        assert_eq!(page.count("script"), 1);
    }
}

#[tokio::test]
async fn paging_shows_every_token_once_in_both_directions() {
    let app = App::start();
    let browser = app.signed_in("root", Role::ADMIN).await;
    let mut ann = app.user("ann").await;
    for _ in 0..60 {
        ann = ann.refreshed().await;
    }
    for query in [
        "size=25",
        "size=25&state=used",
        "size=25&person=ann%40example.org",
    ] {
        let pages = browser
            .walk(&format!("{}?{query}", paths::TOKENS), "next")
            .await;
        let last = pages[0].attr(".pager a[aria-label='Last page']", "href");
        let mut seen: Vec<String> = pages.iter().flat_map(listed).collect();
        let expected = if query.contains("used") { 60 } else { 61 };
        assert_eq!(seen.len(), expected, "{query}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), expected);
        assert!(seen.is_sorted_by(|a, b| a > b), "newest first");
        let pages = browser.walk(&last, "prev").await;
        let back: Vec<String> = pages
            .iter()
            .flat_map(|page| listed(page).into_iter().rev())
            .collect();
        seen.reverse();
        assert_eq!(back, seen, "{query}");
    }
}

#[tokio::test]
async fn the_page_of_a_token_shows_claims_session_and_rotation_chain() {
    let app = App::start();
    let browser = app.signed_in("root", Role::ADMIN).await;
    let first = app.user("ann").await;
    app.advance(Duration::from_mins(5));
    let second = first.refreshed().await;
    app.advance(Duration::from_mins(5));
    let third = second.refreshed().await;
    let page = browser.open(&paths::token(jti(&second))).await;
    let chain = page.attrs(".chain li a", "href");
    let expected = [&first, &second, &third].map(|one| paths::token(jti(one)));
    assert_eq!(chain, expected);
    assert_eq!(page.texts(".chain .badge"), ["Used", "Used", "Active"]);
    assert_eq!(page.count(".chain li.is-this"), 1);
    assert!(page.text(".chain li.is-this").contains("This token"));
    let names = page.texts("#claims th[scope=row]");
    let values = page.texts("#claims td .mono");
    let shown: Vec<(&String, &String)> = names.iter().zip(&values).collect();
    for (name, value) in &claims_of(&second.refresh) {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        assert!(shown.contains(&(name, &value)), "{name} {value} {shown:?}");
    }
    assert!(page.text("#session").contains("127.0.0.1"));
    assert!(
        !page.html.contains(&second.refresh),
        "the token itself is not shown"
    );
    for path in ["/admin/tokens/x", &paths::token("0".repeat(32))] {
        browser.get(path).await.assert(404);
    }
}

#[tokio::test]
async fn a_blacklisted_token_is_refused_by_the_api_and_its_access_token_is_not() {
    let app = App::start();
    let browser = app.signed_in("root", Role::ADMIN).await;
    let ann = app.user("ann").await;
    let path = paths::token(jti(&ann));
    let page = browser.open(&path).await;
    let button = page.attr(".actions a", "href");
    let confirm = browser.open(&button).await;
    assert!(confirm.text("main").contains("until they expire"));
    ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    let action = confirm.attr("main form", "action");
    browser.post(&action, &[]).await.leads_to(&path);
    let page = browser.open(&path).await;
    assert_eq!(page.text(".notice"), "Token blacklisted.");
    assert_eq!(page.text(".page-head .badge"), "Blacklisted");
    ann.assert_tokens("TOKEN_VALID", "TOKEN_BLACKLISTED").await;
    let refresh = app.anonymous().refresh(&ann.refresh).await;
    refresh.assert(401, "TOKEN_BLACKLISTED");
    browser.post(&action, &[]).await.leads_to(&path);
    let page = browser.open(&path).await;
    assert!(page.has(".notice.is-warn"));
    let events = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'token_blacklisted' AND subject_name = 'ann@example.org' AND actor_name = 'root@example.org' AND source = 'panel'";
    assert_eq!(app.number(events).await, 1);
}

#[tokio::test]
async fn ending_a_session_revokes_its_access_token_and_refresh_token() {
    let app = App::start();
    let browser = app.signed_in("root", Role::ADMIN).await;
    let kim = app.client("kim").await.refreshed().await;
    let other = kim.again().await;
    let path = paths::token(jti(&kim));
    let page = browser.open(&path).await;
    let confirm = browser.open(&page.attr(".actions a.danger", "href")).await;
    let action = confirm.attr("main form", "action");
    browser.post(&action, &[]).await.leads_to(&path);
    let page = browser.open(&path).await;
    assert_eq!(page.text(".notice"), "The session has ended.");
    assert!(!page.has(".actions a"), "no action is left");
    kim.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    other.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    let page = browser.post(&action, &[]).await;
    page.leads_to(&path);
    let events = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'session_ended' AND subject_name = 'kim'";
    assert_eq!(app.number(events).await, 1);
}

#[tokio::test]
async fn an_auditor_has_no_buttons_and_is_refused() {
    let app = App::start();
    let browser = app.signed_in("aud", Role::AUDITOR).await;
    let ann = app.user("ann").await;
    let path = paths::token(jti(&ann));
    let page = browser.open(&path).await;
    assert!(!page.has(".page-head .actions a") && !page.has("main form"));
    for action in ["blacklist", "end-session"] {
        browser.get(&format!("{path}/{action}")).await.assert(403);
        let page = browser.post(&format!("{path}/{action}"), &[]).await;
        page.assert(403);
    }
    ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    let anonymous = app.browser();
    anonymous.get(&path).await.assert(303);
}

#[tokio::test]
async fn tokens_of_a_deleted_account_are_kept_and_marked() {
    let app = App::start();
    let browser = app.signed_in("root", Role::ADMIN).await;
    let root = app.admin("boss").await;
    let ann = app.user("ann").await;
    let deleted = root.delete(&format!("/api/users/{}", ann.seq)).await;
    deleted.assert(200, "USER_DELETED");
    let page = browser.open("/admin/tokens?state=blacklisted").await;
    assert_eq!(listed(&page), [jti(&ann)]);
    assert!(page.text("#results .who").contains("Deleted account"));
    assert!(!page.has("#results a.who"));
    let page = browser.open(&paths::token(jti(&ann))).await;
    assert!(page.text("#owner").contains(&format!("user:{}", ann.seq)));
}
