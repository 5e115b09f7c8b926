//! Whoever can write to the database alone changes the record unseen nowhere: not an event, not the chain, not by an old copy.

use munjigi::{
    services::{
        audit::log::AuditLog,
        audit_chain::{
            chain::{ChainError, seal_waiting, state},
            event_mac::AuditKey,
            restart::note_key_change,
            verify::ViolationKind,
        },
    },
    store::audit_chain_links::{find_chain, update_chain},
};

use super::chain::{scene, sealed, told, verdict};

#[tokio::test]
async fn whatever_is_changed_deleted_or_slipped_in_is_found() {
    use ViolationKind::{Changed, Deleted, Ends, NotOurs, Unchained};
    let slip_in = "INSERT INTO audit_events (id, happened_at, source, action, outcome, changes, search_text) \
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
            "DELETE FROM audit_chain_links WHERE event_id = 8",
            (NotOurs, Some(8), 1),
        ),
        (
            "UPDATE audit_chain_links SET event_mac = (SELECT event_mac FROM audit_chain_links WHERE event_id = 4) WHERE event_id = 5",
            (Unchained, Some(5), 1),
        ),
        (
            "UPDATE audit_chain_links SET link_mac = (SELECT link_mac FROM audit_chain_links WHERE event_id = 4) WHERE event_id = 5",
            (Unchained, Some(5), 1),
        ),
        ("UPDATE audit_chain SET last_position = 5", (Ends, None, 0)),
        ("UPDATE audit_chain SET first_position = 2", (Ends, None, 0)),
        ("UPDATE audit_chain SET mac = ''", (Ends, None, 0)),
        (
            "INSERT INTO audit_chain_links VALUES (99, 'x', 0, 'x')",
            (NotOurs, Some(99), 1),
        ),
        (
            "INSERT INTO audit_chain_links VALUES (99, 'x', 77, 'x')",
            (NotOurs, Some(99), 1),
        ),
        (
            "UPDATE audit_chain_links SET position = -8 WHERE event_id = 8",
            (NotOurs, Some(8), 1),
        ),
        (
            "UPDATE audit_chain SET last_position = 9223372036854775807",
            (Ends, None, 0),
        ),
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
        ("(3, 4)", (ViolationKind::Deleted, Some(2), 2)),
        ("(1, 2)", (ViolationKind::Deleted, None, 2)),
        // The tail: nothing stands behind it that would not fit.
        ("(5, 6)", (ViolationKind::Deleted, Some(4), 2)),
        ("(1, 2, 3, 4, 5, 6)", (ViolationKind::Deleted, None, 6)),
    ] {
        let app = scene().await;
        for statement in [
            format!("DELETE FROM audit_events WHERE id IN {cut}"),
            format!("DELETE FROM audit_chain_links WHERE event_id IN {cut}"),
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
        "UPDATE audit_chain_links SET position = 100 WHERE event_id = 3",
        "UPDATE audit_chain_links SET position = 3 WHERE event_id = 4",
        "UPDATE audit_chain_links SET position = 4 WHERE event_id = 3",
    ] {
        assert_eq!(app.execute(statement).await, 1);
    }
    let verdict = verdict(&app, None).await;
    assert_eq!(told(&verdict)[0], (ViolationKind::Unchained, Some(4), 1));
}

#[tokio::test]
async fn an_old_copy_is_known_by_the_end_that_was_noted() {
    let app = scene().await;
    let early = verdict(&app, None).await.end;
    let services = app.services();
    let kept = services.store.read(find_chain).await.unwrap().unwrap();
    sealed(&app).await;
    let late = verdict(&app, None).await.end;
    assert!(verdict(&app, early.clone()).await.holds());
    // The chain as it was, with its marked ends: in itself it is right.
    app.execute("UPDATE audit_chain_links SET position = NULL, link_mac = NULL WHERE event_id > 6")
        .await;
    app.execute("DELETE FROM audit_chain_links WHERE event_id > 6")
        .await;
    app.execute("DELETE FROM audit_events WHERE id > 6").await;
    services
        .store
        .write(move |connection| update_chain(connection, &kept))
        .await
        .unwrap();
    // The process that saw the chain go on knows better, and does not seal on.
    app.user("eve").await;
    assert_eq!(sealed(&app).await, 0);
    let seen = state(&services.store, &services.audit_log).await.unwrap();
    assert_eq!(seen.trouble, Some(ChainError::WentBack));
    // Nor does the one after it, which finds the end in a file.
    let app = app.restarted_with(|_| ());
    assert_eq!(sealed(&app).await, 0);
    let noted = (ViolationKind::NotAsNoted, None, 0);
    assert_eq!(told(&verdict(&app, None).await), [noted]);
    // Without that file, whoever noted the end knows.
    std::fs::remove_file(app.data_dir().join("record.end")).unwrap();
    let app = app.restarted_with(|_| ());
    assert!(verdict(&app, None).await.holds());
    assert_eq!(told(&verdict(&app, late).await), [noted]);
}

#[tokio::test]
async fn marks_are_not_taken_away_to_have_them_made_anew() {
    let app = scene().await;
    app.execute("UPDATE audit_events SET outcome = 'refused' WHERE id = 3")
        .await;
    app.execute("DELETE FROM audit_chain_links").await;
    app.execute(
        "UPDATE audit_chain SET first_position = 1, base_link_mac = '', last_position = 0, last_link_mac = '', \
         backfilled_id = 0, backfill_end_id = 8, mac = ''",
    )
    .await;
    for app in [app.another_instance(), app.restarted_with(|_| ())] {
        assert!(!note_key_change(app.services()).await.unwrap());
        assert_eq!(sealed(&app).await, 0);
        assert!(!verdict(&app, None).await.holds());
    }
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
        let seen = state(&services.store, &services.audit_log).await.unwrap();
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
async fn a_forged_end_is_no_change_of_the_key() {
    let app = scene().await;
    app.execute("UPDATE audit_chain SET last_position = 2, mac = 'AAAAAAAAAAA.forged'")
        .await;
    let app = app.restarted_with(|_| ());
    assert!(!note_key_change(app.services()).await.unwrap());
    assert_eq!(sealed(&app).await, 0);
    assert!(!verdict(&app, None).await.holds());
}

#[tokio::test]
async fn a_forged_change_of_the_key_launders_nothing() {
    let app = scene().await;
    app.execute("UPDATE audit_events SET outcome = 'refused' WHERE id = 3")
        .await;
    app.execute("DELETE FROM audit_chain_links").await;
    app.execute("UPDATE audit_chain SET mac = 'AAAAAAAAAAA.forged'")
        .await;
    let app = app.restarted_with(|_| ());
    assert!(!note_key_change(app.services()).await.unwrap());
    assert_eq!(sealed(&app).await, 0);
    assert!(!verdict(&app, None).await.holds());
}

#[tokio::test]
async fn nobody_keeps_events_from_being_sealed_unnoticed() {
    for statement in [
        // The next place is taken.
        "INSERT INTO audit_chain_links VALUES (-1, 'x', 7, 'x')",
        "UPDATE audit_chain_links SET position = -8 WHERE event_id = 8",
    ] {
        let app = scene().await;
        app.execute(statement).await;
        assert_eq!(sealed(&app).await, 0, "{statement}");
        let services = app.services();
        let seen = state(&services.store, &services.audit_log).await.unwrap();
        assert_eq!(seen.trouble, Some(ChainError::Taken), "{statement}");
    }
}

#[tokio::test]
async fn an_old_copy_is_known_also_when_another_instance_has_gone_on_with_it() {
    let app = scene().await;
    let services = app.services();
    let kept = services.store.read(find_chain).await.unwrap().unwrap();
    sealed(&app).await;
    app.execute("DELETE FROM audit_chain_links WHERE event_id > 6")
        .await;
    app.execute("DELETE FROM audit_events WHERE id > 6").await;
    services
        .store
        .write(move |connection| update_chain(connection, &kept))
        .await
        .unwrap();
    // One that has seen nothing of it: another machine, with a data directory of its own.
    let elsewhere = AuditLog::new(AuditKey::of(services.tokens.key()));
    for name in ["bob", "eve", "kim"] {
        app.user(name).await;
    }
    let others = seal_waiting(&services.store, &elsewhere).await.unwrap();
    assert!(others > 4, "{others}");
    app.user("sam").await;
    assert_eq!(sealed(&app).await, 0);
    assert!(!verdict(&app, None).await.holds());
}
