//! The connection of the revocation feed is cut: the next read opens another one.

use crate::support::{App, on_postgres};

/// Ends the connections on which the instances listen, and returns how many.
async fn cut(app: &App) -> i64 {
    app.number(
        "SELECT COUNT(pg_terminate_backend(pid)) AS number FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid() \
         AND application_name = 'munjigi revocations'",
    )
    .await
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_cut_listener_misses_no_revocation_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let one = App::start();
    let two = one.another_instance();
    let ann = one.user("ann").await;
    for round in 0..4 {
        let (here, there) = (ann.again().await, ann.again().await);
        for person in [&here, &there] {
            let me = two.anonymous().get("/api/me").bearer(&person.access).await;
            me.assert(200, "ME");
        }
        assert_eq!(cut(&one).await, 2, "one for each instance");
        // Before either instance has noticed.
        let ended = if round % 2 == 0 { &here } else { &there };
        ended
            .log_out(&ended.refresh)
            .await
            .assert(200, "LOGGED_OUT");
        ended.get("/api/me").await.assert(401, "SESSION_REVOKED");
        two.anonymous()
            .refuses_soon(&ended.access, "SESSION_REVOKED")
            .await;
        // The other session is still accepted, and the cache is not stale.
        let other = if round % 2 == 0 { &there } else { &here };
        let me = two.anonymous().get("/api/me").bearer(&other.access).await;
        me.assert(200, "ME");
        assert!(!two.services().revocations.is_stale());
    }
}
