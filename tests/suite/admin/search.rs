//! The search over everything, suggestions of accounts, and lists by a part of a name.

use munjigi::{domain::account::Role, http::admin::paths};
use serde_json::json;

use super::tokens::{jti, listed};
use crate::support::{App, Browser, Page, claims_of};

async fn search(browser: &Browser, text: &str) -> Page {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("q", text)
        .finish();
    browser.get(&format!("{}?{query}", paths::SEARCH)).await
}

#[tokio::test]
async fn accounts_are_found_by_every_name_address_and_number() {
    let app = App::start();
    let browser = app.signed_in("root", Role::AUDITOR).await;
    let boss = app.admin("boss").await;
    app.make_client("acme").await;
    app.make_user("kim", Role::STAFF).await;
    let change = json!({"name": "김서연", "external_id": "HR-0042"});
    boss.patch("/api/users/3", change)
        .await
        .assert(200, "USER_UPDATED");
    for (text, expected) in [
        ("kim@example.org", vec!["/admin/users/3"]),
        ("KIM@EXAMPLE.ORG", vec!["/admin/users/3"]),
        ("kim@", vec!["/admin/users/3"]),
        ("im@exam", vec!["/admin/users/3"]),
        ("김", vec!["/admin/users/3"]),
        ("김서", vec!["/admin/users/3"]),
        ("서연", vec!["/admin/users/3"]),
        ("HR-0042", vec!["/admin/users/3"]),
        (" acme ", vec!["/admin/clients/1"]),
        ("ac", vec!["/admin/clients/1"]),
        ("1012345678", vec!["/admin/clients/1"]),
        ("client@", vec!["/admin/clients/1"]),
        ("%%%", vec![]),
        ("nobody", vec![]),
        ("'; --", vec![]),
        ("\"*", vec![]),
    ] {
        let page = search(&browser, text).await.assert(200);
        assert_eq!(page.attrs(".hits a", "href"), expected, "{text}");
        assert_eq!(page.attr("#find", "value"), text.trim(), "{text}");
    }
    let page = search(&browser, "nobody").await;
    assert_eq!(page.text(".empty-title"), "Nothing found");
    let page = browser.open(paths::SEARCH).await;
    assert!(!page.has(".empty"));
    for (text, path) in [
        ("user:3", "/admin/users/3"),
        ("client:1", "/admin/clients/1"),
    ] {
        assert_eq!(search(&browser, text).await.assert(303).location(), path);
    }
    search(&browser, "client:99").await.assert(200);
    for odd in ["%00", "%F0%9F%91%A9", &"x".repeat(5_000), "%E2%80%AE"] {
        browser.open(&format!("{}?q={odd}", paths::SEARCH)).await;
        let suggestions = browser
            .open(&format!("{}?q={odd}", paths::SUGGESTIONS))
            .await;
        assert_eq!(suggestions.html, "[]", "{odd}");
    }
    // The search of the panel does not search for wildcards, nor for every account with an empty text.
    assert_eq!(browser.open(paths::SUGGESTIONS).await.html, "[]");
    let found = browser.open(&format!("{}?q=kim", paths::SUGGESTIONS)).await;
    let found: serde_json::Value = serde_json::from_str(&found.html).unwrap();
    assert_eq!(
        found,
        json!([{"value": "kim@example.org", "label": "김서연 · Internal user"}])
    );
}

#[tokio::test]
async fn an_id_leads_straight_to_its_page_and_a_part_of_it_is_listed() {
    let app = App::start();
    let browser = app.signed_in("root", Role::AUDITOR).await;
    let ann = app.user("ann").await;
    let token = jti(&ann);
    let session = claims_of(&ann.refresh)["sid"].as_str().unwrap().to_owned();
    let to = search(&browser, &token).await.assert(303);
    assert_eq!(to.location(), paths::token(&token));
    let to = search(&browser, &token.to_uppercase()).await.assert(303);
    assert_eq!(to.location(), paths::token(&token));
    let to = search(&browser, &session).await.assert(303);
    assert_eq!(to.location(), paths::session(&session));
    let page = browser.open(&paths::session(&session)).await;
    assert!(page.text("#session").contains(&session));
    assert_eq!(page.attrs(".chain a", "href"), [paths::token(&token)]);
    let page = search(&browser, &token[..10]).await.assert(200);
    assert!(
        page.attrs("a.mono.open", "href")
            .contains(&paths::token(&token))
    );
    let page = search(&browser, &"0".repeat(32)).await.assert(200);
    assert!(page.has(".empty"));
}

#[tokio::test]
async fn a_request_and_an_address_are_found_in_the_audit_log() {
    let app = App::start();
    let browser = app.signed_in("root", Role::AUDITOR).await;
    let form = [("csrf", &*browser.token().await), ("name", "Root Lee")];
    let headers = [("x-request-id", "request-of-the-test")];
    browser
        .ask("POST", paths::PROFILE, Some(&form), &headers)
        .await
        .assert(303);
    let to = search(&browser, "request-of-the-test").await.assert(303);
    let page = browser.open(to.location()).await;
    assert_eq!(page.text("h1"), "Account updated");
    let page = browser
        .open("/admin/audit?request=request-of-the-test")
        .await;
    assert_eq!(page.count("#results tbody tr"), 1);
    assert_eq!(page.text(".chip b"), "request-of-the-test");

    app.user("ann").await;
    let page = search(&browser, "127.0.0.1").await.assert(200);
    assert!(page.count(".timeline > li") >= 2, "{}", page.html);
    assert_eq!(page.count("table tbody tr"), 1);
    assert!(page.has("a[href='/admin/sessions?address=127.0.0.1']"));
    let page = search(&browser, "127.0.0.12").await.assert(200);
    assert!(page.has(".empty"));
}

#[tokio::test]
async fn a_list_accepts_a_part_of_a_name_that_at_most_twenty_accounts_have() {
    let app = App::start();
    let browser = app.signed_in("root", Role::AUDITOR).await;
    let bennett = app.client("bennett-1").await;
    let other = app.client("garrett-bennett").await;
    for path in [paths::TOKENS, paths::SESSIONS] {
        let page = browser.open(&format!("{path}?person=bennett")).await;
        assert_eq!(page.count("#results tbody tr"), 2, "{path}");
    }
    let page = browser.open("/admin/tokens?person=bennett-1").await;
    assert_eq!(listed(&page), [jti(&bennett)]);
    let page = browser.open("/admin/tokens?person=garrett").await;
    assert_eq!(listed(&page), [jti(&other)]);
    let page = browser
        .open("/admin/audit?person=garrett&action=logged_in")
        .await;
    assert_eq!(page.count("#results tbody tr"), 1);
    let page = browser.open("/admin/audit?person=client:2").await;
    assert_eq!(page.text(".chip b"), "garrett-bennett");
    for number in 0..19 {
        app.make_client(&format!("bennett-many-{number}")).await;
    }
    for path in [
        paths::TOKENS,
        paths::SESSIONS,
        paths::BLACKLIST,
        paths::AUDIT,
    ] {
        let page = browser.open(&format!("{path}?person=bennett")).await;
        assert_eq!(
            page.text(".empty-title"),
            "More than 20 accounts match",
            "{path}"
        );
        let page = browser
            .open(&format!("{path}?person=bennett-many&size=200"))
            .await;
        assert_ne!(
            page.texts(".empty-title"),
            ["More than 20 accounts match"],
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_search_field_is_on_every_page_of_the_panel() {
    let app = App::start();
    let browser = app.signed_in("root", Role::AUDITOR).await;
    for path in [
        paths::DASHBOARD,
        &paths::USERS,
        paths::SECURITY,
        paths::ACCOUNT,
    ] {
        let page = browser.open(path).await;
        assert_eq!(page.attr("form.find", "action"), paths::SEARCH, "{path}");
        assert_eq!(page.count("#find"), 1, "{path}");
    }
}
