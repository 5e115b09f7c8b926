//! Real faults under load: Postgres crashes and restarts, one of two instances is killed, the disk is full. What clients see
//! of each is in the table "When something fails" of `docs/operations.md`.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::{
    client::Pair,
    cluster::{Cluster, run},
    database::on_postgres,
    load::{EMAIL, Load},
    place::Place,
    server::eventually,
};
use crate::races::log::Outcome;

const SECOND: Duration = Duration::from_secs(1);
/// `tokens.revocation_max_lag` of these tests: much longer than a crash takes on a busy machine.
const MAX_LAG: Duration = Duration::from_secs(10);

fn kind(response: &Outcome) -> &'static str {
    match response {
        Outcome::Accepted(_) => "accepted",
        Outcome::Refused(_) => "refused",
        Outcome::Unavailable => "unavailable",
        Outcome::Lost => "lost",
        Outcome::Unexpected(_) => "unexpected",
    }
}

/// There are responses of the expected kind, and no others except of these kinds.
#[track_caller]
fn assert_responses(found: &[Outcome], expected: &str, allowed: &[&str]) {
    let is_expected = |one: &&Outcome| kind(one) == expected;
    let others = found
        .iter()
        .filter(|one| !is_expected(one) && !allowed.contains(&kind(one)));
    let others: Vec<_> = others.collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(found.iter().any(|one| is_expected(&one)), "no request");
}

/// Calls with a logged-out session are refused without database or disk.
const REFUSED: &[&str] = &["refused"];

#[test]
#[ignore = "tests/run"]
fn a_crash_of_postgres_ends_no_session_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let cluster = Cluster::start();
    let place = Place::on_server(cluster.url())
        .with("MUNJIGI_TOKENS__REVOCATION_MAX_LAG", "10s")
        .with("MUNJIGI_DATABASE__ACQUIRE_TIMEOUT", "500ms")
        // The fault may last longer than the grace period.
        .with("MUNJIGI_TOKENS__RECOVER_LOST_ANSWER", "true");
    place.user(EMAIL, "staff");
    let server = place.serve();
    let gone = server.client().session(EMAIL);
    assert_eq!(server.client().try_log_out(&gone).unwrap().status, 200);
    let load = Load::on(vec![server.address]);
    let (begun, down, up, well) = load.beside(|| {
        load.until_well();
        let begun = load.now();
        cluster.crash();
        let down = load.now();
        // Long enough for the revocation cache to become too old.
        thread::sleep(MAX_LAG + 6 * SECOND);
        let up = load.now();
        cluster.restart();
        load.until_well();
        let well = load.now();
        thread::sleep(SECOND / 2);
        (begun, down, up, well)
    });
    let at_first = load.calls(down..begun + MAX_LAG / 2);
    if server
        .log()
        .contains("a new revocation event cannot be read")
    {
        // A logout was committed just before the crash, and it is not known of which session.
        assert_responses(&at_first, "unavailable", &["accepted", "refused"]);
    } else {
        // The revocation cache is fresh: calls are accepted or refused without the database.
        assert_responses(&at_first, "accepted", REFUSED);
    }
    // Then it is too old, and the database cannot be asked.
    assert_responses(&load.calls(down + MAX_LAG + SECOND..up), "unavailable", &[]);
    assert_responses(&load.writes(down..up), "unavailable", &[]);
    println!("recovered {:?} after the restart", well.saturating_sub(up));
    load.judge(vec![begun..well]);
    let mut client = server.client();
    assert_eq!(
        client.get("/api/me", &gone.access).code(),
        "SESSION_REVOKED"
    );
    assert_eq!(client.refresh(&gone.refresh).code(), "TOKEN_BLACKLISTED");
    server.stop();
}

#[test]
#[ignore = "tests/run"]
fn after_a_kill_the_other_instance_continues_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let place = Place::new().with("MUNJIGI_TOKENS__RECOVER_LOST_ANSWER", "true");
    place.user(EMAIL, "staff");
    let (one, two) = (place.serve(), place.serve());
    let load = Load::on(vec![one.address, two.address]);
    load.beside(|| {
        load.until_well();
        one.kill();
        load.until_well();
        load.until_accepted(100);
    });
    // At no time may a response be 503.
    let verdict = load.judge(Vec::new());
    assert!(verdict.accepted > 100, "{verdict:?}");
    two.stop();
}

/// A file system of a few megabytes, unmounted when this value is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Needs root, and a container that allows mounts.
    fn mount(at: &Path, size: &str) -> Self {
        fs::create_dir(at).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(at);
        let done = mount.output().unwrap();
        assert!(done.status.success(), "{done:?}");
        Self(at.to_owned())
    }

    fn fill(&self) -> PathBuf {
        let path = self.0.join("filling");
        let mut file = File::create(&path).unwrap();
        for size in [65_536, 512] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run(Command::new("umount").arg("-l").arg(&self.0));
    }
}

#[test]
#[ignore = "tests/run"]
fn a_full_disk_fails_only_writes_only_on_sqlite() {
    assert!(!on_postgres(), "this test is for SQLite");
    let place = Place::on_sqlite().with("MUNJIGI_TOKENS__RECOVER_LOST_ANSWER", "true");
    let directory = place.path("munjigi-data");
    let disk = SmallDisk::mount(&directory, "6m");
    place.user(EMAIL, "staff");
    let server = place.serve();
    let load = Load::on(vec![server.address]);
    let (begun, full, freed, well) = load.beside(|| {
        load.until_well();
        let begun = load.now();
        let filling = disk.fill();
        // Writes succeed until the journal is full.
        eventually(|| {
            let now = load.now();
            let latest = load.writes(now.saturating_sub(SECOND / 4)..now);
            latest.contains(&Outcome::Unavailable)
                && !latest.iter().any(|one| kind(one) == "accepted")
        });
        let full = load.now();
        let mut probe = server.client();
        eventually(|| probe.get("/readyz", "").status == 503);
        thread::sleep(SECOND);
        let freed = load.now();
        fs::remove_file(filling).unwrap();
        load.until_well();
        eventually(|| probe.get("/readyz", "").status == 200);
        let well = load.now();
        load.until_accepted(100);
        (begun, full, freed, well)
    });
    assert_responses(&load.calls(begun..freed), "accepted", REFUSED);
    assert_responses(&load.writes(full..freed), "unavailable", REFUSED);
    println!(
        "recovered {:?} after space was freed",
        well.saturating_sub(freed)
    );
    let verdict = load.judge(vec![begun..well]);
    assert!(verdict.accepted > 100, "{verdict:?}");
    // Answered requests survive a kill, too.
    let pair = server.client().session(EMAIL);
    let next = Pair::of(&server.client().refresh(&pair.refresh));
    server.kill();
    let begun = Instant::now();
    let server = place.serve();
    println!("started in {:?}", begun.elapsed());
    assert_eq!(server.client().get("/api/me", &next.access).status, 200);
    assert_eq!(server.client().refresh(&next.refresh).status, 200);
    server.stop();
    drop(disk);
}

#[test]
#[ignore = "tests/run"]
fn a_full_disk_fails_only_writes_and_readiness_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let cluster = Cluster::start();
    let place = Place::on_server(cluster.url());
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let at = directory.path().join("tablespace");
    let disk = SmallDisk::mount(&at, "40m");
    run(Command::new("chown").arg("postgres").arg(directory.path()));
    run(Command::new("chown").arg("postgres").arg(&at));
    place.database.execute_on_server(&format!(
        "CREATE TABLESPACE small LOCATION '{}'",
        at.display()
    ));
    place
        .database
        .execute_on_server("ALTER DATABASE % SET TABLESPACE small");
    place.user(EMAIL, "staff");
    let server = place.serve();
    let pair = server.client().session(EMAIL);
    let mut probe = server.client();
    assert_eq!(probe.get("/readyz", "").status, 200);
    let filling = disk.fill();
    eventually(|| server.client().log_in(EMAIL, "user").status == 503);
    eventually(|| probe.get("/readyz", "").status == 503);
    // Also without further logins.
    for _ in 0..30 {
        assert_eq!(probe.get("/readyz", "").status, 503);
        assert_eq!(probe.get("/api/me", &pair.access).status, 200);
        thread::sleep(SECOND / 10);
    }
    fs::remove_file(filling).unwrap();
    eventually(|| probe.get("/readyz", "").status == 200);
    server.client().session(EMAIL);
    server.stop();
    // Before its disk is unmounted.
    drop(place);
    cluster.crash();
    drop(disk);
}
