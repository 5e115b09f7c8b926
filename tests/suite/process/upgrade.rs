//! An upgrade of two instances, one after the other.

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
