//! How long events are kept, and that taking old ones out leaves a chain that holds.

use std::time::Duration;

use munjigi::{
    config::Span,
    services::{
        audit_chain::{
            chain::seal_waiting,
            verify::{ChainReport, verify},
        },
        maintenance::{
            flush::{count, flush},
            flush_counts::FlushCounts,
        },
    },
};

use crate::support::App;

const DAY: Duration = Duration::from_hours(24);

async fn sealed(app: &App) {
    let services = app.services();
    seal_waiting(&services.store, &services.audit_log)
        .await
        .unwrap();
}

async fn flushed(app: &App, batch_size: u32) -> FlushCounts {
    let services = app.services();
    let rules = app.flush_rules(batch_size);
    let waiting = count(&services.store, &services.clock, rules.keep_events_for)
        .await
        .unwrap();
    let flushed = flush(&services.store, &services.clock, rules, |_| ())
        .await
        .unwrap();
    assert_eq!(waiting.audit_events, flushed.audit_events);
    flushed
}

async fn verdict(app: &App) -> ChainReport {
    let services = app.services();
    verify(&services.store, &services.audit_log, None, |_| ())
        .await
        .unwrap()
}

async fn events(app: &App) -> i64 {
    app.number("SELECT COUNT(*) AS number FROM audit_events")
        .await
}

#[tokio::test]
async fn events_go_when_they_are_old_enough_and_the_chain_begins_behind_them() {
    let app = App::with(|config| config.audit.keep_for = Span::days(10));
    let ann = app.user("ann").await;
    app.advance(5 * DAY);
    for _ in 0..5 {
        ann.again().await;
    }
    sealed(&app).await;
    let end = verdict(&app).await.end;
    app.advance(4 * DAY);
    assert_eq!(flushed(&app, 2).await.audit_events, 0);
    app.advance(DAY);
    // Made, and logged in for the first time: two.
    assert_eq!(flushed(&app, 2).await.audit_events, 2);
    let told = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'record_trimmed'";
    assert_eq!(app.number(told).await, 1);
    sealed(&app).await;
    let after = verdict(&app).await;
    assert!(after.holds(), "{after:?}");
    assert_eq!(after.sealed, events(&app).await);
    let services = app.services();
    let noted = verify(&services.store, &services.audit_log, end, |_| ()).await;
    assert!(noted.unwrap().holds());
    app.advance(20 * DAY);
    let left = events(&app).await;
    assert_eq!(
        flushed(&app, 3).await.audit_events,
        u64::try_from(left).unwrap()
    );
    sealed(&app).await;
    let after = verdict(&app).await;
    assert!(after.holds(), "{after:?}");
}

#[tokio::test]
async fn an_event_is_not_made_old_to_have_it_flushed_away() {
    let app = App::with(|config| config.audit.keep_for = Span::days(10));
    app.user("ann").await;
    sealed(&app).await;
    app.execute("UPDATE audit_events SET happened_at = '2020-01-01 00:00:00'")
        .await;
    let services = app.services();
    let rules = app.flush_rules(10);
    let counts = flush(&services.store, &services.clock, rules, |_| ()).await;
    assert_eq!(counts.unwrap().audit_events, 0);
    assert!(!verdict(&app).await.holds());
}

#[tokio::test]
async fn what_waits_for_its_seal_stays() {
    let app = App::with(|config| config.audit.keep_for = Span::days(1));
    app.user("ann").await;
    app.advance(2 * DAY);
    assert_eq!(flushed(&app, 10).await.audit_events, 0);
    sealed(&app).await;
    assert!(flushed(&app, 10).await.audit_events > 0);
}
