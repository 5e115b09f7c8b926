//! `munjigi backup`, and backups at intervals.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use age::secrecy::ExposeSecret;
use serde_json::json;

use super::{
    client::Pair,
    metrics::{ANY, fetched, metrics_address},
    place::{Finished, Place, write},
    server::eventually,
};

/// The administrator in these tests.
pub const ANN: &str = "ann@example.org";

/// A new pair of keys of age: the file of the private one, and the public one.
pub fn key_pair(directory: &Path) -> (PathBuf, String) {
    let identity = age::x25519::Identity::generate();
    let file = directory.join("identity.txt");
    write(
        &file,
        &format!("# a test\n{}\n", identity.to_string().expose_secret()),
    );
    (file, identity.to_public().to_string())
}

/// A place with a user and a session, whose server has stopped.
pub fn place_with_session() -> (Place, Pair) {
    let place = Place::on_sqlite();
    place.user(ANN, "admin");
    let server = place.serve();
    let pair = server.client().session(ANN);
    server.stop();
    (place, pair)
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The actions in the audit log.
pub fn actions(place: &Place) -> Vec<String> {
    place.database.texts("action", "audit_events ORDER BY id")
}

/// The audit log passes its verification.
pub fn assert_intact(place: &Place) {
    let report = place.json(&["audit", "verify"], "");
    assert_eq!(report["intact"], json!(true), "{report}");
}

/// A command failed with this exit code and reason.
#[track_caller]
pub fn assert_refused(finished: &Finished, code: i32, reason: &str) {
    assert_eq!(finished.code, Some(code), "{finished:?}");
    assert!(finished.stderr.contains(reason), "{reason}: {finished:?}");
}

#[test]
fn a_backup_that_cannot_be_made_is_refused_and_leaves_nothing_only_on_sqlite() {
    let (place, _) = place_with_session();
    assert_refused(&place.run(&["backup", "b.tar"]), 2, "--unencrypted");
    let wrong = place.run(&["backup", "b.tar", "--recipient", "age1nonsense"]);
    assert_refused(&wrong, 2, "not an age recipient");
    let both = place.run(&["backup", "b.tar", "--unencrypted", "--passphrase"]);
    assert_refused(&both, 2, "cannot be used with");
    assert!(!place.path("b.tar").exists());
    place.done(&["backup", "b.tar", "--unencrypted"], "");
    let first = fs::read(place.path("b.tar")).unwrap();
    assert_refused(
        &place.run(&["backup", "b.tar", "--unencrypted"]),
        1,
        "exists already",
    );
    assert_eq!(fs::read(place.path("b.tar")).unwrap(), first);
    assert_refused(
        &place.run(&["backup", "missing/b.tar", "--unencrypted"]),
        1,
        "missing/b.tar cannot be written",
    );
    // In a directory the file has a name of its own.
    fs::create_dir(place.path("backups")).unwrap();
    let named = place.json(&["backup", "backups", "--unencrypted"], "");
    let name = named["file"].as_str().unwrap();
    assert!(
        name.starts_with("backups/munjigi-20") && name.ends_with("Z.tar"),
        "{name}"
    );

    place
        .database
        .execute("UPDATE audit_events SET subject_name = 'eve@example.org' WHERE id = 1");
    let damaged = place.run(&["backup", "c.tar", "--unencrypted"]);
    assert_refused(&damaged, 1, "the audit log is not intact (1 violations)");
    assert!(!place.path("c.tar").exists());
    let accepted = ["backup", "c.tar", "--unencrypted", "--damaged-audit-log"];
    assert_eq!(place.json(&accepted, "")["violations"], 1);
    let (backup, host) = (place.path("c.tar"), Place::on_sqlite());
    assert_refused(
        &host.run(&["restore", text(&backup)]),
        1,
        "--damaged-audit-log",
    );
    assert!(!host.path("munjigi-data/munjigi.db").exists());
    host.done(&["restore", text(&backup), "--damaged-audit-log"], "");
}

#[test]
fn the_server_backs_up_at_intervals_and_keeps_the_newest_only_on_sqlite() {
    let (place, _) = place_with_session();
    let (identity, recipient) = key_pair(&place.path(""));
    for day in ["01", "02", "03"] {
        write(
            &place.path(&format!("backups/munjigi-202001{day}T000000Z.tar.age")),
            "old",
        );
    }
    write(&place.path("backups/notes.txt"), "not a backup");
    let place = place
        .with("MUNJIGI_BACKUP__DIRECTORY", "backups")
        .with("MUNJIGI_BACKUP__KEEP", "2")
        .with("MUNJIGI_BACKUP__RECIPIENT", recipient)
        .with("MUNJIGI_METRICS__LISTEN", "127.0.0.1:0");
    let names = || -> Vec<String> {
        let entries = fs::read_dir(place.path("backups")).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let server = place.serve();
    server.wait_for_log("backed up");
    let address = metrics_address(&server.startup());
    let metrics = fetched(&address, "/metrics", ANY).1;
    server.stop();
    let found = names();
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0], "munjigi-20200103T000000Z.tar.age");
    let made = place.path("backups").join(&found[1]);
    assert_eq!(
        fs::metadata(&made).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let size = format!(
        "munjigi_last_backup_size_bytes {}",
        fs::metadata(&made).unwrap().len()
    );
    for line in [size.as_str(), "munjigi_backup_failures_total 0"] {
        assert!(metrics.lines().any(|own| own == line), "{line}: {metrics}");
    }
    let at = metrics
        .lines()
        .find_map(|line| line.strip_prefix("munjigi_last_backup_timestamp_seconds "));
    assert!(
        at.is_some_and(|at| at.parse::<f64>().unwrap() > 1.7e9),
        "{metrics}"
    );
    // The next one is due in a day, after a restart too.
    let server = place.serve();
    let address = metrics_address(&server.startup());
    assert!(fetched(&address, "/metrics", ANY).1.contains(&size));
    server.stop();
    assert_eq!(names(), found);
    let host = Place::on_sqlite();
    host.done(&["restore", text(&made), "--identity", text(&identity)], "");
}

#[test]
fn a_backup_at_intervals_that_fails_is_counted_and_deletes_nothing_only_on_sqlite() {
    let (place, _) = place_with_session();
    let (_, recipient) = key_pair(&place.path(""));
    write(&place.path("file"), "in the way");
    let place = place
        .with("MUNJIGI_BACKUP__DIRECTORY", "file/backups")
        .with("MUNJIGI_BACKUP__RECIPIENT", recipient)
        .with("MUNJIGI_METRICS__LISTEN", "127.0.0.1:0");
    let server = place.serve();
    server.wait_for_log("the backup failed");
    let address = metrics_address(&server.startup());
    eventually(|| {
        let metrics = fetched(&address, "/metrics", ANY).1;
        metrics.contains("munjigi_backup_failures_total 1")
    });
    server.stop();
}
