//! Reads beside writes, and connections that died while they lay in the pool.

use std::time::Duration;

use diesel::{RunQueryDsl, sql_query};
use futures_util::future::join_all;
use munjigi::store::{Store, StoreError, StoreSettings};

use super::{count, insert, open, stored};
use crate::support::{App, TestDatabase, on_postgres};

/// Ends every connection to the database but the one that says so.
fn end_connections(database: &TestDatabase) {
    let mut connection = database.target().connect().unwrap();
    sql_query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .execute(&mut connection)
    .unwrap();
}

#[tokio::test]
async fn a_read_sees_what_was_answered_before_it() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    for number in 1..=50 {
        insert(&store, &format!("user-{number}")).await.unwrap();
        assert_eq!(store.read(count).await.unwrap(), number);
    }
}

#[tokio::test]
async fn a_panic_in_a_read_is_an_error_and_its_connection_is_replaced() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    let panics =
        (0..8).map(|_| store.read::<(), StoreError, _>(|_| panic!("on purpose, in a test")));
    for result in join_all(panics).await {
        assert!(matches!(result, Err(StoreError::Query(_))), "{result:?}");
    }
    for _ in 0..8 {
        assert_eq!(store.read(count).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_reading_connection_cannot_write_on_sqlite() {
    if on_postgres() {
        return;
    }
    let database = TestDatabase::migrated();
    let store = open(&database);
    let refused = store
        .read(|connection| {
            sql_query("DELETE FROM users").execute(connection)?;
            Ok::<(), StoreError>(())
        })
        .await;
    refused.unwrap_err();
}

#[tokio::test]
async fn dead_pooled_connections_cost_no_read_and_no_write_an_error() {
    if !on_postgres() {
        return;
    }
    let database = TestDatabase::migrated();
    let store = open(&database);
    for round in 0..3 {
        // All four connections are open before they are ended.
        join_all((0..16).map(|_| store.read(count))).await;
        end_connections(&database);
        for number in 0..4 {
            assert_eq!(store.read(count).await.unwrap(), round * 4 + number);
            insert(&store, &format!("user-{round}-{number}"))
                .await
                .unwrap();
        }
        end_connections(&database);
        let reads = join_all((0..16).map(|_| store.read(count))).await;
        assert!(
            reads
                .iter()
                .all(|read| matches!(read, Ok(rows) if *rows == round * 4 + 4)),
            "{reads:?}"
        );
    }
    assert_eq!(stored(&database), 12);
}

#[tokio::test]
async fn after_a_restart_of_the_database_people_go_on() {
    if !on_postgres() {
        return;
    }
    let app = App::start();
    let mut ann = app.admin("ann").await;
    for _ in 0..3 {
        join_all((0..16).map(|_| app.services().store.check_connection())).await;
        end_connections(app.database());
        ann.get("/api/me").await.assert(200, "ME");
        ann.log_in().await.assert(200, "LOGGED_IN");
        join_all((0..16).map(|_| app.services().store.check_connection())).await;
        end_connections(app.database());
        // A refresh that met a dead connection may be told 503, as nobody knows what became of it; but the token was
        // not used, and one of the next calls finds a sound connection.
        let mut answer = app.anonymous().refresh(&ann.refresh).await;
        for _ in 0..8 {
            if answer.status != 200 {
                assert_eq!((answer.status, answer.code()), (503, "UNAVAILABLE"));
                answer = app.anonymous().refresh(&ann.refresh).await;
            }
        }
        ann = ann.with_pair(&answer.assert(200, "REFRESHED"));
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_unavailable_at_the_opening() {
    let target = munjigi::store::Target::Postgres {
        url: "postgres://nobody@127.0.0.1:1/nothing".to_owned(),
    };
    let opened = tokio::task::spawn_blocking(|| {
        Store::open(&StoreSettings {
            target,
            pool_size: 1,
            acquire_timeout: Duration::from_millis(300),
        })
    });
    let opened = opened.await.unwrap();
    assert!(matches!(opened.err(), Some(StoreError::Unavailable(_))));
}
