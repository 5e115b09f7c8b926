//! The blacklist: filters, pages, cursors.

use std::{collections::BTreeSet, time::Duration};

use munjigi::{domain::account::Role, http::admin::paths};

use super::tokens::{jti, listed};
use crate::support::App;

#[tokio::test]
async fn a_blacklisted_token_is_found_by_reason_account_and_day() {
    let app = App::start();
    let browser = app.signed_in("root", Role::AUDITOR).await;
    let root = app.admin("boss").await;
    let rotated = app.user("ann").await;
    let live = rotated.refreshed().await;
    let kim = app.client("kim").await;
    kim.log_out(&kim.refresh).await.assert(200, "LOGGED_OUT");
    app.advance(Duration::from_hours(24));
    browser.sign_in("root").await;
    let root = root.again().await;
    let lee = app.client("lee").await;
    let change = serde_json::json!({"is_active": false});
    let answer = root
        .patch(&format!("/api/clients/{}", lee.seq), change)
        .await;
    answer.assert(200, "CLIENT_UPDATED");
    for (query, expected) in [
        ("", vec![jti(&lee), jti(&kim)]),
        ("reason=all", vec![jti(&lee), jti(&kim), jti(&rotated)]),
        (
            "reason=logout&reason=rotated",
            vec![jti(&kim), jti(&rotated)],
        ),
        (
            "reason=logout&reason=deactivated",
            vec![jti(&lee), jti(&kim)],
        ),
        ("reason=rotated", vec![jti(&rotated)]),
        ("reason=logout", vec![jti(&kim)]),
        ("reason=deactivated", vec![jti(&lee)]),
        ("reason=administrator", vec![]),
        ("user_type=client", vec![jti(&lee), jti(&kim)]),
        ("user_type=user", vec![]),
        ("user_type=user&reason=all", vec![jti(&rotated)]),
        ("person=kim", vec![jti(&kim)]),
        ("person=ann%40example.org&reason=all", vec![jti(&rotated)]),
        ("person=ann%40example.org", vec![]),
        ("person=im", vec![]),
        ("person=ann%40example.org&user_type=client", vec![]),
        ("person=client:1&reason=logout", vec![jti(&kim)]),
        ("from=2026-02-15", vec![jti(&lee)]),
        ("to=2026-02-14&reason=logout", vec![jti(&kim)]),
    ] {
        let page = browser.open(&format!("{}?{query}", paths::BLACKLIST)).await;
        // Rows of one time have no order.
        let sorted = |mut ids: Vec<String>| {
            ids.sort();
            ids
        };
        assert_eq!(sorted(listed(&page)), sorted(expected), "{query}");
        assert!(!listed(&page).contains(&jti(&live)));
    }
    let page = browser.open("/admin/blacklist?reason=logout").await;
    assert_eq!(page.text("#results .badge"), "Logged out");
    assert_eq!(page.text("td[data-label=By]"), "kim");
    let page = browser.open("/admin/blacklist?reason=deactivated").await;
    assert_eq!(page.text("td[data-label=By]"), "boss@example.org");
    let page = browser
        .open("/admin/blacklist?reason=logout&reason=deactivated")
        .await;
    assert_eq!(page.texts(".chip b"), ["Logged out", "Account deactivated"]);
    assert_eq!(
        page.attr(".chip a", "href"),
        "/admin/blacklist?reason=deactivated"
    );
    assert_eq!(page.text("[data-count]"), "1–2 of 2");
    let page = browser.open("/admin/blacklist?reason=logout").await;
    assert_eq!(page.attr("#results a.who", "href"), "/admin/clients/1");
    assert_eq!(page.count("#results time"), 2);
}

#[tokio::test]
async fn paging_shows_every_row_once_even_if_many_have_the_same_time() {
    let app = App::start();
    let browser = app.signed_in("root", Role::ADMIN).await;
    let mut ann = app.user("ann").await;
    for number in 0..70 {
        ann = ann.refreshed().await;
        if number % 30 == 0 {
            app.advance(Duration::from_secs(1));
        }
    }
    for query in [
        "size=25&reason=all",
        "size=25&reason=rotated&user_type=user",
    ] {
        let pages = browser
            .walk(&format!("{}?{query}", paths::BLACKLIST), "next")
            .await;
        let seen: Vec<String> = pages.iter().flat_map(listed).collect();
        assert_eq!(seen.len(), 70, "{query}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 70);
    }
}

#[tokio::test]
async fn an_invalid_cursor_is_the_beginning_and_an_empty_list_says_so() {
    let app = App::start();
    let browser = app.signed_in("root", Role::ADMIN).await;
    let page = browser.open(paths::BLACKLIST).await;
    assert_eq!(page.text(".empty-title"), "The blacklist is empty");
    app.user("ann").await.refreshed().await;
    // Cursors of other lists, malformed ones, and invalid times.
    for cursor in [
        "eA",
        "MTIzCjQ1Ng",
        "%00",
        "eAo5OTk5OTk5OTk5OTk5OTk5OTk5",
        "LTEKLTE",
    ] {
        let page = browser
            .open(&format!("{}?reason=all&after={cursor}", paths::BLACKLIST))
            .await;
        assert_eq!(listed(&page).len(), 1, "{cursor}");
    }
    let page = browser.open("/admin/blacklist?reason=logout").await;
    assert_eq!(page.text(".empty-title"), "No matching tokens");
}
