//! Deliveries of one-time codes on the page of a client: channel, masked recipient, failure.

use munjigi::{domain::account::Role, http::admin::paths};
use serde_json::json;

use crate::support::{App, Browser, TIMEOUT, wait_until};

async fn ask(app: &App, username: &str) {
    let body = json!({"username": username});
    app.anonymous().post("/clients/otp/request", body).await;
}

/// Waits until every delivery has a result.
async fn settled(app: &App, total: u64) {
    wait_until("results", async || {
        let counts = app.services().delivery.counts();
        (counts.sent + counts.failed >= total && counts.queued == 0).then_some(())
    })
    .await;
}

async fn rows(browser: &Browser, client: i64) -> Vec<String> {
    let page = browser.open(&paths::CLIENTS.person(client)).await;
    page.texts("#deliveries tbody tr")
}

#[tokio::test]
async fn a_sent_code_is_shown_without_the_code_and_the_full_address() {
    let app = App::with_gateway(|_| ());
    let (acme, other) = (
        app.make_client("acme").await,
        app.make_client("other").await,
    );
    let auditor = app.signed_in("carol", Role::AUDITOR).await;
    ask(&app, "acme").await;
    ask(&app, "nobody").await;
    let code = app.codes(1).await.remove(0);
    settled(&app, 1).await;
    let lines = rows(&auditor, acme).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in ["Feb 14, 12:30", "+82********78, c***@example.org"] {
        assert!(lines[0].contains(part), "{lines:?}");
    }
    for hidden in [code.as_str(), "client@example.org", "1234-5678"] {
        assert!(!lines[0].contains(hidden), "{lines:?}");
    }
    assert_eq!(rows(&auditor, other).await.len(), 0);
    // Kept for thirty days.
    let kept = "SELECT COUNT(*) AS number FROM otp_deliveries WHERE expires_at = '2026-03-16 12:30:45.678901'";
    assert_eq!(app.number(kept).await, 1);
}

#[tokio::test]
async fn a_failed_delivery_is_shown_with_the_reason() {
    let app = App::with_gateway(|_| ());
    let acme = app.make_client("acme").await;
    let admin = app.signed_in("ann", Role::ADMIN).await;
    // It accepts no more deliveries.
    app.services().delivery.drain(TIMEOUT).await;
    ask(&app, "acme").await;
    settled(&app, 1).await;
    let lines = rows(&admin, acme).await;
    assert!(lines[0].contains("the server is stopping"), "{lines:?}");
}

#[tokio::test]
async fn a_failed_write_of_the_result_does_not_stop_the_delivery() {
    let app = App::with_gateway(|_| ());
    let acme = app.make_client("acme").await;
    let admin = app.signed_in("ann", Role::ADMIN).await;
    app.execute("ALTER TABLE otp_deliveries RENAME TO taken_away")
        .await;
    ask(&app, "acme").await;
    assert_eq!(app.codes(1).await.len(), 1);
    settled(&app, 1).await;
    let services = app.services();
    assert!(
        services
            .otp_deliveries
            .write(&services.store, &services.audit_log)
            .await
            .is_err()
    );
    app.execute("ALTER TABLE taken_away RENAME TO otp_deliveries")
        .await;
    // The result was kept in memory and is written now.
    assert_eq!(rows(&admin, acme).await.len(), 1);
}
