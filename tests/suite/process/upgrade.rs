//! An upgrade of two instances, one after the other, and what a migration sets on Postgres.

use std::{
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use super::{
    client::{Client, Pair},
    database::on_postgres,
    place::Place,
    server::eventually,
};

const EMAIL: &str = "ann@example.org";

/// What a later version adds to the schema.
const EXPAND: &str = "ALTER TABLE users ADD COLUMN nickname TEXT; CREATE TABLE nicknames (id BIGINT PRIMARY KEY); \
    INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')";

/// A load balancer: it asks each instance whether it is ready before it sends a request.
struct Balancer {
    instances: Mutex<Vec<SocketAddr>>,
    sent: AtomicU64,
    stops: AtomicBool,
}

impl Balancer {
    /// A client of the next instance that is ready.
    fn pick(&self, turn: usize) -> Client {
        loop {
            let instances = self.instances.lock().unwrap().clone();
            for offset in 0..instances.len() {
                let mut client = Client::new(instances[(turn + offset) % instances.len()]);
                if client
                    .try_get("/readyz", "")
                    .is_ok_and(|ready| ready.status == 200)
                {
                    return client;
                }
            }
            thread::yield_now();
        }
    }

    /// Refreshes and uses the tokens until it is stopped. No request may fail.
    fn send(&self, mut pair: Pair) {
        for turn in 0.. {
            if self.stops.load(Ordering::Relaxed) {
                return;
            }
            pair = Pair::of(&self.pick(turn).refresh(&pair.refresh));
            let me = self.pick(turn + 1).get("/api/me", &pair.access);
            assert_eq!(me.status, 200, "{me:?}");
            self.sent.fetch_add(2, Ordering::Relaxed);
        }
    }

    /// Waits for further requests.
    fn wait(&self) {
        let before = self.sent.load(Ordering::Relaxed);
        eventually(|| self.sent.load(Ordering::Relaxed) > before + 20);
    }
}

/// Ends the requests when it is dropped, also by a failed assertion.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
#[ignore = "tests/run"]
fn two_instances_are_upgraded_one_after_the_other_without_a_failed_request_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    // More than a request takes after its instance was found ready.
    let place = Place::new().with("MUNJIGI_SERVER__DRAIN", "2s");
    place.user(EMAIL, "admin");
    let mut servers = vec![place.serve(), place.serve()];
    let balancer = Balancer {
        instances: Mutex::new(servers.iter().map(|server| server.address).collect()),
        sent: AtomicU64::new(0),
        stops: AtomicBool::new(false),
    };
    let pair = servers[0].client().session(EMAIL);
    thread::scope(|scope| {
        let stop = Stop(&balancer.stops);
        let requests = scope.spawn(|| balancer.send(pair.clone()));
        balancer.wait();
        place.database.execute(EXPAND);
        for instance in 0..2 {
            balancer.wait();
            servers.remove(0).stop();
            // This binary stands for both versions: it is older than the schema now.
            let restarted = place.serve();
            balancer.instances.lock().unwrap()[instance] = restarted.address;
            servers.push(restarted);
        }
        balancer.wait();
        drop(stop);
        requests.join().unwrap();
    });
    // Commands work on it as well.
    assert!(place.done(&["user", "list"], "").contains(EMAIL));
    place.user("bob@example.org", "staff");
    for server in servers {
        server.stop();
    }
}

#[test]
#[ignore = "tests/run"]
fn autovacuum_runs_earlier_on_the_largest_tables_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let place = Place::new();
    place.migrate();
    let parameters = || {
        place.database.texts(
            "relname || ': ' || array_to_string(reloptions, ', ')",
            "pg_class WHERE relkind = 'r' AND reloptions IS NOT NULL ORDER BY relname",
        )
    };
    let vacuum = "autovacuum_vacuum_scale_factor=0.02";
    let analyze = "autovacuum_analyze_scale_factor=0.02";
    let expected = [
        format!("audit_chain_links: {vacuum}"),
        format!("audit_events: {vacuum}"),
        format!("blacklisted_tokens: {vacuum}, {analyze}"),
        format!("outstanding_tokens: {vacuum}, {analyze}"),
        format!("sessions: {vacuum}"),
    ];
    assert_eq!(parameters(), expected);
    let down = include_str!("../../../migrations/postgres/2026-11-30-000041_autovacuum/down.sql");
    place.database.execute(down);
    assert_eq!(parameters(), Vec::<String>::new());
    place
        .database
        .execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261130000041'");
    let checked = place.run(&["migrate", "--check"]);
    assert!(
        checked.stdout.contains("2026-11-30-000041_autovacuum"),
        "{checked:?}"
    );
    place.done(&["migrate"], "");
    assert_eq!(parameters(), expected);
}
