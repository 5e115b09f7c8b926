//! Retention of audit events: pruning old events leaves an intact chain.

use std::time::Duration;

use munjigi::{
    config::Span,
    services::{
        audit_chain::{linking::link_pending, report::ChainReport, verify::verify},
        maintenance::{
            flush::{count, flush},
            flush_counts::FlushCounts,
        },
    },
};

use crate::support::App;

const DAY: Duration = Duration::from_hours(24);

async fn link(app: &App) {
    let services = app.services();
    link_pending(&services.store, &services.audit_chain)
        .await
        .unwrap();
}

async fn flushed(app: &App, batch_size: u32) -> FlushCounts {
    let services = app.services();
    let rules = app.flush_rules(batch_size);
    let expired = count(&services.store, services.clock.now(), rules.keep_events_for)
        .await
        .unwrap();
    let flushed = flush(&services.store, &services.clock, rules, |_, _| ())
        .await
        .unwrap();
    assert_eq!(expired.audit_events, flushed.audit_events);
    flushed
}

async fn verified(app: &App) -> ChainReport {
    let services = app.services();
    verify(&services.store, &services.audit_chain, None, |_| ())
        .await
        .unwrap()
}

async fn events(app: &App) -> i64 {
    app.number("SELECT COUNT(*) AS number FROM audit_events")
        .await
}

#[tokio::test]
async fn old_events_are_pruned_and_the_chain_begins_behind_them() {
    let app = App::with(|config| config.audit.keep_for = Span::days(10));
    let ann = app.user("ann").await;
    app.advance(5 * DAY);
    for _ in 0..5 {
        ann.again().await;
    }
    link(&app).await;
    let checkpoint = verified(&app).await.checkpoint;
    app.advance(4 * DAY);
    assert_eq!(flushed(&app, 2).await.audit_events, 0);
    app.advance(DAY);
    // Creation and first login: two events.
    assert_eq!(flushed(&app, 2).await.audit_events, 2);
    let pruned = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'audit_log_pruned'";
    assert_eq!(app.number(pruned).await, 1);
    link(&app).await;
    let after = verified(&app).await;
    assert!(after.is_intact(), "{after:?}");
    assert_eq!(after.linked, events(&app).await);
    let services = app.services();
    let later = verify(&services.store, &services.audit_chain, checkpoint, |_| ()).await;
    assert!(later.unwrap().is_intact());
    app.advance(20 * DAY);
    let left = events(&app).await;
    assert_eq!(
        flushed(&app, 3).await.audit_events,
        u64::try_from(left).unwrap()
    );
    link(&app).await;
    let after = verified(&app).await;
    assert!(after.is_intact(), "{after:?}");
}

#[tokio::test]
async fn an_event_cannot_be_backdated_to_have_it_pruned() {
    let app = App::with(|config| config.audit.keep_for = Span::days(10));
    app.user("ann").await;
    link(&app).await;
    app.execute("UPDATE audit_events SET happened_at = '2020-01-01 00:00:00'")
        .await;
    let services = app.services();
    let rules = app.flush_rules(10);
    let counts = flush(&services.store, &services.clock, rules, |_, _| ()).await;
    assert_eq!(counts.unwrap().audit_events, 0);
    assert!(!verified(&app).await.is_intact());
}

#[tokio::test]
async fn a_pending_event_is_not_pruned() {
    let app = App::with(|config| config.audit.keep_for = Span::days(1));
    app.user("ann").await;
    app.advance(2 * DAY);
    assert_eq!(flushed(&app, 10).await.audit_events, 0);
    link(&app).await;
    assert!(flushed(&app, 10).await.audit_events > 0);
}
