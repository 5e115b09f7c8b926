//! The chain: whoever changes the record behind the server's back is found out, wherever he does it.

use std::time::Duration;

use munjigi::{
    config::Secret,
    services::audit::{
        Break, BreakKind, Noted, Trouble, Verdict, note_key_change, restart, seal_waiting, state,
        verify,
    },
};
use serde_json::json;

use crate::support::{App, on_postgres};

/// Seals what waits; how many.
async fn sealed(app: &App) -> u64 {
    let services = app.services();
    seal_waiting(&services.store, &services.recorder)
        .await
        .unwrap()
}

async fn verdict(app: &App, noted: Option<Noted>) -> Verdict {
    let services = app.services();
    verify(&services.store, &services.recorder, noted, |_| ())
        .await
        .unwrap()
}

/// What is wrong, and where.
fn told(verdict: &Verdict) -> Vec<(BreakKind, Option<i64>, i64)> {
    let told = |found: &Break| (found.kind, found.event, found.events);
    verdict.breaks.iter().map(told).collect()
}

/// Eight events, of which the last two wait for their seal.
async fn scene() -> App {
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
async fn whatever_is_changed_deleted_or_slipped_in_is_found() {
    use BreakKind::{Changed, Deleted, Ends, NotOurs, Unchained};
    let slip_in = "INSERT INTO audit_events (id, happened_at, door, action, outcome, changes, search_text) \
        VALUES (99, '2026-02-14 12:30:45', 'panel', 'signed_in', 'done', '[]', '')";
    let tampering = [
        (
            "UPDATE audit_events SET subject_name = 'eve@example.org' WHERE id = 3",
            (Changed, Some(3), 1),
        ),
        (
            "UPDATE audit_events SET happened_at = '2026-02-14 12:30:46' WHERE id = 1",
            (Changed, Some(1), 1),
        ),
        (
            "UPDATE audit_events SET outcome = 'refused' WHERE id = 6",
            (Changed, Some(6), 1),
        ),
        (
            "UPDATE audit_events SET actor_seq = 2 WHERE id = 2",
            (Changed, Some(2), 1),
        ),
        (
            "UPDATE audit_events SET ip_address = NULL WHERE id = 2",
            (Changed, Some(2), 1),
        ),
        (
            "UPDATE audit_events SET session_id = NULL WHERE id = 2",
            (Changed, Some(2), 1),
        ),
        // A word that no program of ours can read.
        (
            "UPDATE audit_events SET action = 'nothing' WHERE id = 4",
            (Changed, Some(4), 1),
        ),
        (
            "UPDATE audit_events SET search_text = '' WHERE id = 8",
            (Changed, Some(8), 1),
        ),
        (
            "DELETE FROM audit_events WHERE id = 3",
            (Deleted, Some(2), 1),
        ),
        ("DELETE FROM audit_events WHERE id = 1", (Deleted, None, 1)),
        (slip_in, (NotOurs, Some(99), 1)),
        (
            "DELETE FROM audit_seals WHERE event_id = 8",
            (NotOurs, Some(8), 1),
        ),
        (
            "UPDATE audit_seals SET mark = (SELECT mark FROM audit_seals WHERE event_id = 4) WHERE event_id = 5",
            (Unchained, Some(5), 1),
        ),
        (
            "UPDATE audit_seals SET seal = (SELECT seal FROM audit_seals WHERE event_id = 4) WHERE event_id = 5",
            (Unchained, Some(5), 1),
        ),
        ("UPDATE audit_chain SET last_position = 5", (Ends, None, 0)),
        ("UPDATE audit_chain SET first_position = 2", (Ends, None, 0)),
        ("UPDATE audit_chain SET mark = ''", (Ends, None, 0)),
        ("DELETE FROM audit_chain", (Ends, None, 0)),
    ];
    for (statement, expected) in tampering {
        let app = scene().await;
        assert!(app.execute(statement).await > 0, "{statement}");
        let verdict = verdict(&app, None).await;
        assert!(!verdict.holds(), "{statement}");
        assert_eq!(told(&verdict)[0], expected, "{statement}: {verdict:?}");
    }
}

#[tokio::test]
async fn what_is_cut_out_with_its_seal_is_found_too() {
    for (cut, expected) in [
        ("(3, 4)", (BreakKind::Deleted, Some(2), 2)),
        ("(1, 2)", (BreakKind::Deleted, None, 2)),
        // The tail: nothing stands behind it that would not fit.
        ("(5, 6)", (BreakKind::Deleted, Some(4), 2)),
        ("(1, 2, 3, 4, 5, 6)", (BreakKind::Deleted, None, 6)),
    ] {
        let app = scene().await;
        for statement in [
            format!("DELETE FROM audit_events WHERE id IN {cut}"),
            format!("DELETE FROM audit_seals WHERE event_id IN {cut}"),
        ] {
            app.execute(&statement).await;
        }
        let verdict = verdict(&app, None).await;
        assert_eq!(told(&verdict)[0], expected, "{cut}: {verdict:?}");
    }
}

#[tokio::test]
async fn events_that_changed_places_are_found() {
    let app = scene().await;
    for statement in [
        "UPDATE audit_seals SET position = 100 WHERE event_id = 3",
        "UPDATE audit_seals SET position = 3 WHERE event_id = 4",
        "UPDATE audit_seals SET position = 4 WHERE event_id = 3",
    ] {
        assert_eq!(app.execute(statement).await, 1);
    }
    let verdict = verdict(&app, None).await;
    assert_eq!(told(&verdict)[0], (BreakKind::Unchained, Some(4), 1));
}

#[tokio::test]
async fn an_old_copy_is_known_by_the_end_that_was_noted() {
    let app = scene().await;
    let early = verdict(&app, None).await.end;
    sealed(&app).await;
    let late = verdict(&app, None).await.end;
    assert!(verdict(&app, early.clone()).await.holds());
    // The chain as it was, with its marked ends: in itself it is right.
    app.execute("UPDATE audit_seals SET position = NULL, seal = NULL WHERE event_id > 6")
        .await;
    app.execute("DELETE FROM audit_seals WHERE event_id > 6")
        .await;
    app.execute("DELETE FROM audit_events WHERE id > 6").await;
    let services = app.services();
    // Only somebody with an old copy has its mark; here the test takes it from a scene that never went on.
    let copy = scene().await;
    let kept = copy
        .services()
        .store
        .read(munjigi::store::audit_seals::find_chain)
        .await
        .unwrap()
        .unwrap();
    services
        .store
        .write(move |connection| munjigi::store::audit_seals::update_chain(connection, &kept))
        .await
        .unwrap();
    // The process that saw the chain go on knows better, and does not seal on.
    app.user("eve").await;
    assert_eq!(sealed(&app).await, 0);
    let seen = state(&services.store, &services.recorder).await.unwrap();
    assert_eq!(seen.trouble, Some(Trouble::WentBack));
    let app = app.restarted_with(|_| ());
    let verdict = verdict(&app, late).await;
    assert!(
        told(&verdict).contains(&(BreakKind::NotAsNoted, None, 0)),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn nothing_is_sealed_on_a_chain_that_somebody_else_ended() {
    for statement in [
        "UPDATE audit_chain SET last_position = 5",
        "DELETE FROM audit_chain",
    ] {
        let app = scene().await;
        app.execute(statement).await;
        assert_eq!(sealed(&app).await, 0, "{statement}");
        let services = app.services();
        let seen = state(&services.store, &services.recorder).await.unwrap();
        assert!(seen.trouble.is_some() && seen.waiting == 2, "{seen:?}");
        // Events are written all the same, and whoever is let in is let in.
        let before = app
            .number("SELECT COUNT(*) AS number FROM audit_events")
            .await;
        app.user("bob").await;
        let after = app
            .number("SELECT COUNT(*) AS number FROM audit_events")
            .await;
        assert!(after > before);
    }
}

#[tokio::test]
async fn the_operator_begins_a_broken_chain_anew_and_that_is_told() {
    let app = scene().await;
    app.execute("DELETE FROM audit_events WHERE id = 3").await;
    app.execute("DELETE FROM audit_chain").await;
    assert!(!verdict(&app, None).await.holds());
    let services = app.services();
    let scribe = services.scribe(&munjigi::domain::audit::Actor::operator());
    restart(&services.store, scribe, "a disk was lost".into())
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
async fn a_forged_end_is_no_change_of_the_key() {
    let app = scene().await;
    app.execute("UPDATE audit_chain SET last_position = 2, mark = 'AAAAAAAAAAA.forged'")
        .await;
    let app = app.restarted_with(|_| ());
    assert!(!note_key_change(app.services()).await.unwrap());
    assert_eq!(sealed(&app).await, 0);
    assert!(!verdict(&app, None).await.holds());
}

#[tokio::test]
async fn events_from_before_there_was_a_chain_are_taken_into_it() {
    let app = App::start();
    app.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) \
         INSERT INTO audit_events (happened_at, door, action, outcome, changes, search_text) \
         SELECT '2026-01-01 00:00:00', 'panel', 'signed_in', 'done', '[]', '' FROM n",
    )
    .await;
    // As the migration leaves it.
    app.execute("UPDATE audit_chain SET adopt_to = 1200").await;
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
    assert_eq!(told(&broken), [(BreakKind::Changed, Some(700), 1)]);
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
