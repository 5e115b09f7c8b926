//! The flush from the panel: expired rows, the button, one flush at a time, the report.

use std::time::Duration;

use futures_util::future::join;
use munjigi::{
    domain::{
        account::Role,
        job::{JobKind, JobState},
    },
    http::admin::paths,
    services::maintenance::{
        flush::{backlog, count, flush_regularly},
        flush_counts::FlushCounts,
        job_report::Report,
        jobs::find_last_ended,
    },
};

use super::jobs::{progress, progress_until, running_flush};
use crate::support::App;

const LONG_AGO: &str = "'2020-01-01 00:00:00'";
const MINUTE: Duration = Duration::from_mins(1);

/// Inserts expired refresh tokens.
pub(super) async fn expired_tokens(app: &App, rows: u32) {
    app.execute(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
         INSERT INTO outstanding_tokens (jti, session_id, user_type, user_seq, created_at, expires_at) \
         SELECT 'old' || i, 'old', 'user', 1, {LONG_AGO}, {LONG_AGO} FROM n"
    ))
    .await;
}

async fn left(app: &App) -> i64 {
    app.number("SELECT COUNT(*) AS number FROM outstanding_tokens WHERE session_id = 'old'")
        .await
}

async fn events(app: &App, action: &str) -> i64 {
    app.number(&format!(
        "SELECT COUNT(*) AS number FROM audit_events WHERE action = '{action}' \
         AND actor_name = 'ann@example.org' AND source = 'panel'"
    ))
    .await
}

#[tokio::test]
async fn the_page_shows_the_expired_rows_and_the_button_deletes_them() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::ADMIN).await;
    let page = ann.open(paths::BLACKLIST).await;
    assert_eq!(page.text("#flush-title"), "Nothing to clean up");
    assert!(page.text("#flush").contains("No flush yet"));
    assert!(!page.has("#flush time"));

    expired_tokens(&app, 3).await;
    app.execute(
        "INSERT INTO otp_challenges (id, user_seq, requested_by, code_hash, attempts, created_at, expires_at) \
         VALUES ('old', 1, '-', '-', 0, '2019-12-31 23:00:00', '2019-12-31 23:00:00')",
    )
    .await;
    let page = ann.open(paths::BLACKLIST).await;
    assert_eq!(page.text("#flush-title"), "4 expired rows to clean up");
    // A row is kept for the maximum leeway of five minutes after its expiry.
    assert_eq!(
        page.attr("#flush time", "datetime"),
        "2019-12-31T23:05:00+00:00"
    );
    assert_eq!(
        page.texts(".flush-kinds li"),
        ["Refresh tokens 3", "One-time codes 1"]
    );

    ann.post(paths::FLUSH, &[]).await.leads_to(paths::BLACKLIST);
    let page = ann.open(paths::BLACKLIST).await;
    assert_eq!(page.text(".notice"), "4 expired rows were deleted.");
    assert_eq!(page.text("#flush-title"), "Nothing to clean up");
    assert!(
        page.text("#flush")
            .contains("4 rows deleted, started by ann@example.org")
    );
    assert_eq!(left(&app).await, 0);
    assert_eq!(events(&app, "flush_started").await, 1);

    let report = ann.open(&page.attr("#flush .panel-foot a", "href")).await;
    assert_eq!(report.text("#job .badge"), "Completed");
    assert_eq!(
        report.texts("#report dt"),
        ["Refresh tokens", "One-time codes"]
    );
    assert_eq!(report.texts("#report dd"), ["3", "1"]);
    assert!(report.text("#times").contains("ann@example.org"));
    assert!(!report.has("#job form"));

    ann.post(paths::FLUSH, &[]).await;
    let page = ann.open(paths::BLACKLIST).await;
    assert!(page.text(".notice").contains("No expired rows were found"));
}

#[tokio::test]
async fn two_simultaneous_requests_start_one_flush_across_instances() {
    let app = App::with(|config| config.flush.batch_size = 1);
    let other = app.another_instance();
    expired_tokens(&app, 60_000).await;
    let ann = app.signed_in("ann", Role::ADMIN).await;
    other.make_user("bob", Role::ADMIN).await;
    let bob = other.browser();
    bob.sign_in("bob").await;
    let (first, second) = join(ann.post(paths::FLUSH, &[]), bob.post(paths::FLUSH, &[])).await;
    let job = first.location().to_owned();
    assert!(job.starts_with("/admin/jobs/"), "{job}");
    second.leads_to(&job);
    assert_eq!(app.number("SELECT COUNT(*) AS number FROM jobs").await, 1);
    // One of the two sees a notice that the flush was already running.
    let said = [ann.open(&job).await, bob.open(&job).await].map(|page| page.texts(".notice"));
    assert_eq!(said.iter().filter(|said| said.is_empty()).count(), 1);
    let page = bob.open(paths::BLACKLIST).await;
    assert_eq!(page.attr("#flush", "data-job"), job);
    assert!(!page.has("form[action='/admin/blacklist/flush']"));

    bob.post(&format!("{job}/stop"), &[]).await.leads_to(&job);
    progress_until(&ann, &job, |seen| seen["state"] == "stopped").await;
}

#[tokio::test]
async fn the_progress_advances_and_a_stop_keeps_completed_work() {
    let app = App::with(|config| config.flush.batch_size = 1);
    expired_tokens(&app, 60_000).await;
    let ann = app.signed_in("ann", Role::ADMIN).await;
    let started = ann.post(paths::FLUSH, &[]).await;
    let job = started.location().to_owned();
    let first = progress_until(&ann, &job, |seen| seen["done"].as_u64() > Some(0)).await;
    let second = progress_until(&ann, &job, |seen| {
        seen["done"].as_u64() > first["done"].as_u64()
    });
    let second = second.await;
    assert_eq!(
        (&second["total"], &second["state"]),
        (&60_000.into(), &"running".into())
    );
    let page = ann.open(&job).await;
    assert_eq!(page.attr("#job", "data-job"), job);
    assert_eq!(page.attr("progress", "max"), "60000");
    assert!(page.has("noscript"));

    ann.post(&format!("{job}/stop"), &[]).await.leads_to(&job);
    let last = progress_until(&ann, &job, |seen| seen["state"] != "running").await;
    assert_eq!(last["state"], "stopped");
    let done = last["done"].as_i64().unwrap();
    assert!(done < 60_000 && done >= second["done"].as_i64().unwrap());
    assert_eq!(left(&app).await, 60_000 - done);
    let page = ann.open(&job).await;
    assert!(page.text("#job").contains("stopped early"));
    assert!(!page.has("#job form, noscript, [data-job]"));
    let counts = (
        events(&app, "flush_started").await,
        events(&app, "job_stopped").await,
    );
    assert_eq!(counts, (1, 1));
    // Stopping an ended job is no second event.
    ann.post(&format!("{job}/stop"), &[]).await.leads_to(&job);
    assert_eq!(events(&app, "job_stopped").await, 1);

    ann.post(paths::FLUSH, &[]).await.assert(303);
    assert_eq!(app.number("SELECT COUNT(*) AS number FROM jobs").await, 2);
    app.services().jobs.stop_all();
}

#[tokio::test]
async fn a_server_that_shuts_down_stops_its_flush() {
    let app = App::with(|config| config.flush.batch_size = 1);
    let other = app.another_instance();
    expired_tokens(&app, 60_000).await;
    let ann = app.signed_in("ann", Role::ADMIN).await;
    let started = ann.post(paths::FLUSH, &[]).await;
    let jobs = &app.services().jobs;
    jobs.stop_all();
    jobs.drain(MINUTE).await;
    let bob = other.signed_in("bob", Role::AUDITOR).await;
    assert_eq!(progress(&bob, started.location()).await["state"], "stopped");
}

#[tokio::test]
async fn a_flush_of_a_killed_process_fails_after_a_minute_and_does_not_block_the_next() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::ADMIN).await;
    expired_tokens(&app, 2).await;
    let dead = running_flush(&app).await;
    app.advance(MINUTE);
    let beside = ann.post(paths::FLUSH, &[]).await;
    beside.leads_to(&dead);
    assert_eq!(progress(&ann, &dead).await["state"], "running");
    assert!(flush_regularly(app.services()).await.unwrap().is_none());
    assert_eq!(left(&app).await, 2);

    app.advance(Duration::from_secs(1));
    assert_eq!(progress(&ann, &dead).await["state"], "failed");
    let page = ann.open(&dead).await;
    assert!(page.text("#job").contains("its server stopped"));
    // The last heartbeat is that of the creation.
    assert_eq!(page.attrs("#times time", "datetime").len(), 2);
    ann.post(paths::FLUSH, &[]).await.leads_to(paths::BLACKLIST);
    assert_eq!(left(&app).await, 0);
}

#[tokio::test]
async fn the_next_flush_detects_a_dead_one() {
    let app = App::start();
    expired_tokens(&app, 2).await;
    running_flush(&app).await;
    app.advance(MINUTE * 2);
    let counts = flush_regularly(app.services()).await.unwrap().unwrap();
    assert_eq!(counts.total(), 2);
    let last = find_last_ended(&app.services().store, JobKind::Flush).await;
    let last = last.unwrap().unwrap();
    assert_eq!(last.state, JobState::Done);
    assert_eq!(last.report, Some(Report::Flush(counts)));
    let ann = app.signed_in("ann", Role::AUDITOR).await;
    let page = ann.open(paths::BLACKLIST).await;
    assert!(
        page.text("#flush")
            .contains("2 rows deleted, started by Server")
    );
    // Scheduled flushes are not logged.
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM audit_events WHERE action = 'flush_started'")
            .await,
        0
    );
}

#[tokio::test]
async fn expired_rows_of_the_panel_are_flushed() {
    let app = App::start();
    app.signed_in("ann", Role::ADMIN).await;
    let job = |id: &str, state: &str, at: &str| {
        format!(
            "INSERT INTO jobs (id, kind, state, total, done, stop_requested, details, started_at, heartbeat_at) \
             VALUES ('{id}', 'bulk', '{state}', 0, 0, FALSE, '', '{at}', '2999-01-01 00:00:00')"
        )
    };
    for statement in [
        job("old", "done", "2025-11-16 00:00:00"),
        job("young", "done", "2025-11-17 00:00:00"),
        job("at-work", "running", "2025-01-01 00:00:00"),
        format!(
            "INSERT INTO set_up_links (token_hash, purpose, created_at, expires_at) \
             VALUES ('old', 'first_administrator', {LONG_AGO}, {LONG_AGO})"
        ),
        format!(
            "INSERT INTO deliveries \
             (id, kind, user_type, user_seq, channel, state, attempts, created_at, heartbeat_at, expires_at) \
             VALUES ('old', 'code', 'client', 1, 'console', 'sent', 1, {LONG_AGO}, {LONG_AGO}, {LONG_AGO})"
        ),
        format!(
            "INSERT INTO browser_sessions \
             (id, token_hash, user_seq, created_at, last_used_at, expires_at, absolute_expires_at) \
             VALUES ('old', 'old', 1, {LONG_AGO}, {LONG_AGO}, {LONG_AGO}, {LONG_AGO})"
        ),
    ] {
        app.execute(&statement).await;
    }
    let services = app.services();
    let expected = FlushCounts {
        browser_sessions: 1,
        set_up_links: 1,
        deliveries: 1,
        jobs: 1,
        ..FlushCounts::default()
    };
    assert_eq!(
        count(
            &services.store,
            services.clock.now(),
            app.flush_rules(1).keep_events_for
        )
        .await
        .unwrap(),
        expected
    );
    assert_eq!(backlog(services).await.unwrap().total.rows, 4);
    let counts = flush_regularly(services).await.unwrap().unwrap();
    assert_eq!(counts, expected);
    for (table, rows) in [("jobs", 3), ("browser_sessions", 1)] {
        let query = format!("SELECT COUNT(*) AS number FROM {table}");
        assert_eq!(app.number(&query).await, rows, "{table}");
    }
}

#[tokio::test]
async fn an_auditor_has_no_button_and_a_flush_needs_a_csrf_token() {
    let app = App::start();
    expired_tokens(&app, 1).await;
    let eve = app.signed_in("eve", Role::AUDITOR).await;
    let page = eve.open(paths::BLACKLIST).await;
    assert_eq!(page.text("#flush-title"), "1 expired row to clean up");
    assert!(!page.has("#flush form, #flush button"));
    eve.post(paths::FLUSH, &[]).await.assert(403);
    let ann = app.signed_in("ann", Role::ADMIN).await;
    ann.post_as_is(paths::FLUSH, &[]).await.assert(403);
    let anonymous = app.browser();
    anonymous
        .post_as_is(paths::FLUSH, &[])
        .await
        .leads_to(paths::LOGIN);
    assert_eq!(left(&app).await, 1);
    assert_eq!(app.number("SELECT COUNT(*) AS number FROM jobs").await, 0);
}
