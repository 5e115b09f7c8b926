//! Views of lists that each viewer saves under a name.

use munjigi::{domain::account::Role, http::admin::paths};

use crate::support::{App, Browser, Page};

async fn save(browser: &Browser, list: &str, query: &str, name: &str) -> Page {
    let fields = [("list", list), ("query", query), ("name", name)];
    browser.post(paths::VIEWS, &fields).await
}

fn views(page: &Page) -> Vec<String> {
    page.texts(".view a")
}

#[tokio::test]
async fn a_view_is_saved_opened_replaced_and_deleted() {
    let app = App::start();
    let eve = app.signed_in("eve", Role::AUDITOR).await;
    let list = "/admin/audit?outcome=refused&period=today";
    let page = eve.open(list).await;
    // The form has the filters as they are: "today" means another day tomorrow.
    let query = page.attr(".save-view input[name=query]", "value");
    assert_eq!(query, "outcome=refused&period=today");
    let saved = save(&eve, paths::AUDIT, &query, "  Failed today ").await;
    let page = eve.open(saved.leads_to(list).location()).await;
    assert_eq!(page.text(".notice"), "View saved.");
    assert_eq!(views(&page), ["Failed today"]);
    assert_eq!(page.attr(".view a", "href"), list);
    assert_eq!(page.attr(".view a", "aria-current"), "true");
    let page = eve.open(paths::AUDIT).await;
    assert_eq!(page.attr(".view a", "href"), list);
    assert!(!page.has(".view a[aria-current]") && !page.has(".save-view"));
    // Views of other lists and other accounts are not shown.
    assert!(!eve.open(paths::LOCKS).await.has(".view"));
    let root = app.signed_in("root", Role::ADMIN).await;
    assert!(!root.open(paths::AUDIT).await.has(".view"));
    // The same name replaces it.
    save(&eve, paths::AUDIT, "outcome=done", "Failed today")
        .await
        .assert(303);
    let page = eve.open(paths::AUDIT).await;
    assert_eq!(page.attr(".view a", "href"), "/admin/audit?outcome=done");
    let fields = [("list", paths::AUDIT), ("name", "Failed today")];
    eve.post(paths::DELETE_VIEW, &fields)
        .await
        .leads_to(paths::AUDIT);
    let page = eve.open(paths::AUDIT).await;
    assert!(!page.has(".view"));
    let undo = page.attr(".notice form", "action");
    let restored = eve.post(&undo, &[]).await;
    let page = eve
        .open(restored.leads_to("/admin/audit?outcome=done").location())
        .await;
    assert_eq!(views(&page), ["Failed today"]);
    eve.post(paths::DELETE_VIEW, &fields).await.assert(303);
    eve.post(paths::DELETE_VIEW, &fields).await.assert(303);
    let page = eve.open(paths::AUDIT).await;
    assert!(!page.has(".view") && !page.has(".notice form"));
}

#[tokio::test]
async fn every_list_has_views_and_preferences_keep_them() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    for list in paths::lists() {
        save(&root, &list, "search=x&person=x", "거래처 <b>")
            .await
            .assert(303);
        let fields = [("language", "ko"), ("theme", "dark"), ("time_zone", "")];
        root.post(paths::PREFERENCES, &fields).await.assert(303);
        assert_eq!(views(&root.open(&list).await), ["거래처 <b>"], "{list}");
    }
}

#[tokio::test]
async fn a_view_needs_a_name_a_list_and_a_short_query() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    for list in ["", "/admin", "/admin/audit/1", "https://example.org/"] {
        save(&root, list, "", "x").await.assert(400);
    }
    let (long_name, long_query) = ("x".repeat(61), format!("search={}", "x".repeat(1_500)));
    for (query, name) in [
        ("search=x", ""),
        ("search=x", long_name.as_str()),
        ("search=x", "a\u{1}b"),
        (long_query.as_str(), "x"),
    ] {
        let answer = save(&root, paths::AUDIT, query, name).await.assert(303);
        let page = root.open(answer.location()).await;
        assert!(page.has(".notice.is-warn"), "{name}");
        assert!(!page.has(".view"));
    }
    for number in 0..=50 {
        save(&root, paths::AUDIT, "search=x", &format!("view {number}"))
            .await
            .assert(303);
    }
    let page = root.open(paths::AUDIT).await;
    assert!(page.text(".notice").contains("50 saved views"));
    assert_eq!(views(&page).len(), 50);
}
