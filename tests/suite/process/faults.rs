//! Faults made for real under load: Postgres crashes and comes back, one of two instances is killed, the disk is full. What
//! clients see of each stands in the table "When something fails" of `docs/operations.md`.

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
    tools::skip,
};
use crate::races::log::Outcome;

const SECOND: Duration = Duration::from_secs(1);
/// `tokens.revocation_max_lag` of these tests.
const MAX_LAG: Duration = Duration::from_secs(2);

fn is(told: &Outcome) -> &'static str {
    match told {
        Outcome::Accepted(_) => "accepted",
        Outcome::Refused(_) => "refused",
        Outcome::Unavailable => "ill",
        Outcome::Lost => "lost",
        Outcome::Unexpected(_) => "odd",
    }
}

/// That this was told, and nothing else but what may be told besides.
#[track_caller]
fn assert_told(found: &[Outcome], expected: &str, besides: &[&str]) {
    let told = |told: &&Outcome| is(told) == expected;
    let others = found
        .iter()
        .filter(|one| !told(one) && !besides.contains(&is(one)));
    let others: Vec<_> = others.collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(found.iter().any(|one| told(&one)), "nobody asked");
}

/// A session that was logged out needs neither database nor disk to be refused.
const REFUSED: &[&str] = &["refused"];

#[test]
fn postgres_crashes_and_comes_back_and_nobody_loses_a_session() {
    if !on_postgres() {
        return;
    }
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let place = Place::on_server(cluster.url())
        .with("MUNJIGI_TOKENS__REVOCATION_MAX_LAG", "2s")
        .with("MUNJIGI_DATABASE__ACQUIRE_TIMEOUT", "500ms")
        // The fault may last longer than the grace window.
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
        // Long enough for what is known of revocations to be too old, and for what comes of that.
        thread::sleep(MAX_LAG + 3 * SECOND);
        let up = load.now();
        cluster.begin();
        load.until_well();
        let well = load.now();
        thread::sleep(SECOND / 2);
        (begun, down, up, well)
    });
    // At first the news are fresh: no call needs the database to be accepted, or refused after a log-out.
    assert_told(&load.calls(down..begun + MAX_LAG / 2), "accepted", REFUSED);
    // Then they are too old, and there is nobody to ask.
    assert_told(&load.calls(down + MAX_LAG + SECOND..up), "ill", &[]);
    assert_told(&load.writes(down..up), "ill", &[]);
    println!("well again {:?} after the start", well.saturating_sub(up));
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
fn an_instance_is_killed_and_the_other_one_goes_on() {
    if !on_postgres() {
        return;
    }
    let place = Place::new().with("MUNJIGI_TOKENS__RECOVER_LOST_ANSWER", "true");
    place.user(EMAIL, "staff");
    let (one, two) = (place.serve(), place.serve());
    let load = Load::on(vec![one.address, two.address]);
    load.beside(|| {
        load.until_well();
        one.kill();
        load.until_well();
        thread::sleep(SECOND / 2);
    });
    // No time at all in which an answer may be 503.
    let verdict = load.judge(Vec::new());
    assert!(verdict.accepted > 100, "{verdict:?}");
    two.stop();
}

/// A file system of a few megabytes, which goes with this value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
            .arg(at);
        // Whoever is not root may not, and in some containers root may not either.
        if mount.output().is_ok_and(|done| done.status.success()) {
            return Some(Self(at.to_owned()));
        }
        skip("no file system can be mounted here");
        None
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
fn a_full_disk_stops_what_is_written_and_nothing_else() {
    if on_postgres() {
        return;
    }
    let place = Place::on_sqlite().with("MUNJIGI_TOKENS__RECOVER_LOST_ANSWER", "true");
    let directory = place.path("munjigi-data");
    let Some(disk) = SmallDisk::mount(&directory) else {
        return;
    };
    place.user(EMAIL, "staff");
    let server = place.serve();
    let load = Load::on(vec![server.address]);
    let (begun, full, freed, well) = load.beside(|| {
        load.until_well();
        let begun = load.now();
        let filling = disk.fill();
        // What the journal has room for is still written.
        eventually(|| {
            let now = load.now();
            let latest = load.writes(now.saturating_sub(SECOND / 4)..now);
            latest.contains(&Outcome::Unavailable)
                && !latest.iter().any(|told| is(told) == "accepted")
        });
        let full = load.now();
        thread::sleep(SECOND);
        let freed = load.now();
        fs::remove_file(filling).unwrap();
        load.until_well();
        let well = load.now();
        thread::sleep(SECOND / 2);
        (begun, full, freed, well)
    });
    assert_told(&load.calls(begun..freed), "accepted", REFUSED);
    assert_told(&load.writes(full..freed), "ill", REFUSED);
    println!(
        "well again {:?} after there was room",
        well.saturating_sub(freed)
    );
    let verdict = load.judge(vec![begun..well]);
    assert!(verdict.accepted > 100, "{verdict:?}");
    // Of what was answered nothing is lost by a kill either.
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
