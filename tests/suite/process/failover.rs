//! A Postgres server that only accepts reads, as after a failover: what clients and probes see, and that the server recovers
//! by itself.

use super::{
    client::Client,
    database::on_postgres,
    place::Place,
    server::{Server, eventually},
};

const EMAIL: &str = "root@example.org";

/// New connections are read only, and the present ones are cut, as when the address leads to another server.
fn fail_over(place: &Place) {
    place
        .database
        .execute_on_server("ALTER DATABASE % SET default_transaction_read_only = on");
    cut_connections(place);
}

fn cut_connections(place: &Place) {
    place.database.execute_on_server(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%'",
    );
}

fn status_of_login(server: &Server) -> u16 {
    server.client().log_in(EMAIL, "user").status
}

fn readiness(client: &mut Client) -> u16 {
    client.get("/readyz", "").status
}

#[test]
#[ignore = "tests/run"]
fn connections_to_a_read_only_server_are_replaced_without_a_restart_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let place = Place::new();
    place.user(EMAIL, "admin");
    let server = place.serve();
    let pair = server.client().session(EMAIL);
    let mut probe = server.client();
    assert_eq!(readiness(&mut probe), 200);
    for _ in 0..2 {
        fail_over(&place);
        eventually(|| status_of_login(&server) == 503);
        eventually(|| readiness(&mut probe) == 503);
        // Reads go on.
        eventually(|| server.client().get("/api/me", &pair.access).status == 200);
        assert_eq!(status_of_login(&server), 503);
        assert_eq!(readiness(&mut probe), 503);
        // Another server accepts writes now; nothing cuts the connections.
        place
            .database
            .execute_on_server("ALTER DATABASE % RESET default_transaction_read_only");
        eventually(|| readiness(&mut probe) == 200);
        eventually(|| status_of_login(&server) == 200);
    }
    // A revocation takes effect at once again.
    let ended = server.client().session(EMAIL);
    assert_eq!(server.client().try_log_out(&ended).unwrap().status, 200);
    let refused = server.client().get("/api/me", &ended.access);
    assert_eq!(refused.code(), "SESSION_REVOKED");
    server.stop();
}

#[test]
#[ignore = "tests/run"]
fn a_read_only_server_is_a_problem_and_refused_at_the_start_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let place = Place::new();
    place.user(EMAIL, "admin");
    fail_over(&place);
    let check = place.run(&["check"]);
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(check.stdout.contains("it only accepts reads"), "{check:?}");
    let refused = place.run(&["serve"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("it only accepts reads"),
        "{refused:?}"
    );
    // What only reads works.
    assert!(place.done(&["user", "list"], "").contains(EMAIL));
}
