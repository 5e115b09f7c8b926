//! Tampering with write access to the database but without the key: every change of an event or of the chain is detected,
//! and so is an old copy.

use munjigi::{
    config::Secret,
    domain::audit::Actor,
    services::{
        audit::log::{AuditKey, AuditLog},
        audit_chain::{
            chain::{AuditChain, ChainError},
            linking::link_pending,
            report::ViolationKind,
            restart::{restart, restart_on_key_change},
            state::state,
        },
    },
    store::audit_chain_links::{find_chain, update_chain},
};

use super::chain::{linked, scene, verified, violations};

#[tokio::test]
async fn every_changed_deleted_or_inserted_event_is_detected() {
    use ViolationKind::{BrokenLink, Changed, Deleted, Ends, Unauthenticated};
    let insertion = "INSERT INTO audit_events (id, happened_at, source, action, outcome, changes, search_text) \
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
        // An unknown action.
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
        (insertion, (Unauthenticated, Some(99), 1)),
        (
            "DELETE FROM audit_chain_links WHERE event_id = 8",
            (Unauthenticated, Some(8), 1),
        ),
        (
            "UPDATE audit_chain_links SET event_mac = (SELECT event_mac FROM audit_chain_links WHERE event_id = 4) WHERE event_id = 5",
            (BrokenLink, Some(5), 1),
        ),
        (
            "UPDATE audit_chain_links SET link_mac = (SELECT link_mac FROM audit_chain_links WHERE event_id = 4) WHERE event_id = 5",
            (BrokenLink, Some(5), 1),
        ),
        ("UPDATE audit_chain SET last_position = 5", (Ends, None, 0)),
        ("UPDATE audit_chain SET first_position = 2", (Ends, None, 0)),
        ("UPDATE audit_chain SET mac = ''", (Ends, None, 0)),
        (
            "INSERT INTO audit_chain_links VALUES (99, 'x', 0, 'x')",
            (Unauthenticated, Some(99), 1),
        ),
        (
            "INSERT INTO audit_chain_links VALUES (99, 'x', 77, 'x')",
            (Unauthenticated, Some(99), 1),
        ),
        (
            "UPDATE audit_chain_links SET position = -8 WHERE event_id = 8",
            (Unauthenticated, Some(8), 1),
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
        let report = verified(&app, None).await;
        assert!(!report.is_intact(), "{statement}");
        assert_eq!(violations(&report)[0], expected, "{statement}: {report:?}");
    }
}

#[tokio::test]
async fn an_event_deleted_with_its_link_is_detected() {
    for (cut, expected) in [
        ("(3, 4)", (ViolationKind::Deleted, Some(2), 2)),
        ("(1, 2)", (ViolationKind::Deleted, None, 2)),
        // The end: no later link is broken by it.
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
        let report = verified(&app, None).await;
        assert_eq!(violations(&report)[0], expected, "{cut}: {report:?}");
    }
}

#[tokio::test]
async fn swapped_events_are_detected() {
    let app = scene().await;
    for statement in [
        "UPDATE audit_chain_links SET position = 100 WHERE event_id = 3",
        "UPDATE audit_chain_links SET position = 3 WHERE event_id = 4",
        "UPDATE audit_chain_links SET position = 4 WHERE event_id = 3",
    ] {
        assert_eq!(app.execute(statement).await, 1);
    }
    let report = verified(&app, None).await;
    assert_eq!(
        violations(&report)[0],
        (ViolationKind::BrokenLink, Some(4), 1)
    );
}

#[tokio::test]
async fn an_old_copy_is_detected_by_a_checkpoint() {
    let app = scene().await;
    let early = verified(&app, None).await.checkpoint;
    let services = app.services();
    let old = services.store.read(find_chain).await.unwrap().unwrap();
    linked(&app).await;
    let late = verified(&app, None).await.checkpoint;
    assert!(verified(&app, early.clone()).await.is_intact());
    // The earlier chain with the earlier ends, which is intact in itself.
    app.execute("UPDATE audit_chain_links SET position = NULL, link_mac = NULL WHERE event_id > 6")
        .await;
    app.execute("DELETE FROM audit_chain_links WHERE event_id > 6")
        .await;
    app.execute("DELETE FROM audit_events WHERE id > 6").await;
    services
        .store
        .write(move |connection| update_chain(connection, &old))
        .await
        .unwrap();
    // The process that has seen later links adds no further ones.
    app.user("eve").await;
    assert_eq!(linked(&app).await, 0);
    let seen = state(&services.store, &services.audit_chain).await.unwrap();
    assert_eq!(seen.error, Some(ChainError::RolledBack));
    // Nor does the next process, which reads the checkpoint file.
    let app = app.restarted_with(|_| ());
    assert_eq!(linked(&app).await, 0);
    let mismatch = (ViolationKind::CheckpointMismatch, None, 0);
    assert_eq!(violations(&verified(&app, None).await), [mismatch]);
    // Without the file, a checkpoint stored elsewhere still detects it.
    std::fs::remove_file(app.data_dir().join("audit.checkpoint")).unwrap();
    let app = app.restarted_with(|_| ());
    let report = verified(&app, None).await;
    assert!(report.is_intact() && !report.is_compared, "{report:?}");
    assert_eq!(violations(&verified(&app, late).await), [mismatch]);
}

#[tokio::test]
async fn macs_cannot_be_removed_to_have_them_recomputed() {
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
        assert!(!restart_on_key_change(app.services()).await.unwrap());
        assert_eq!(linked(&app).await, 0);
        assert!(!verified(&app, None).await.is_intact());
    }
}

/// As on a new replica, or in a container whose data directory is not kept.
#[tokio::test]
async fn a_chain_made_new_over_forged_events_is_a_break_without_a_checkpoint_too() {
    for backfill_end in [0, 8] {
        let app = scene().await;
        for statement in [
            "UPDATE audit_events SET outcome = 'refused' WHERE id = 3",
            "DELETE FROM audit_events WHERE id = 5",
            "DELETE FROM audit_chain_links",
            &format!(
                "UPDATE audit_chain SET first_position = 1, base_link_mac = '', last_position = 0, last_link_mac = '', \
                 backfilled_id = 0, backfill_end_id = {backfill_end}, mac = ''"
            ),
        ] {
            app.execute(statement).await;
        }
        std::fs::remove_file(app.data_dir().join("audit.checkpoint")).unwrap();
        let app = app.restarted_with(|_| ());
        app.user("eve").await;
        assert_eq!(linked(&app).await, 0);
        let services = app.services();
        let seen = state(&services.store, &services.audit_chain).await.unwrap();
        assert!(seen.error.is_some(), "{seen:?}");
        let report = verified(&app, None).await;
        assert!(!report.is_intact() && !report.is_compared, "{report:?}");
    }
}

#[tokio::test]
async fn a_change_of_the_key_does_not_hide_an_old_copy() {
    let app = scene().await;
    let services = app.services();
    let old = services.store.read(find_chain).await.unwrap().unwrap();
    linked(&app).await;
    for statement in [
        "DELETE FROM audit_chain_links WHERE event_id > 6",
        "DELETE FROM audit_events WHERE id > 6",
    ] {
        app.execute(statement).await;
    }
    services
        .store
        .write(move |connection| update_chain(connection, &old))
        .await
        .unwrap();
    let checkpoint = std::fs::read(app.data_dir().join("audit.checkpoint")).unwrap();
    let key = "another master key of the tests, long enough for every algorithm of them all";
    let app = app.restarted_with(|config| config.server.master_key = Some(Secret::new(key)));
    for _ in 0..2 {
        assert!(!restart_on_key_change(app.services()).await.unwrap());
        app.user("eve").await;
        app.execute("DELETE FROM users WHERE email = 'eve@example.org'")
            .await;
        assert_eq!(linked(&app).await, 0);
    }
    let services = app.services();
    let seen = state(&services.store, &services.audit_chain).await.unwrap();
    assert_eq!(seen.error, Some(ChainError::RolledBack));
    let kept = std::fs::read(app.data_dir().join("audit.checkpoint")).unwrap();
    assert_eq!(kept, checkpoint);
    assert!(!verified(&app, None).await.is_intact());
}

#[tokio::test]
async fn a_damaged_chain_is_known_before_the_next_event() {
    let app = scene().await;
    linked(&app).await;
    let chain = &app.services().audit_chain;
    assert!(chain.known_error().is_none() && chain.lag().is_some());
    app.execute("UPDATE audit_chain SET last_position = 5")
        .await;
    assert_eq!(linked(&app).await, 0);
    assert_eq!(chain.known_error(), Some(ChainError::InvalidMac));
    // It is forgotten when the chain was restarted by another process.
    let elsewhere = app.another_instance();
    let services = elsewhere.services();
    let audit_context = services.audit_context(&Actor::operator());
    restart(
        &services.store,
        &services.audit_chain,
        audit_context,
        "a test".to_owned(),
    )
    .await
    .unwrap();
    linked(&elsewhere).await;
    linked(&app).await;
    assert_eq!(chain.known_error(), None);
}

#[tokio::test]
async fn no_event_is_linked_to_a_chain_with_forged_ends() {
    for statement in [
        "UPDATE audit_chain SET last_position = 5",
        "DELETE FROM audit_chain",
    ] {
        let app = scene().await;
        app.execute(statement).await;
        assert_eq!(linked(&app).await, 0, "{statement}");
        let services = app.services();
        let seen = state(&services.store, &services.audit_chain).await.unwrap();
        assert!(seen.error.is_some() && seen.pending == 2, "{seen:?}");
        // Events are still recorded, and users can still log in.
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
async fn forged_ends_are_no_change_of_the_key() {
    let app = scene().await;
    app.execute("UPDATE audit_chain SET last_position = 2, mac = 'AAAAAAAAAAA.forged'")
        .await;
    let app = app.restarted_with(|_| ());
    assert!(!restart_on_key_change(app.services()).await.unwrap());
    assert_eq!(linked(&app).await, 0);
    assert!(!verified(&app, None).await.is_intact());
}

#[tokio::test]
async fn a_forged_change_of_the_key_hides_nothing() {
    let app = scene().await;
    app.execute("UPDATE audit_events SET outcome = 'refused' WHERE id = 3")
        .await;
    app.execute("DELETE FROM audit_chain_links").await;
    app.execute("UPDATE audit_chain SET mac = 'AAAAAAAAAAA.forged'")
        .await;
    let app = app.restarted_with(|_| ());
    assert!(!restart_on_key_change(app.services()).await.unwrap());
    assert_eq!(linked(&app).await, 0);
    assert!(!verified(&app, None).await.is_intact());
}

#[tokio::test]
async fn preventing_events_from_being_linked_is_detected() {
    for statement in [
        // The next position is taken.
        "INSERT INTO audit_chain_links VALUES (-1, 'x', 7, 'x')",
        "UPDATE audit_chain_links SET position = -8 WHERE event_id = 8",
    ] {
        let app = scene().await;
        app.execute(statement).await;
        assert_eq!(linked(&app).await, 0, "{statement}");
        let services = app.services();
        let seen = state(&services.store, &services.audit_chain).await.unwrap();
        assert_eq!(seen.error, Some(ChainError::PositionTaken), "{statement}");
    }
}

#[tokio::test]
async fn an_old_copy_is_detected_after_another_instance_has_continued_it() {
    let app = scene().await;
    let services = app.services();
    let old = services.store.read(find_chain).await.unwrap().unwrap();
    linked(&app).await;
    app.execute("DELETE FROM audit_chain_links WHERE event_id > 6")
        .await;
    app.execute("DELETE FROM audit_events WHERE id > 6").await;
    services
        .store
        .write(move |connection| update_chain(connection, &old))
        .await
        .unwrap();
    // An instance without a checkpoint: another machine with its own data directory.
    let elsewhere = AuditChain::new(AuditLog::new(AuditKey::of(&services.master_keys)));
    for name in ["bob", "eve", "kim"] {
        app.user(name).await;
    }
    let others = link_pending(&services.store, &elsewhere).await.unwrap();
    assert!(others > 4, "{others}");
    app.user("sam").await;
    assert_eq!(linked(&app).await, 0);
    assert!(!verified(&app, None).await.is_intact());
}
