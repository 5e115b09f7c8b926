//! The dashboard.

use std::time::Duration;

use munjigi::{domain::account::Role, http::admin::paths};
use serde_json::json;

use crate::support::{App, Page};

/// The number under a label.
fn number(page: &Page, label: &str) -> String {
    let labels = page.texts(".stat-label");
    let at = labels.iter().position(|text| text.starts_with(label));
    page.texts(".stat-value")[at.unwrap_or_else(|| panic!("no {label} in {labels:?}"))].clone()
}

/// The rows of the table beside the chart.
fn days(page: &Page) -> Vec<[String; 3]> {
    let cells = page.texts("#logins-table tbody td");
    let rows = cells.chunks(3);
    rows.map(|row| [row[0].clone(), row[1].clone(), row[2].clone()])
        .collect()
}

async fn refused(app: &App, times: usize) {
    for _ in 0..times {
        let wrong =
            json!({"username": "bob@example.org", "password": "wrong", "user_type": "user"});
        app.anonymous()
            .post("/auth/login", wrong)
            .await
            .assert(401, "INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn the_totals_are_correct() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let bob = app.user("bob").await;
    let acme = app.client("acme").await;
    app.make_client("idle").await;
    app.execute("UPDATE client_users SET is_active = false WHERE username = 'idle'")
        .await;
    let acme = acme.refreshed().await;
    acme.again().await;
    bob.log_out(&bob.refresh).await.assert(200, "LOGGED_OUT");
    let page = admin.open(paths::DASHBOARD).await;
    // ann and bob; acme without idle; acme's two sessions; bob's token, acme's three, of which one was rotated.
    for (label, expected) in [
        ("Internal users", "2"),
        ("Clients", "1"),
        ("Sessions", "2"),
        ("Refresh tokens", "4"),
        ("Blacklisted tokens", "2"),
    ] {
        assert_eq!(number(&page, label), expected, "{label}");
    }
    assert!(page.text("#flush").contains("Nothing to clean up"));
    let server = page.text("#server");
    for fact in [
        env!("CARGO_PKG_VERSION"),
        app.services().store.backend(),
        "MB",
        "less than a minute",
    ] {
        assert!(server.contains(fact) || fact == "MB", "{fact}: {server}");
    }
}

#[tokio::test]
async fn expired_rows_are_not_counted_and_are_shown_for_the_flush() {
    let app = App::start();
    app.user("bob").await;
    app.advance(Duration::from_hours(24 * 60));
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let page = admin.open(paths::DASHBOARD).await;
    assert_eq!(number(&page, "Sessions"), "0");
    assert_eq!(number(&page, "Refresh tokens"), "0");
    assert!(
        page.text("#flush").contains("expired rows"),
        "{}",
        page.text("#flush")
    );
    assert!(page.text("#server").contains("60 days"));
}

#[tokio::test]
async fn the_chart_counts_logins_by_the_viewers_days_and_has_a_table() {
    let app = App::start();
    // 2026-02-14 12:30 UTC, 21:30 in Seoul.
    app.user("bob").await;
    refused(&app, 2).await;
    // 16:30 UTC is the 15th in Seoul.
    app.advance(Duration::from_hours(4));
    refused(&app, 3).await;
    let admin = app.signed_in("ann", Role::AUDITOR).await;
    let page = admin.open(paths::DASHBOARD).await;
    let lines = days(&page);
    assert_eq!(lines.len(), 30);
    assert_eq!(lines[0], ["Feb 14", "2", "5"]);
    assert_eq!(
        (lines[1][1].as_str(), lines[29][0].as_str()),
        ("0", "Jan 16")
    );
    assert_eq!(page.count("svg.chart rect.bar-ok"), 30);
    assert_eq!(page.attr("svg.chart", "role"), "group");
    assert!(page.attr("svg.chart", "aria-label").contains("table"));
    assert!(
        page.text("svg.chart g:last-of-type title")
            .contains("Feb 14: 2 Successful, 5 Failed")
    );

    admin.set_cookie("munjigi_zone", "Asia%2FSeoul");
    let lines = days(&admin.open(paths::DASHBOARD).await);
    assert_eq!(lines[0], ["Feb 15", "1", "3"]);
    assert_eq!(lines[1], ["Feb 14", "1", "2"]);
    admin.set_cookie("munjigi_zone", "America%2FLos_Angeles");
    assert_eq!(
        days(&admin.open(paths::DASHBOARD).await)[0],
        ["Feb 14", "2", "5"]
    );
}

#[tokio::test]
async fn the_latest_events_are_shown_with_a_link_to_the_audit_log() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    for number in 0..10 {
        app.make_user(&format!("user{number}"), Role::STAFF).await;
    }
    let page = admin.open(paths::DASHBOARD).await;
    let lines = page.texts(".timeline > li");
    assert_eq!(lines.len(), 8);
    assert!(
        lines[0].starts_with("Account created user9@example.org by Command line"),
        "{lines:?}"
    );
    assert!(page.has("#latest a[href=\"/admin/audit\"]"));
}

#[tokio::test]
async fn an_auditor_has_no_buttons_and_an_anonymous_visitor_no_access() {
    let app = App::start();
    let auditor = app.signed_in("carol", Role::AUDITOR).await;
    let page = auditor.open(paths::DASHBOARD).await;
    assert_eq!(page.count("#totals .stat"), 5);
    assert_eq!(page.count("main form"), 0);
    assert!(
        app.browser()
            .get(paths::DASHBOARD)
            .await
            .location()
            .starts_with(paths::LOGIN)
    );
}

#[tokio::test]
async fn expensive_totals_are_cached_for_less_than_an_hour() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let page = admin.open(paths::DASHBOARD).await;
    assert!(
        !page.text(".page-head").contains("Last updated"),
        "{}",
        page.text(".page-head")
    );
    // However expensive the count, it is refreshed within an hour.
    app.make_user("bob", Role::STAFF).await;
    app.advance(Duration::from_mins(59));
    assert_eq!(
        number(&admin.open(paths::DASHBOARD).await, "Internal users"),
        "2"
    );
}
