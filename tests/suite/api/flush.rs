//! The flush: expired rows are deleted, rows that are still needed are kept, and requests continue undisturbed.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::{join, join_all};
use munjigi::{
    config::Span,
    services::maintenance::{
        flush::{count, flush},
        flush_counts::FlushCounts,
    },
};
use serde_json::json;

use crate::support::{App, wait_until};

const DAY: Duration = Duration::from_hours(24);
const TABLES: [&str; 5] = [
    "outstanding_tokens",
    "blacklisted_tokens",
    "otp_challenges",
    "rate_limits",
    "sessions",
];

async fn flushed(app: &App) -> FlushCounts {
    let services = app.services();
    let expected = count(
        &services.store,
        services.clock.now(),
        app.flush_rules(2).keep_events_for,
    )
    .await
    .unwrap();
    let mut reported = 0;
    let counts = flush(
        &services.store,
        &services.clock,
        app.flush_rules(2),
        |rows, _| reported += rows,
    )
    .await
    .unwrap();
    assert_eq!((counts, reported), (expected, expected.total()));
    counts
}

async fn rows(app: &App) -> Vec<i64> {
    let mut rows = Vec::new();
    for table in TABLES {
        rows.push(
            app.number(&format!("SELECT COUNT(*) AS number FROM {table}"))
                .await,
        );
    }
    rows
}

#[tokio::test]
async fn expired_rows_are_deleted_and_others_are_kept() {
    let app = App::start();
    for name in ["ann", "bob", "eve"] {
        let person = app.user(name).await.refreshed().await;
        if name == "eve" {
            person
                .log_out(&person.refresh)
                .await
                .assert(200, "LOGGED_OUT");
        }
        app.make_client(name).await;
        let body = json!({"username": name});
        app.anonymous()
            .post("/clients/otp/request", body)
            .await
            .assert(200, "OTP_SENT");
    }
    app.make_client("acme").await;
    assert_eq!(flushed(&app).await, FlushCounts::default());
    // Six tokens, four of them blacklisted; three codes, which are stored in the background; a bucket for each client.
    wait_until("the codes", async || {
        (rows(&app).await == [6, 4, 3, 3, 3]).then_some(())
    })
    .await;
    app.advance(DAY * 29);
    let late = app.user("late").await.refreshed().await;
    app.advance(DAY + Duration::from_mins(5));
    let counts = flushed(&app).await;
    assert_eq!(
        counts,
        FlushCounts {
            outstanding_tokens: 6,
            blacklisted_tokens: 4,
            otp_challenges: 3,
            rate_limits: 3,
            sessions: 3,
            revocations: 1,
            ..FlushCounts::default()
        }
    );
    assert_eq!(rows(&app).await, [2, 1, 0, 0, 1]);
    late.assert_tokens("TOKEN_EXPIRED", "TOKEN_VALID").await;
    late.refreshed()
        .await
        .get("/api/me")
        .await
        .assert(200, "ME");
    assert_eq!(app.number("SELECT COUNT(*) AS number FROM users").await, 4);
    assert_eq!(flushed(&app).await, FlushCounts::default());
}

#[tokio::test]
async fn rows_stay_for_the_greatest_leeway_that_can_be_configured() {
    let app = App::start();
    app.user("ann").await.refreshed().await;
    // The refresh token expires at a whole second; the clock is at 0.678901 s of one.
    app.advance(DAY * 30 + Duration::from_secs(299));
    assert_eq!(flushed(&app).await.total(), 0);
    app.advance(Duration::from_secs(1));
    assert_eq!(flushed(&app).await.total(), 4);
}

#[tokio::test]
async fn raising_the_leeway_after_a_flush_makes_no_revoked_token_valid() {
    let app = App::start();
    let used = app.user("ann").await;
    let next = used.refreshed().await;
    let ended = used.again().await;
    ended
        .log_out(&ended.refresh)
        .await
        .assert(200, "LOGGED_OUT");
    app.advance(DAY * 30 + Duration::from_mins(4));
    flushed(&app).await;
    let app = app.restarted_with(|config| config.tokens.leeway = Span::minutes(5));
    let answer = app.anonymous().refresh(&ended.refresh).await;
    answer.assert(401, "TOKEN_BLACKLISTED");
    app.anonymous()
        .refresh(&next.refresh)
        .await
        .assert(200, "REFRESHED");
    let answer = app.anonymous().refresh(&used.refresh).await;
    answer.assert(401, "TOKEN_REUSED");
    app.advance(Duration::from_mins(1));
    flushed(&app).await;
    for refused in [&used, &ended] {
        let answer = app.anonymous().refresh(&refused.refresh).await;
        answer.assert(401, "TOKEN_EXPIRED");
    }
}

#[tokio::test]
async fn a_flush_during_refreshes_causes_no_errors_and_makes_no_token_valid() {
    let app = App::start();
    app.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) \
         INSERT INTO blacklisted_tokens (jti, session_id, user_type, user_seq, reason, blacklisted_at, expires_at) \
         SELECT 'old' || i, 'old', 'user', 1, 'rotated', '2020-01-01 00:00:00', '2020-01-01 00:00:00' FROM n",
    )
    .await;
    let ann = app.user("ann").await;
    let people = join_all((0..8).map(|_| ann.again())).await;
    let done = AtomicBool::new(false);
    let flushing = async {
        let services = app.services();
        let counts = flush(
            &services.store,
            &services.clock,
            app.flush_rules(10),
            |_, _| (),
        )
        .await
        .unwrap();
        done.store(true, Ordering::SeqCst);
        counts
    };
    let refreshing = join_all(people.into_iter().map(|mut person| {
        let done = &done;
        async move {
            let mut used = Vec::new();
            while !done.load(Ordering::SeqCst) || used.len() < 5 {
                let next = person.refreshed().await;
                used.push(person.refresh);
                person = next;
            }
            (person, used)
        }
    }));
    let (counts, refreshed) = join(flushing, refreshing).await;
    assert_eq!(counts.total(), 400);
    flushed(&app).await;
    for (person, used) in &refreshed {
        person.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
        for token in used {
            let verdict = app.anonymous().verify(token).await;
            verdict.assert(401, "TOKEN_BLACKLISTED");
        }
    }
}

#[tokio::test]
async fn an_ended_session_stays_ended_after_a_flush() {
    let app = App::start();
    let ann = app.user("ann").await;
    ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    app.advance(Duration::from_mins(20));
    flushed(&app).await;
    ann.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
}
