//! Codes, links and notices on the page of an account: channel, masked recipient, failure, and what a crash leaves.

use std::time::Duration;

use munjigi::{config::SmtpTls, domain::account::Role, http::admin::paths};
use serde_json::json;

use crate::{
    delivery::support::smtp_server::SmtpServer,
    support::{App, Browser, TIMEOUT, password_of, totp::Totp, wait_until},
};

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
    let kept =
        "SELECT COUNT(*) AS number FROM deliveries WHERE expires_at = '2026-03-16 12:30:45.678901'";
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
    app.execute("ALTER TABLE deliveries RENAME TO taken_away")
        .await;
    ask(&app, "acme").await;
    assert_eq!(app.codes(1).await.len(), 1);
    settled(&app, 1).await;
    let services = app.services();
    assert!(
        services
            .deliveries
            .write(&services.store, &services.audit_log, services.clock.now())
            .await
            .is_err()
    );
    app.execute("ALTER TABLE taken_away RENAME TO deliveries")
        .await;
    // The result was kept in memory and is written now.
    assert_eq!(rows(&admin, acme).await.len(), 1);
}

/// A server whose mail server does not exist.
fn without_mail_server() -> App {
    App::with(|config| {
        config.smtp.host = Some("localhost".into());
        config.smtp.port = Some(1);
        config.smtp.tls = SmtpTls::None;
        config.smtp.from = Some("login@example.org".into());
    })
}

#[tokio::test]
async fn a_notice_that_was_not_sent_is_shown_and_recorded() {
    let app = without_mail_server();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let acme = app.make_client("acme").await;
    let path = paths::CLIENTS.person(acme);
    let root = app.admin("root").await;
    let change =
        json!({"password": "a long and new passphrase", "current_password": password_of("root")});
    root.patch(&format!("/api/clients/{acme}"), change)
        .await
        .assert(200, "CLIENT_UPDATED");
    app.services().delivery.drain(TIMEOUT).await;
    let page = admin.open(&path).await;
    let line = page.text("#deliveries tbody tr");
    for part in ["Password changed", "Mail", "c***@example.org", "Failed"] {
        assert!(line.contains(part), "{line}");
    }
    let event = admin.open(paths::AUDIT).await.texts("tbody tr").remove(0);
    for part in ["Mail not sent", "Password changed", "acme"] {
        assert!(event.contains(part), "{event}");
    }
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_sent_link_is_shown_as_sent() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let bob = app.make_user("bob", Role::STAFF).await;
    let path = paths::USERS.person(bob);
    let own = password_of("ann");
    admin
        .post(&path.password_link(), &[("current", own.as_str())])
        .await
        .leads_to(&path);
    server.next().await;
    settled(&app, 1).await;
    let page = admin.open(&path).await;
    let state = page.text("#link");
    assert!(
        state.contains("b***@example.org") && state.contains("Sent"),
        "{state}"
    );
    assert!(!page.has("[data-pending]"));
}

#[tokio::test]
async fn a_message_of_an_instance_that_was_killed_has_failed() {
    let app = App::start();
    let bob = app.make_user("bob", Role::STAFF).await;
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let row = format!(
        "INSERT INTO deliveries \
         (id, kind, user_type, user_seq, channel, recipient, state, attempts, created_at, heartbeat_at, expires_at) \
         VALUES ('lost', 'password_changed', 'user', {bob}, 'smtp', 'b***@example.org', 'queued', 0, \
         '2026-02-14 12:30:45', '2026-02-14 12:30:45', '2999-01-01 00:00:00')"
    );
    app.execute(&row).await;
    let state = async || {
        let page = admin.open(&paths::USERS.person(bob)).await;
        page.text("#deliveries tbody tr")
    };
    app.advance(Duration::from_secs(119));
    assert!(state().await.contains("Being sent"));
    app.advance(Duration::from_secs(2));
    let line = state().await;
    assert!(line.contains("Failed the server stopped"), "{line}");
    let event = admin.open(paths::AUDIT).await.texts("tbody tr").remove(0);
    assert!(event.starts_with("Mail not sent"), "{event}");
    // It is recorded once.
    state().await;
    let events = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'mail_failed'";
    assert_eq!(app.number(events).await, 1);
}

#[tokio::test]
async fn a_message_in_the_queue_of_a_running_instance_has_not_failed() {
    let app = without_mail_server();
    let bob = app.make_user("bob", Role::STAFF).await;
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let path = paths::USERS.person(bob);
    let own = password_of("ann");
    admin
        .post(&path.password_link(), &[("current", own.as_str())])
        .await
        .leads_to(&path);
    // Its attempts take longer than the test: the pauses between them are real time.
    let queued = "SELECT COUNT(*) AS number FROM deliveries WHERE state = 'queued'";
    if app.number(queued).await == 1 {
        app.advance(Duration::from_mins(10));
        let page = admin.open(&path).await;
        assert!(
            !page
                .text("#deliveries tbody tr")
                .contains("the server stopped")
        );
    }
    app.services().delivery.drain(TIMEOUT).await;
    let page = admin.open(&path).await;
    assert!(page.text("#link").contains("Failed"), "{}", page.html);
}

/// As after a crash right after the answer: what was collected in memory is not written.
#[tokio::test]
async fn the_row_of_a_mail_is_stored_with_the_change_that_it_is_about() {
    let app = without_mail_server().restarted_with(|config| {
        config.server.public_url = Some("http://login.example.org/".parse().unwrap());
        config.tokens.reuse_grace = munjigi::config::Span::seconds(0);
        config.tokens.recover_lost_answer = false;
    });
    let root = app.admin("root").await;
    let ann = app.user("ann").await;
    let mut rows = 0;
    let mut stored = async |kind: &str, new: i64| {
        rows += new;
        let all = app.number("SELECT COUNT(*) AS number FROM deliveries");
        assert_eq!(all.await, rows, "{kind}");
        let query = format!("SELECT COUNT(*) AS number FROM deliveries WHERE kind = '{kind}'");
        assert!(app.number(&query).await > 0, "{kind}");
    };
    let factor = Totp::of(&app, &ann).await;
    stored("second_factor_changed", 1).await;
    ann.call("POST", "/auth/second-factors/recovery-codes")
        .await
        .assert(200, "RECOVERY_CODES");
    stored("second_factor_changed", 1).await;
    let proof = json!({"code": factor.code(&app)});
    ann.post("/auth/reauthenticate", proof)
        .await
        .assert(200, "REAUTHENTICATED");
    stored("second_factor_changed", 0).await;
    ann.delete("/auth/second-factors/totp")
        .await
        .assert(200, "SECOND_FACTOR_REMOVED");
    stored("second_factor_changed", 1).await;
    let new = "a long and new passphrase";
    let body = json!({"current_password": ann.password, "new_password": new});
    ann.post("/auth/password", body)
        .await
        .assert(200, "PASSWORD_CHANGED");
    stored("password_changed", 1).await;
    let body = json!({"new_email": "other@example.org", "current_password": new});
    ann.post("/auth/email", body)
        .await
        .assert(202, "CONFIRMATION_SENT");
    stored("email_change_requested", 2).await;
    let path = format!("/api/users/{}", ann.seq);
    let body = root.confirmed(json!({"email": "anna@example.org"}));
    root.patch(&path, body).await.assert(200, "USER_UPDATED");
    stored("email_changed", 2).await;
    ann.refreshed().await;
    let reused = app.anonymous().refresh(&ann.refresh).await;
    reused.assert(401, "TOKEN_REUSED");
    stored("token_reused", 1).await;
}
