//! The audit log: completeness, no secrets, search and filters.

use std::time::Duration;

use munjigi::{
    domain::{account::Role, paging::Cursor},
    http::admin::paths,
};
use serde_json::json;

use crate::support::{App, Browser, Page, password_of};

/// The rows of the list, each as one line.
fn rows(page: &Page) -> Vec<String> {
    page.texts("#results tbody tr")
}

async fn found(browser: &Browser, query: &str) -> Vec<String> {
    let page = browser.open(&format!("{}?{query}", paths::AUDIT)).await;
    page.texts("#results tbody td.lead a")
}

#[tokio::test]
async fn every_change_is_logged_with_old_and_new_values_and_without_secrets() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let root = app.admin("root").await;
    let bob = app.make_user("bob", Role::STAFF).await;
    let path = format!("/api/users/{bob}");
    let secret = "a secret password of bob's";
    let change = json!({"name": "Bob <b>Bee</b>", "role": "auditor", "password": secret});
    let change = root.confirmed(change);
    root.patch(&path, change).await.assert(200, "USER_UPDATED");
    root.delete(&path).await.assert(200, "USER_DELETED");
    let page = admin.open(paths::AUDIT).await;
    let lines = rows(&page);
    assert!(lines[0].starts_with("Account deleted"), "{lines:?}");
    assert!(
        lines[0].contains("root@example.org bob@example.org API"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("Password changed"), "{lines:?}");
    assert!(
        lines[2].starts_with("Account updated Name bob Bob <b>Bee</b> Role Staff Auditor"),
        "{lines:?}"
    );
    assert_eq!(page.texts("tbody tr:nth-child(3) del"), ["bob", "Staff"]);
    assert_eq!(
        page.texts("tbody tr:nth-child(3) ins"),
        ["Bob <b>Bee</b>", "Auditor"]
    );
    assert!(
        lines
            .iter()
            .any(|row| row.starts_with("Logged in to the panel")),
        "{lines:?}"
    );
    assert!(!page.html.contains(secret) && !page.html.contains("$2"));
    // A deleted account has no page, the actor has one.
    assert!(!page.has("tbody tr:nth-child(1) td:nth-child(3) a"));
    assert!(page.has("tbody tr:nth-child(1) td:nth-child(2) a"));
}

#[tokio::test]
async fn an_event_has_a_page_with_all_details() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let answer = admin
        .ask(
            "POST",
            paths::PROFILE,
            Some(&[("csrf", &admin.token().await), ("name", "Ann Lee")]),
            &[
                ("user-agent", "Checker/1.0"),
                ("x-request-id", "request-of-the-test"),
            ],
        )
        .await;
    answer.assert(303);
    let list = admin.open(paths::AUDIT).await;
    let page = admin.open(&list.attr("tbody td.lead a", "href")).await;
    assert_eq!(page.text("h1"), "Account updated");
    assert_eq!(page.texts("#changes tbody td"), ["Name", "ann", "Ann Lee"]);
    let facts = page.text("#facts");
    for fact in [
        "2026-02-14 12:30:45",
        "Admin panel",
        "127.0.0.1",
        "Checker/1.0",
        "request-of-the-test",
    ] {
        assert!(facts.contains(fact), "{fact}: {facts}");
    }
    for path in ["/admin/audit/4711", "/admin/audit/x", "/admin/audit/-1"] {
        admin.get(path).await.assert(404);
    }
}

#[tokio::test]
async fn refused_sign_ins_are_logged_too() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let anonymous = app.browser();
    for email in ["ann@example.org", "my secret in the wrong field"] {
        let fields = [("email", email), ("password", "wrong")];
        anonymous.post(paths::LOGIN, &fields).await.assert(422);
    }
    let lines = rows(&admin.open("/admin/audit?action=sign_in_refused").await);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[1].starts_with("Panel login failed Reason Wrong password Unknown ann@example.org"),
        "{lines:?}"
    );
    assert!(!lines[0].contains("secret"), "{lines:?}");
}

#[tokio::test]
async fn the_log_is_searched_and_filtered_and_filters_can_be_removed() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let root = app.admin("root").await;
    let acme = app.make_client("acme").await;
    let kim = app.make_user("kim", Role::STAFF).await;
    app.advance(Duration::from_hours(48));
    let root = root.again().await;
    let path = format!("/api/users/{kim}");
    let change = json!({"name": "김철수 100%_sure"});
    root.patch(&path, change).await.assert(200, "USER_UPDATED");
    let path = format!("/api/clients/{acme}");
    root.patch(&path, json!({"is_active": false}))
        .await
        .assert(200, "CLIENT_UPDATED");
    admin.sign_in("ann").await;

    let changed = ["Account updated"];
    for search in ["철수", "김철", "KIM@example", "100%25_sure", "김철수 100"] {
        let query = format!("search={search}&action=account_updated");
        assert_eq!(found(&admin, &query).await, changed, "{search}");
    }
    for search in [
        "100__sure",
        "영희",
        "%22quoted%22",
        "kim* OR ann",
        "'; --",
        "%F0%9F%91%A9",
    ] {
        assert_eq!(
            found(&admin, &format!("search={search}")).await.len(),
            0,
            "{search}"
        );
    }
    // Shorter than the trigrams of the index.
    assert_eq!(found(&admin, "search=철").await, changed);
    let deactivated = ["Account deactivated"];
    assert_eq!(
        found(&admin, "action=account_deactivated").await,
        deactivated
    );
    assert_eq!(
        found(&admin, "person=acme").await,
        ["Account deactivated", "Account created"]
    );
    assert_eq!(
        found(&admin, "person=%20ACME%20&source=api").await,
        deactivated
    );
    let by_root = found(&admin, "person=root@example.org&source=api").await;
    let log_in = "Logged in";
    assert_eq!(
        by_root,
        ["Account deactivated", "Account updated", log_in, log_in]
    );
    assert_eq!(found(&admin, "person=nobody").await.len(), 0);
    assert_eq!(found(&admin, "from=2026-02-16&source=api").await.len(), 3);
    assert_eq!(found(&admin, "to=2026-02-15&source=api").await, [log_in]);
    assert_eq!(
        found(&admin, "from=2026-02-14&to=2026-02-14&person=acme")
            .await
            .len(),
        1
    );

    let page = admin
        .open("/admin/audit?search=nothing+fits&source=api")
        .await;
    assert_eq!(page.count(".chip"), 2);
    assert_eq!(page.attr(".chip a", "href"), "/admin/audit?source=api");
    assert_eq!(page.attr("input[name=search]", "value"), "nothing fits");
    assert!(page.has("option[value=api][selected]"));
    assert!(page.has(".empty a[href=\"/admin/audit\"]"));
}

#[tokio::test]
async fn a_deleted_account_is_still_found_by_its_name() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let root = app.admin("root").await;
    let bob = app.make_user("bob", Role::STAFF).await;
    root.delete(&format!("/api/users/{bob}"))
        .await
        .assert(200, "USER_DELETED");
    let found = found(&admin, "person=bob@example.org").await;
    assert_eq!(found, ["Account deleted", "Account created"]);
}

#[tokio::test]
async fn the_days_of_a_filter_are_in_the_viewers_time_zone() {
    let app = App::start();
    // 2026-02-14 12:30 UTC is 21:30 in Seoul; four hours later it is the 15th there.
    let admin = app.signed_in("ann", Role::ADMIN).await;
    app.advance(Duration::from_hours(4));
    admin.sign_in("ann").await;
    app.make_user("bob", Role::STAFF).await;
    let day = "from=2026-02-15&to=2026-02-15";
    assert_eq!(
        found(&admin, &format!("{day}&source=command_line"))
            .await
            .len(),
        0
    );
    admin.set_cookie("munjigi_zone", "Asia%2FSeoul");
    let day = format!("{day}&source=command_line");
    assert_eq!(found(&admin, &day).await, ["Account created"]);
    let page = admin.open(&format!("{}?{day}", paths::AUDIT)).await;
    assert!(page.text("tbody time").contains("Feb 15, 01:30:45"));
    assert_eq!(
        page.attr("tbody time", "title"),
        "2026-02-15 01:30:45 KST (UTC+09:00)"
    );
}

#[tokio::test]
async fn a_long_log_is_paged_forwards_and_backwards() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    for number in 0..60 {
        app.make_user(&format!("user{number}"), Role::STAFF).await;
    }
    let query = "/admin/audit?action=account_created&size=25";
    let pages = admin.walk(query, "next").await;
    assert!(pages[0].text(".pager-text").contains("of 61"));
    let seen: Vec<String> = pages
        .iter()
        .flat_map(|page| page.texts("tbody td:nth-child(3)"))
        .collect();
    assert_eq!(seen.len(), 61);
    assert_eq!(
        (seen[0].as_str(), seen[60].as_str()),
        ("user59@example.org", "ann@example.org")
    );
    assert!(
        seen.iter()
            .all(|name| seen.iter().filter(|other| *other == name).count() == 1)
    );
    let before = admin
        .open(&pages[2].attr(".pager a[rel=prev]", "href"))
        .await;
    assert_eq!(before.texts("tbody td:nth-child(3)"), seen[25..50]);
}

#[tokio::test]
async fn invalid_filters_are_reported_and_ignored() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let long = "x".repeat(10_000);
    for query in [
        "action=none",
        "source=none",
        "from=yesterday",
        "to=2026-02-31",
        "search=a%00b",
        "search=%E2%80%AE%D7%A9%D7%9C%D7%95%D7%9D",
        &format!("search={long}"),
        &format!("person={long}"),
        "after=%F0%9F%91%A9",
        "after=x&before=y&last=2&size=-1&sort=none",
    ] {
        let page = admin.open(&format!("{}?{query}", paths::AUDIT)).await;
        let is_reported = page.has("#results .banner");
        let is_odd = !query.starts_with("after") && !query.contains("%E2%80");
        assert_eq!(is_reported, is_odd, "{query}");
    }
}

#[tokio::test]
async fn the_csv_file_has_the_filtered_events_and_the_export_is_logged() {
    let app = App::start();
    let auditor = app.signed_in("carol", Role::AUDITOR).await;
    for number in 0..3 {
        app.make_user(&format!("user{number}"), Role::STAFF).await;
    }
    app.execute("UPDATE audit_events SET subject_name = '=cmd()' WHERE subject_name LIKE 'user0%'")
        .await;
    let list = auditor.open("/admin/audit?action=account_created").await;
    let path = list.attr("#export", "href");
    assert_eq!(path, "/admin/audit/export.csv?action=account_created");
    let answer = auditor.get(&path).await.assert(200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"audit-2026-02-14.csv\"")
    );
    let lines: Vec<&str> = answer.html.lines().collect();
    assert_eq!(lines.len(), 5, "{}", answer.html);
    assert!(lines[0].ends_with(
        "action,outcome,subject,subject_account,changes,ip_address,user_agent,request_id,session"
    ));
    assert!(
        lines[1].contains("account_created,done,user2@example.org,user:"),
        "{}",
        lines[1]
    );
    assert!(lines[3].contains(",'=cmd(),"), "{}", lines[3]);
    let lines = rows(&auditor.open(paths::AUDIT).await);
    assert!(lines[0].starts_with("List exported"), "{lines:?}");
    assert!(lines[0].contains("action=account_created"), "{lines:?}");
}

#[tokio::test]
async fn anonymous_visitors_and_staff_have_no_access() {
    let app = App::start();
    app.make_user("bob", Role::STAFF).await;
    let browser = app.browser();
    for path in [paths::AUDIT, "/admin/audit/1", paths::AUDIT_EXPORT] {
        let answer = browser.get(path).await;
        assert!(answer.location().starts_with(paths::LOGIN), "{path}");
    }
    let fields = [
        ("email", "bob@example.org"),
        ("password", &password_of("bob")),
    ];
    browser.post(paths::LOGIN, &fields).await.assert(403);
}

#[tokio::test]
async fn a_cursor_beyond_the_calendar_is_the_beginning() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::ADMIN).await;
    let first = ann.open(paths::AUDIT).await.texts("#results tbody tr");
    assert!(!first.is_empty());
    for micros in [i64::MIN, i64::MAX] {
        let (value, id) = (micros.to_string(), "1".to_owned());
        let cursor = Cursor { value, id }.encoded();
        for side in ["after", "before"] {
            let page = ann.open(&format!("{}?{side}={cursor}", paths::AUDIT)).await;
            assert_eq!(page.texts("#results tbody tr"), first, "{side} {micros}");
        }
    }
}
