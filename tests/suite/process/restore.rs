//! `munjigi restore`: on another host, over a copy that was put back by hand, and what becomes of sessions.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use super::{
    backup::{ANN, actions, assert_intact, assert_refused, key_pair, place_with_session, text},
    client::Pair,
    place::{Place, write},
    server::eventually,
};

#[test]
fn after_the_loss_of_the_disk_users_log_in_on_another_host_only_on_sqlite() {
    let place = Place::on_sqlite();
    place.user(ANN, "admin");
    let server = place.serve();
    let pair = server.client().session(ANN);
    let (identity, recipient) = key_pair(&place.path(""));
    let backup = place.path("backup.tar.age");
    // While the server runs and writes.
    let written = place.json(&["backup", text(&backup), "--recipient", &recipient], "");
    assert_eq!(written["encryption"], "recipient");
    assert_eq!(written["violations"], 0);
    let metadata = fs::metadata(&backup).unwrap();
    assert_eq!(written["bytes"], json!(metadata.len()));
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&backup).unwrap();
    assert!(!contains(&bytes, b"SQLite format 3") && !contains(&bytes, ANN.as_bytes()));
    assert_eq!(actions(&place).last().unwrap(), "backup_created");
    // Nothing is left beside the database.
    assert!(!place.path("munjigi-data/munjigi.db.backup-work").exists());
    let key = place.master_key();
    server.stop();
    fs::remove_dir_all(place.path("munjigi-data")).unwrap();

    let host = Place::on_sqlite();
    let restored = host.json(
        &["restore", text(&backup), "--identity", text(&identity)],
        "",
    );
    assert_eq!(
        (
            &restored["sessions"],
            &restored["sessions_kept"],
            &restored["violations"]
        ),
        (&json!(1), &json!(false), &json!(0)),
        "{restored}"
    );
    assert_eq!(restored["backup_of"], written["created_at"]);
    assert_eq!(host.master_key(), key);
    let mode = |file: &str| fs::metadata(host.path(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("munjigi-data"), 0o700);
    for file in ["munjigi.db", "master.key", "audit.checkpoint"] {
        assert_eq!(mode(&format!("munjigi-data/{file}")), 0o600, "{file}");
    }
    assert_intact(&host);
    assert_eq!(actions(&host).last().unwrap(), "backup_restored");
    let server = host.serve();
    let mut client = server.client();
    assert_eq!(client.refresh(&pair.refresh).code(), "TOKEN_BLACKLISTED");
    assert_eq!(
        client.get("/api/me", &pair.access).code(),
        "SESSION_REVOKED"
    );
    let new = client.session(ANN);
    assert_eq!(client.get("/api/me", &new.access).status, 200);
    server.stop();
    assert_intact(&host);
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn sessions_go_on_if_they_are_kept_and_a_passphrase_opens_a_backup_only_on_sqlite() {
    let (place, pair) = place_with_session();
    write(&place.path("passphrase"), "open sesame, please\n");
    let backup = place.path("backup.age");
    place.done(
        &["backup", text(&backup), "--passphrase-file", "passphrase"],
        "",
    );
    let host = Place::on_sqlite();
    write(&host.path("passphrase"), "another one\n");
    let restore = [
        "restore",
        text(&backup),
        "--keep-sessions",
        "--passphrase-file",
        "passphrase",
    ];
    assert_refused(&host.run(&restore), 1, "the passphrase is wrong");
    assert!(!host.path("munjigi-data/munjigi.db").exists());
    write(&host.path("passphrase"), "open sesame, please\n");
    let printed = host.done(&restore, "");
    for line in [
        "kept: 1 with tokens, 0 in the admin panel",
        "a refresh token that was used since then works once more",
        "munjigi-data/master.key was written",
        "undone",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    let server = host.serve();
    assert_eq!(server.client().refresh(&pair.refresh).status, 200);
    server.stop();
    assert_intact(&host);
}

#[test]
fn open_links_are_withdrawn_by_a_restore_only_on_sqlite() {
    let (place, _) = place_with_session();
    place.database.execute(
        "INSERT INTO set_up_links (token_hash, purpose, user_type, user_seq, created_at, expires_at) \
         VALUES ('a', 'password', 'user', 1, '2026-01-01 00:00:00', '2999-01-01 00:00:00')",
    );
    place.done(&["backup", "b.tar", "--unencrypted"], "");
    let backup = place.path("b.tar");
    let host = Place::on_sqlite();
    let restored = host.json(&["restore", text(&backup), "--keep-sessions"], "");
    assert_eq!(restored["withdrawn"], 1);
    let open = host
        .database
        .texts("token_hash", "set_up_links WHERE expires_at > '2900-01-01'");
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_restore_replaces_nothing_and_refuses_what_is_no_whole_backup_only_on_sqlite() {
    let (place, _) = place_with_session();
    let (identity, recipient) = key_pair(&place.path(""));
    place.done(&["backup", "b.age", "--recipient", &recipient], "");
    place.done(&["backup", "b.tar", "--unencrypted"], "");
    let path = |name: &str| place.path(name).to_str().unwrap().to_owned();
    let over = place.run(&["restore", "b.tar"]);
    assert_refused(&over, 1, "there is a database already");

    let host = Place::on_sqlite();
    let refused = |arguments: &[&str], code: i32, reason: &str| {
        let finished = host.run(&[&["restore"], arguments].concat());
        assert_refused(&finished, code, reason);
        assert!(!host.path("munjigi-data/munjigi.db").exists());
        assert!(!host.path("munjigi-data/master.key").exists());
    };
    refused(&[], 2, "<FROM>");
    refused(&[&path("b.age")], 2, "--identity");
    refused(&[&path("nothing")], 1, "cannot be read");
    let (other, _) = key_pair(&host.path(""));
    refused(
        &[&path("b.age"), "--identity", text(&other)],
        1,
        "no key of the identity file",
    );
    write(&place.path("text"), "no backup at all");
    refused(&[&path("text")], 1, "is not a complete backup of munjigi");
    for (name, key) in [("b.age", true), ("b.tar", false)] {
        let whole = fs::read(place.path(name)).unwrap();
        let cuts = if key {
            vec![whole.len() / 2, whole.len() - 1]
        } else {
            vec![whole.len() / 2]
        };
        for cut in cuts {
            fs::write(place.path("cut"), &whole[..cut]).unwrap();
            let file = path("cut");
            let with_key = [file.as_str(), "--identity", text(&identity)];
            refused(
                if key { &with_key[..] } else { &with_key[..1] },
                1,
                "munjigi",
            );
        }
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(place.path("changed"), &changed).unwrap();
        let file = path("changed");
        let with_key = [file.as_str(), "--identity", text(&identity)];
        refused(
            if key { &with_key[..] } else { &with_key[..1] },
            1,
            "is not a complete backup",
        );
    }
    // Another master key is not replaced either.
    write(
        &host.path("munjigi-data/master.key"),
        "another master key, which is long enough for each of the algorithms there are",
    );
    let another = host.run(&["restore", &path("b.tar")]);
    assert_refused(&another, 1, "is another key than master.key of the backup");
    fs::remove_file(host.path("munjigi-data/master.key")).unwrap();
    host.done(&["restore", &path("b.tar")], "");
}

#[test]
fn a_restore_says_which_events_are_missing_only_on_sqlite() {
    let (place, _) = place_with_session();
    place.done(&["backup", "b.tar", "--unencrypted"], "");
    place.user("later@example.org", "staff");
    let known = fs::read_to_string(place.path("munjigi-data/audit.checkpoint")).unwrap();
    for file in ["munjigi.db", "munjigi.db-wal", "munjigi.db-shm"] {
        let _ = fs::remove_file(place.path("munjigi-data").join(file));
    }
    let restored = place.json(&["restore", "b.tar"], "");
    assert_eq!(restored["missing_link"], known.trim(), "{restored}");
    let kept = fs::read_to_string(place.path("munjigi-data/audit.checkpoint")).unwrap();
    assert_ne!(kept, known);
    assert_intact(&place);
    let changes = place
        .database
        .texts("changes", "audit_events WHERE action = 'backup_restored'");
    assert!(changes[0].contains(known.trim()), "{changes:?}");
    place.serve().stop();
}

/// The files of a database, to be put back later.
fn copy_of(place: &Place) -> Vec<u8> {
    place.database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    fs::read(place.path("munjigi-data/munjigi.db")).unwrap()
}

fn put_back(place: &Place, copy: &[u8]) {
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(place.path(&format!("munjigi-data/munjigi.db{suffix}")));
    }
    fs::write(place.path("munjigi-data/munjigi.db"), copy).unwrap();
}

#[test]
fn a_copy_put_back_by_hand_asks_for_a_decision_only_on_sqlite() {
    for keeps in [false, true] {
        let (place, pair) = place_with_session();
        let copy = copy_of(&place);
        let server = place.serve();
        assert_eq!(server.client().try_log_out(&pair).unwrap().status, 200);
        server.stop();
        put_back(&place, &copy);
        let refused = place.run(&["serve"]);
        assert_refused(&refused, 1, "is older than the audit checkpoint");
        assert_refused(&refused, 1, "`munjigi restore --in-place`");
        let restart = place.run(&["audit", "restart", "--reason", "a test"]);
        assert_refused(&restart, 1, "`munjigi restore --in-place`");
        let decision: &[&str] = if keeps { &["--keep-sessions"] } else { &[] };
        let marked = place.json(&[&["restore", "--in-place"], decision].concat(), "");
        assert_eq!(
            (&marked["sessions"], &marked["sessions_kept"]),
            (&json!(1), &json!(keeps))
        );
        assert!(marked["missing_link"].is_string(), "{marked}");
        assert_intact(&place);
        let server = place.serve();
        let refreshed = server.client().refresh(&pair.refresh);
        // The log-out is in neither.
        let expected = if keeps { 200 } else { 401 };
        assert_eq!(refreshed.status, expected, "{refreshed:?}");
        server.client().session(ANN);
        server.stop();
        assert_intact(&place);
    }
}

#[test]
fn sessions_are_ended_for_all_or_for_one_account() {
    let place = Place::new();
    place.user(ANN, "admin");
    place.user("bob@example.org", "staff");
    place.client("acme");
    let server = place.serve();
    let mut client = server.client();
    let (ann, bob) = (client.session(ANN), client.session("bob@example.org"));
    let acme = Pair::of(&client.log_in("acme", "client"));
    let end = |arguments: &[&str]| place.run(&[&["sessions", "end"], arguments].concat());
    assert_refused(&end(&[]), 2, "--all");
    assert_refused(&end(&["--all"]), 1, "Give --yes to confirm it");
    assert_refused(&end(&["--user", "nobody"]), 1, "there is no user nobody");
    assert_refused(
        &end(&["--client", "nobody"]),
        1,
        "there is no client nobody",
    );
    let live = |pair: &Pair| server.client().get("/api/me", &pair.access).status == 200;
    assert!(live(&ann) && live(&bob) && live(&acme));
    let ended = place.json(&["sessions", "end", "--user", ANN], "");
    assert_eq!(ended, json!({"sessions": 1}));
    eventually(|| !live(&ann));
    assert!(live(&bob) && live(&acme));
    place.done(&["sessions", "end", "--client", "acme"], "");
    eventually(|| !live(&acme));
    let again = client.session(ANN);
    let ended = place.json(&["sessions", "end", "--all", "--yes"], "");
    assert_eq!(ended, json!({"sessions": 2, "panel_sessions": 0}));
    eventually(|| !live(&again) && !live(&bob));
    assert_eq!(client.refresh(&bob.refresh).code(), "TOKEN_BLACKLISTED");
    server.stop();
    let found = actions(&place);
    let count = |action: &str| found.iter().filter(|own| *own == action).count();
    assert_eq!(
        (count("sessions_ended"), count("bulk_started")),
        (4, 2),
        "{found:?}"
    );
    assert_intact(&place);
}

#[test]
#[ignore = "tests/run"]
fn postgres_is_backed_up_by_its_own_programs_only_on_postgres() {
    let place = Place::new();
    place.user(ANN, "admin");
    let server = place.serve();
    let pair = server.client().session(ANN);
    server.stop();
    let refused = place.run(&["backup", "b.tar", "--unencrypted"]);
    for part in [
        "pg_dump",
        "the master key",
        "audit.checkpoint",
        "restore --in-place",
    ] {
        assert_refused(&refused, 1, part);
    }
    assert_refused(&place.run(&["restore", "b.tar"]), 1, "is not SQLite");
    let copy = "CREATE DATABASE %_old TEMPLATE %";
    eventually(|| std::panic::catch_unwind(|| place.database.execute_on_server(copy)).is_ok());
    let server = place.serve();
    assert_eq!(server.client().try_log_out(&pair).unwrap().status, 200);
    server.stop();
    place
        .database
        .execute_on_server("DROP DATABASE % WITH (FORCE)");
    place
        .database
        .execute_on_server("ALTER DATABASE %_old RENAME TO %");
    assert_refused(
        &place.run(&["serve"]),
        1,
        "is older than the audit checkpoint",
    );
    let marked: Value = place.json(&["restore", "--in-place"], "");
    assert_eq!(marked["sessions"], 1);
    let server = place.serve();
    assert_eq!(
        server.client().refresh(&pair.refresh).code(),
        "TOKEN_BLACKLISTED"
    );
    server.client().session(ANN);
    server.stop();
    assert_intact(&place);
}
