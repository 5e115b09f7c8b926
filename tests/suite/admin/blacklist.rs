//! The blacklist in the panel: who, when, why, and until when.

use std::{collections::BTreeSet, time::Duration};

use munjigi::domain::account::Role;

use super::tokens::{jti, listed};
use crate::support::App;

#[tokio::test]
async fn a_refused_token_is_found_by_its_reason_its_person_and_its_day() {
    let app = App::start();
    let browser = app.signed_in("root", Role::Auditor).await;
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
        ("", vec![jti(&lee), jti(&kim), jti(&rotated)]),
        ("reason=rotated", vec![jti(&rotated)]),
        ("reason=logout", vec![jti(&kim)]),
        ("reason=deactivated", vec![jti(&lee)]),
        ("reason=administrator", vec![]),
        ("user_type=client", vec![jti(&lee), jti(&kim)]),
        ("user_type=user", vec![jti(&rotated)]),
        ("person=kim", vec![jti(&kim)]),
        ("person=ann%40example.org", vec![jti(&rotated)]),
        ("person=ann%40example.org&user_type=client", vec![]),
        ("person=client:1&reason=logout", vec![jti(&kim)]),
        ("from=2026-02-15", vec![jti(&lee)]),
        ("to=2026-02-14&reason=logout", vec![jti(&kim)]),
    ] {
        let page = browser.open(&format!("/admin/blacklist?{query}")).await;
        // What happened in one moment stands in either order.
        let sorted = |mut ids: Vec<String>| {
            ids.sort();
            ids
        };
        assert_eq!(sorted(listed(&page)), sorted(expected), "{query}");
        assert!(!listed(&page).contains(&jti(&live)));
    }
    let page = browser.open("/admin/blacklist?reason=logout").await;
    assert_eq!(page.text("#results .badge"), "Logged out");
    assert_eq!(page.attr("#results a.who", "href"), "/admin/clients/1");
    assert_eq!(page.count("#results time"), 2);
}

#[tokio::test]
async fn a_walk_over_the_blacklist_meets_every_row_once_though_many_share_a_moment() {
    let app = App::start();
    let browser = app.signed_in("root", Role::Admin).await;
    let mut ann = app.user("ann").await;
    for number in 0..70 {
        ann = ann.refreshed().await;
        if number % 30 == 0 {
            app.advance(Duration::from_secs(1));
        }
    }
    for query in ["size=25", "size=25&reason=rotated&user_type=user"] {
        let pages = browser
            .walk(&format!("/admin/blacklist?{query}"), "next")
            .await;
        let seen: Vec<String> = pages.iter().flat_map(listed).collect();
        assert_eq!(seen.len(), 70, "{query}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 70);
    }
}

#[tokio::test]
async fn an_odd_place_is_the_beginning_and_an_empty_list_says_what_it_is_for() {
    let app = App::start();
    let browser = app.signed_in("root", Role::Admin).await;
    let page = browser.open("/admin/blacklist").await;
    assert_eq!(page.text(".empty-title"), "The blacklist is empty");
    app.user("ann").await.refreshed().await;
    // Places of other lists, of no list, and of times that are none.
    for place in [
        "eA",
        "MTIzCjQ1Ng",
        "%00",
        "eAo5OTk5OTk5OTk5OTk5OTk5OTk5",
        "LTEKLTE",
    ] {
        let page = browser
            .open(&format!("/admin/blacklist?after={place}"))
            .await;
        assert_eq!(listed(&page).len(), 1, "{place}");
    }
    let page = browser.open("/admin/blacklist?reason=logout").await;
    assert_eq!(page.text(".empty-title"), "Nothing fits these filters");
}
