//! The audit chain: linking, restart, and events without MACs.

use std::time::Duration;

use munjigi::{
    config::Secret,
    domain::audit::Actor,
    services::audit_chain::{
        chain::ChainError,
        checkpoint::Checkpoint,
        linking::link_pending,
        report::{ChainReport, Violation, ViolationKind},
        restart::{restart, restart_on_key_change},
        state::state,
        verify::verify,
    },
};
use serde_json::json;

use crate::support::{App, on_postgres};

/// Links all pending events, and returns how many.
pub async fn linked(app: &App) -> u64 {
    let services = app.services();
    link_pending(&services.store, &services.audit_chain)
        .await
        .unwrap()
}

pub async fn verified(app: &App, checkpoint: Option<Checkpoint>) -> ChainReport {
    let services = app.services();
    verify(&services.store, &services.audit_chain, checkpoint, |_| ())
        .await
        .unwrap()
}

/// The violations: kind, event and number of events.
pub fn violations(report: &ChainReport) -> Vec<(ViolationKind, Option<i64>, i64)> {
    let parts = |found: &Violation| (found.kind, found.event, found.events);
    report.violations.iter().map(parts).collect()
}

/// An app with eight events, of which the last two are not linked yet.
pub async fn scene() -> App {
    let app = App::start();
    let ann = app.user("ann").await;
    for _ in 0..4 {
        ann.again().await;
    }
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM audit_events")
            .await,
        6
    );
    assert_eq!(linked(&app).await, 6);
    ann.again().await;
    ann.again().await;
    app
}

#[tokio::test]
async fn every_event_is_linked_once_in_order() {
    let app = scene().await;
    let before = verified(&app, None).await;
    assert!(before.is_intact(), "{before:?}");
    assert_eq!((before.linked, before.pending), (6, 2));
    assert_eq!((linked(&app).await, linked(&app).await), (2, 0));
    let after = verified(&app, None).await;
    assert!(
        after.is_intact() && after.checkpoint != before.checkpoint,
        "{after:?}"
    );
    assert_eq!((after.linked, after.pending), (8, 0));
    let numbers = (after.first.unwrap().0, after.last.unwrap().0);
    assert_eq!(numbers, (1, 8));
    // Another instance continues the chain.
    let other = app.another_instance();
    other.user("bob").await;
    assert!(linked(&other).await > 0);
    app.user("eve").await;
    assert!(linked(&app).await > 0);
    assert!(verified(&app, None).await.is_intact());
}

#[tokio::test]
async fn instances_that_link_concurrently_create_one_chain() {
    let app = App::start();
    let other = app.another_instance();
    let ann = app.user("ann").await;
    for _ in 0..5 {
        let links = [&app, &other, &app, &other].map(linked);
        let logins = [ann.log_in(), ann.log_in(), ann.log_in()];
        futures_util::future::join(
            futures_util::future::join_all(links),
            futures_util::future::join_all(logins),
        )
        .await;
    }
    linked(&app).await;
    let report = verified(&other, None).await;
    assert!(report.is_intact(), "{report:?}");
    let events = app
        .number("SELECT COUNT(*) AS number FROM audit_events")
        .await;
    assert_eq!((report.linked, report.pending), (events, 0));
}

#[tokio::test]
async fn the_operator_restarts_a_damaged_chain_and_that_is_recorded() {
    let app = scene().await;
    app.execute("DELETE FROM audit_events WHERE id = 3").await;
    app.execute("DELETE FROM audit_chain").await;
    assert!(!verified(&app, None).await.is_intact());
    let services = app.services();
    let audit_context = services.audit_context(&Actor::operator());
    let (chain, reason) = (&services.audit_chain, "a disk was lost".to_owned());
    restart(&services.store, chain, audit_context, reason)
        .await
        .unwrap();
    assert_eq!(linked(&app).await, 8);
    let report = verified(&app, None).await;
    assert!(report.is_intact(), "{report:?}");
    let recorded = app
        .number("SELECT COUNT(*) AS number FROM audit_events WHERE action = 'audit_chain_restarted' AND changes LIKE '%a disk was lost%'")
        .await;
    assert_eq!(recorded, 1);
}

#[tokio::test]
async fn a_replaced_master_key_restarts_the_chain_and_that_is_recorded() {
    let app = scene().await;
    assert!(!restart_on_key_change(app.services()).await.unwrap());
    let key = "another master key of the tests, long enough for every algorithm of them all";
    let app = app.restarted_with(|config| config.server.master_key = Some(Secret::new(key)));
    // Before the restart no event can be verified.
    assert!(!verified(&app, None).await.is_intact());
    assert!(restart_on_key_change(app.services()).await.unwrap());
    assert!(!restart_on_key_change(app.services()).await.unwrap());
    assert_eq!(linked(&app).await, 9);
    assert!(verified(&app, None).await.is_intact());
    let recorded = app
        .number("SELECT COUNT(*) AS number FROM audit_events WHERE action = 'master_key_changed'")
        .await;
    assert_eq!(recorded, 1);
}

#[tokio::test]
async fn events_without_macs_are_added_to_the_chain_only_by_the_operator() {
    let app = App::start();
    app.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) \
         INSERT INTO audit_events (happened_at, source, action, outcome, changes, search_text) \
         SELECT '2026-01-01 00:00:00', 'panel', 'signed_in', 'done', '[]', '' FROM n",
    )
    .await;
    app.user("ann").await;
    let before = verified(&app, None).await;
    assert!(!before.is_intact() && !before.to_adopt, "{before:?}");
    assert_eq!(linked(&app).await, 0);
    let services = app.services();
    let (store, chain) = (&services.store, &services.audit_chain);
    let found = state(store, chain).await.unwrap();
    assert_eq!(found.error, Some(ChainError::Unmarked));
    let audit_context = services.audit_context(&Actor::operator());
    restart(store, chain, audit_context, "they are ours".to_owned())
        .await
        .unwrap();
    let before = verified(&app, None).await;
    assert!(before.is_intact() && before.to_adopt, "{before:?}");
    linked(&app).await;
    let after = verified(&app, None).await;
    assert!(after.is_intact() && !after.to_adopt, "{after:?}");
    assert_eq!(after.linked, 1203);
    app.execute("UPDATE audit_events SET outcome = 'refused' WHERE id = 700")
        .await;
    let changed = verified(&app, None).await;
    assert_eq!(
        violations(&changed),
        [(ViolationKind::Changed, Some(700), 1)]
    );
}

#[tokio::test]
async fn a_change_that_is_rolled_back_leaves_no_event() {
    let app = scene().await;
    let root = app.admin("root").await;
    let before = app
        .number("SELECT COUNT(*) AS number FROM audit_events")
        .await;
    let existing = json!({"email": "ann@example.org", "name": "Ann", "role": "staff", "password": "correct horse battery"});
    root.post("/api/users", existing)
        .await
        .assert(409, "ALREADY_EXISTS");
    let after = app
        .number("SELECT COUNT(*) AS number FROM audit_events")
        .await;
    assert_eq!(after, before);
    app.advance(Duration::from_secs(1));
    if !on_postgres() {
        // SQLite reuses the ids of rows that were rolled back: none is missing.
        linked(&app).await;
    }
    assert!(verified(&app, None).await.is_intact());
}
