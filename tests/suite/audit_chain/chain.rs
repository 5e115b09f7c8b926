//! The chain: whoever changes the record behind the server's back is found out, wherever he does it.

use std::time::Duration;

use munjigi::{
    config::Secret,
    services::audit_chain::{
        chain::seal_waiting,
        checkpoint::Checkpoint,
        restart::{note_key_change, restart},
        verify::{ChainReport, Violation, ViolationKind, verify},
    },
};
use serde_json::json;

use crate::support::{App, on_postgres};

/// Seals what waits; how many.
pub async fn sealed(app: &App) -> u64 {
    let services = app.services();
    seal_waiting(&services.store, &services.audit_log)
        .await
        .unwrap()
}

pub async fn verdict(app: &App, noted: Option<Checkpoint>) -> ChainReport {
    let services = app.services();
    verify(&services.store, &services.audit_log, noted, |_| ())
        .await
        .unwrap()
}

/// What is wrong, and where.
pub fn told(verdict: &ChainReport) -> Vec<(ViolationKind, Option<i64>, i64)> {
    let told = |found: &Violation| (found.kind, found.event, found.events);
    verdict.breaks.iter().map(told).collect()
}

/// Eight events, of which the last two wait for their seal.
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
    assert_eq!(sealed(&app).await, 6);
    ann.again().await;
    ann.again().await;
    app
}

#[tokio::test]
async fn every_event_is_sealed_once_in_its_turn() {
    let app = scene().await;
    let before = verdict(&app, None).await;
    assert!(before.holds(), "{before:?}");
    assert_eq!((before.sealed, before.waiting), (6, 2));
    assert_eq!((sealed(&app).await, sealed(&app).await), (2, 0));
    let after = verdict(&app, None).await;
    assert!(after.holds() && after.end != before.end, "{after:?}");
    assert_eq!((after.sealed, after.waiting), (8, 0));
    let numbers = (after.first.unwrap().0, after.last.unwrap().0);
    assert_eq!(numbers, (1, 8));
    // Another instance goes on where this one stopped.
    let other = app.another_instance();
    other.user("bob").await;
    assert!(sealed(&other).await > 0);
    app.user("eve").await;
    assert!(sealed(&app).await > 0);
    assert!(verdict(&app, None).await.holds());
}

#[tokio::test]
async fn instances_that_seal_at_once_make_one_chain() {
    let app = App::start();
    let other = app.another_instance();
    let ann = app.user("ann").await;
    for _ in 0..5 {
        let asked = [&app, &other, &app, &other].map(sealed);
        let logins = [ann.log_in(), ann.log_in(), ann.log_in()];
        futures_util::future::join(
            futures_util::future::join_all(asked),
            futures_util::future::join_all(logins),
        )
        .await;
    }
    sealed(&app).await;
    let verdict = verdict(&other, None).await;
    assert!(verdict.holds(), "{verdict:?}");
    let events = app
        .number("SELECT COUNT(*) AS number FROM audit_events")
        .await;
    assert_eq!((verdict.sealed, verdict.waiting), (events, 0));
}

#[tokio::test]
async fn the_operator_begins_a_broken_chain_anew_and_that_is_told() {
    let app = scene().await;
    app.execute("DELETE FROM audit_events WHERE id = 3").await;
    app.execute("DELETE FROM audit_chain").await;
    assert!(!verdict(&app, None).await.holds());
    let services = app.services();
    let audit_context = services.audit_context(&munjigi::domain::audit::Actor::operator());
    restart(&services.store, audit_context, "a disk was lost".into())
        .await
        .unwrap();
    assert_eq!(sealed(&app).await, 8);
    let verdict = verdict(&app, None).await;
    assert!(verdict.holds(), "{verdict:?}");
    let told = app
        .number("SELECT COUNT(*) AS number FROM audit_events WHERE action = 'record_restarted' AND changes LIKE '%a disk was lost%'")
        .await;
    assert_eq!(told, 1);
}

#[tokio::test]
async fn another_signing_key_marks_the_record_anew_and_says_so() {
    let app = scene().await;
    assert!(!note_key_change(app.services()).await.unwrap());
    let key = "another signing key of the tests, long enough for every algorithm of them all";
    let app = app.restarted_with(|config| config.tokens.signing_key = Some(Secret::new(key)));
    // Until the server has looked at it nothing of it can be proved.
    assert!(!verdict(&app, None).await.holds());
    assert!(note_key_change(app.services()).await.unwrap());
    assert!(!note_key_change(app.services()).await.unwrap());
    assert_eq!(sealed(&app).await, 9);
    assert!(verdict(&app, None).await.holds());
    let told = app
        .number("SELECT COUNT(*) AS number FROM audit_events WHERE action = 'signing_key_changed'")
        .await;
    assert_eq!(told, 1);
}

#[tokio::test]
async fn events_from_before_there_was_a_chain_are_taken_into_it() {
    let app = App::start();
    app.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) \
         INSERT INTO audit_events (happened_at, source, action, outcome, changes, search_text) \
         SELECT '2026-01-01 00:00:00', 'panel', 'signed_in', 'done', '[]', '' FROM n",
    )
    .await;
    // As the migration leaves it.
    app.execute("UPDATE audit_chain SET backfill_end_id = 1200")
        .await;
    app.user("ann").await;
    let before = verdict(&app, None).await;
    assert!(before.holds() && before.to_adopt, "{before:?}");
    sealed(&app).await;
    let after = verdict(&app, None).await;
    assert!(after.holds() && !after.to_adopt, "{after:?}");
    assert_eq!(after.sealed, 1202);
    app.execute("UPDATE audit_events SET outcome = 'refused' WHERE id = 700")
        .await;
    let broken = verdict(&app, None).await;
    assert_eq!(told(&broken), [(ViolationKind::Changed, Some(700), 1)]);
}

#[tokio::test]
async fn a_change_that_is_taken_back_leaves_nothing_in_the_record() {
    let app = scene().await;
    let root = app.admin("root").await;
    let before = app
        .number("SELECT COUNT(*) AS number FROM audit_events")
        .await;
    let taken = json!({"email": "ann@example.org", "name": "Ann", "role": "staff", "password": "correct horse battery"});
    root.post("/api/users", taken)
        .await
        .assert(409, "ALREADY_EXISTS");
    let after = app
        .number("SELECT COUNT(*) AS number FROM audit_events")
        .await;
    assert_eq!(after, before);
    app.advance(Duration::from_secs(1));
    if !on_postgres() {
        // Numbers of what was taken back are used again on SQLite: none is missing.
        sealed(&app).await;
    }
    assert!(verdict(&app, None).await.holds());
}
