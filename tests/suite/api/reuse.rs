//! Reuse detection: a grace retry within the grace period, theft after it, and the recovery of a lost response.

use std::time::Duration;

use munjigi::{
    config::Span,
    domain::account::Role,
    services::metrics::{exposition::Format, figures::Figures},
};

use crate::{
    delivery::support::smtp_server::SmtpServer,
    support::{App, Person, claims_of},
};

const MOMENT: Duration = Duration::from_millis(1);

async fn retry(app: &App, person: &Person) -> Person {
    let answer = app.anonymous().refresh(&person.refresh).await;
    person.with_pair(&answer.assert(200, "REFRESHED"))
}

/// All metrics of the server.
async fn metrics(app: &App) -> String {
    let (figures, format) = (Figures::default(), Format::Prometheus);
    figures.text(app.services(), format, None).await
}

async fn tokens(app: &App) -> i64 {
    app.number("SELECT COUNT(*) AS number FROM outstanding_tokens")
        .await
}

/// Writes first uses of access tokens, as the server does at intervals.
async fn write_token_usage(app: &App) {
    let services = app.services();
    let written = services.access_token_usage.write(&services.store).await;
    written.unwrap();
}

#[tokio::test]
async fn every_retry_within_the_grace_period_gets_the_same_successor() {
    let app = App::start();
    let ann = app.user("ann").await;
    let next = ann.refreshed().await;
    for _ in 0..5 {
        app.advance(Duration::from_secs(2));
        let again = retry(&app, &ann).await;
        assert_eq!(again.refresh, next.refresh, "to the last letter");
        assert_ne!(again.access, next.access);
        again.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    }
    assert_eq!(tokens(&app).await, 2);
    // The rotation chain continues from the single successor.
    let third = next.refreshed().await;
    assert_eq!(retry(&app, &ann).await.refresh, next.refresh);
    assert_eq!(retry(&app, &next).await.refresh, third.refresh);
    assert_eq!(tokens(&app).await, 3);
}

#[tokio::test]
async fn a_grace_retry_reads_the_current_claims() {
    let app = App::start();
    let root = app.admin("root").await;
    let ann = app.user("ann").await;
    ann.refreshed().await;
    let path = format!("/api/users/{}", ann.seq);
    let promoted = root.patch(&path, serde_json::json!({"role": "auditor"}));
    promoted.await.assert(200, "USER_UPDATED");
    let again = retry(&app, &ann).await;
    assert_eq!(claims_of(&again.access)["role"], "auditor");
    again.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
}

#[tokio::test]
async fn a_reuse_after_the_grace_period_is_theft_and_ends_the_session() {
    let app = App::start();
    let other = app.user("ann").await;
    let ann = other.again().await;
    let next = ann.refreshed().await.refreshed().await;
    app.advance(Duration::from_secs(10) + MOMENT);
    let stolen = app.anonymous().refresh(&ann.refresh).korean().await;
    let stolen = stolen.assert(401, "TOKEN_REUSED");
    assert_eq!(
        stolen.message(),
        "이미 사용된 토큰이 다시 제출되어 세션을 종료했습니다"
    );
    next.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    for token in [&ann.refresh, &next.refresh] {
        let refused = app.anonymous().refresh(token).await;
        refused.assert(401, "TOKEN_BLACKLISTED");
    }
    // Another login of the same account is another session.
    other.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
}

#[tokio::test]
async fn theft_is_recorded_with_both_uses_and_shown_in_the_panel() {
    let app =
        App::with(|config| config.server.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
    let browser = app.signed_in("root", Role::AUDITOR).await;
    let ann = app.user("ann").await;
    let call = |token: &str, address, agent| {
        app.anonymous()
            .refresh(token)
            .header("x-forwarded-for", address)
            .header("user-agent", agent)
    };
    let next = call(&ann.refresh, "198.51.100.7", "Honest/1").await;
    let next = ann.with_pair(&next.assert(200, "REFRESHED"));
    let third = call(&next.refresh, "198.51.100.7", "Honest/1").await;
    third.assert(200, "REFRESHED");
    app.advance(Duration::from_mins(1));
    let thief = call(&ann.refresh, "203.0.113.9", "Thief/2").await;
    thief.assert(401, "TOKEN_REUSED");
    let list = browser
        .open("/admin/audit?action=refresh_token_reused")
        .await;
    let text = list.text("#results");
    for part in ["203.0.113.9", "ann@example.org"] {
        assert!(text.contains(part), "{text}");
    }
    let event = browser.open(&list.attr("tbody td.lead a", "href")).await;
    let text = event.text("main");
    for part in ["198.51.100.7", "Honest/1", "203.0.113.9"] {
        assert!(text.contains(part), "{text}");
    }
    let used = claims_of(&ann.refresh)["jti"].as_str().unwrap().to_owned();
    for token in [&ann.refresh, &next.refresh] {
        let jti = claims_of(token)["jti"].as_str().unwrap().to_owned();
        let page = browser.open(&format!("/admin/tokens/{jti}")).await;
        assert!(
            page.text(".banner.is-danger")
                .contains("may have been stolen")
        );
        let marked = page.attrs(".chain .is-reused a", "href");
        assert_eq!(marked, [format!("/admin/tokens/{used}")]);
    }
    let text = metrics(&app).await;
    assert!(
        text.contains("munjigi_refresh_tokens_reused_total{user_type=\"user\"} 1"),
        "{text}"
    );
}

#[tokio::test]
async fn a_retry_from_another_address_and_program_is_refused_and_recorded() {
    let app =
        App::with(|config| config.server.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
    let ann = app.user("ann").await;
    let call = |address, agent| {
        app.anonymous()
            .refresh(&ann.refresh)
            .header("x-forwarded-for", address)
            .header("user-agent", agent)
    };
    let first = call("198.51.100.7", "Honest/1").await;
    let next = ann.with_pair(&first.assert(200, "REFRESHED"));
    // One of the two may change: the telephone has left the wireless network, or the app was updated.
    for (address, agent) in [("203.0.113.9", "Honest/1"), ("203.0.113.9", "Honest/2")] {
        let again = call(address, agent).await.assert(200, "REFRESHED");
        assert_eq!(again.text_of("refresh"), next.refresh);
    }
    for _ in 0..2 {
        let thief = call("192.0.2.66", "Thief/2").await;
        thief.assert(401, "TOKEN_BLACKLISTED");
    }
    // After the grace period as well, while the successor is unused.
    app.advance(Duration::from_mins(1));
    call("192.0.2.66", "Thief/2")
        .await
        .assert(401, "TOKEN_BLACKLISTED");
    next.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    call("203.0.113.9", "Honest/2")
        .await
        .assert(200, "REFRESHED");
    let recorded = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'refresh_retry_refused' \
                    AND outcome = 'refused' AND ip_address = '192.0.2.66' AND user_agent = 'Thief/2' \
                    AND changes LIKE '%203.0.113.9%' AND changes LIKE '%Honest/2%'";
    assert_eq!(app.number(recorded).await, 3);
    let text = metrics(&app).await;
    for (outcome, count) in [("accepted", 3), ("refused", 3)] {
        let line = format!(
            "munjigi_refresh_retries_total{{user_type=\"user\",outcome=\"{outcome}\"}} {count}"
        );
        assert!(text.contains(&line), "{text}");
    }
}

#[tokio::test]
async fn without_a_grace_period_and_recovery_every_reuse_is_theft() {
    let app = App::with(|config| {
        config.tokens.reuse_grace = Span::seconds(0);
        config.tokens.recover_lost_answer = false;
    });
    let ann = app.user("ann").await;
    let next = ann.refreshed().await;
    let again = app.anonymous().refresh(&ann.refresh).await;
    again.assert(401, "TOKEN_REUSED");
    next.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
}

#[tokio::test]
async fn a_token_revoked_otherwise_is_neither_theft_nor_retry() {
    let app = App::start();
    let ann = app.user("ann").await;
    let next = ann.refreshed().await;
    next.log_out(&next.refresh).await.assert(200, "LOGGED_OUT");
    for token in [&ann.refresh, &next.refresh] {
        let refused = app.anonymous().refresh(token).await;
        refused.assert(401, "TOKEN_BLACKLISTED");
    }
    let reused =
        "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'refresh_token_reused'";
    assert_eq!(app.number(reused).await, 0);
}

#[tokio::test]
async fn a_lost_response_is_returned_again_while_its_tokens_are_unused() {
    let app = App::start();
    let ann = app.user("ann").await;
    app.advance(Duration::from_mins(1));
    let lost = ann.refreshed().await;
    app.advance(Duration::from_hours(5));
    let again = retry(&app, &ann).await;
    assert_eq!(again.refresh, lost.refresh);
    assert_eq!(tokens(&app).await, 2);
    // The response was not lost: its access token is used.
    again.get("/api/me").await.assert(200, "ME");
    write_token_usage(&app).await;
    app.advance(Duration::from_mins(1));
    let stolen = app.anonymous().refresh(&ann.refresh).await;
    stolen.assert(401, "TOKEN_REUSED");
}

#[tokio::test]
async fn a_lost_response_is_not_returned_again_after_its_successor_was_used() {
    let app = App::start();
    let ann = app.user("ann").await;
    app.advance(Duration::from_mins(1));
    // The use of an earlier access token does not show that the response arrived.
    ann.get("/api/me").await.assert(200, "ME");
    write_token_usage(&app).await;
    let next = ann.refreshed().await;
    app.advance(Duration::from_mins(1));
    assert_eq!(retry(&app, &ann).await.refresh, next.refresh);
    next.refreshed().await;
    app.advance(Duration::from_mins(1));
    let stolen = app.anonymous().refresh(&ann.refresh).await;
    stolen.assert(401, "TOKEN_REUSED");
}

#[tokio::test]
async fn a_grace_retry_needs_a_live_session_and_an_active_account() {
    let app = App::with(|config| {
        config.tokens.session_lifetime = Span::days(31);
        config.tokens.reuse_grace = Span::minutes(1);
    });
    let ann = app.user("ann").await;
    app.advance(Duration::from_hours(29 * 24));
    let next = ann.refreshed().await;
    assert_eq!(
        claims_of(&next.refresh)["exp"].as_i64().unwrap()
            - claims_of(&ann.refresh)["iat"].as_i64().unwrap(),
        31 * 24 * 3_600
    );
    assert_eq!(retry(&app, &ann).await.refresh, next.refresh);
    let root = app.admin("root").await;
    let path = format!("/api/users/{}", ann.seq);
    root.patch(&path, serde_json::json!({"is_active": false}))
        .await
        .assert(200, "USER_UPDATED");
    let refused = app.anonymous().refresh(&ann.refresh).await;
    refused.assert(401, "USER_INACTIVE");
}

#[tokio::test]
async fn the_number_of_sessions_of_an_account_is_limited() {
    let app = App::with(|config| config.tokens.sessions_per_account = 3);
    let first = app.user("ann").await;
    let kim = app.client("ann").await;
    app.advance(MOMENT);
    let second = first.again().await;
    app.advance(MOMENT);
    let third = first.again().await;
    app.advance(MOMENT);
    // The first session is now the last used one, so the second is ended.
    let first = first.refreshed().await;
    app.advance(MOMENT);
    let fourth = first.again().await;
    second
        .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    for alive in [&first, &third, &fourth, &kim] {
        alive.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    }
}

#[tokio::test]
#[ignore = "tests/run"]
async fn the_owner_gets_a_mail_if_mail_is_configured() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let ann = app.user("ann").await;
    let used = app
        .anonymous()
        .refresh(&ann.refresh)
        .header("user-agent", "Honest/1");
    let next = ann.with_pair(&used.await.assert(200, "REFRESHED"));
    let next = app.anonymous().refresh(&next.refresh);
    let next = next.header("user-agent", "Honest/1").await;
    next.assert(200, "REFRESHED");
    app.advance(Duration::from_mins(1));
    let stolen = app.anonymous().refresh(&ann.refresh).korean();
    let stolen = stolen.header("user-agent", "Thief/2 <b>");
    stolen.await.assert(401, "TOKEN_REUSED");
    let mail = server.next().await;
    assert_eq!(mail["to"], serde_json::json!(["ann@example.org"]));
    assert_eq!(
        mail["headers"]["subject"],
        "보안을 위해 세션이 종료되었습니다"
    );
    let text = mail["text"].as_str().unwrap();
    for part in [
        "ann@example.org",
        "2026-02-14 12:31:45 UTC",
        "127.0.0.1, Honest/1",
        "127.0.0.1, Thief/2 <b>",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let html = mail["html"].as_str().unwrap();
    assert!(
        html.contains("Honest/1") && html.contains("Thief/2 "),
        "{html}"
    );
    assert!(!html.contains("<b>"), "what a program calls itself is text");
}
