//! Lists beside writes, and broken connections in the pool.

use std::time::Duration;

use diesel::{RunQueryDsl, sql_query};
use futures_util::future::join_all;
use munjigi::store::{Db, Store, StoreError, StoreSettings};

use super::{count, insert, open, stored};
use crate::support::{App, TestDatabase, on_postgres};

/// Terminates all other connections to the database.
fn terminate_connections(database: &TestDatabase) {
    let mut connection = database.target().connect().unwrap();
    sql_query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .execute(&mut connection)
    .unwrap();
}

#[tokio::test]
async fn a_list_sees_every_write_answered_before_it() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    for number in 1..=50 {
        insert(&store, &format!("user-{number}")).await.unwrap();
        assert_eq!(store.read_list(count).await.unwrap(), number);
    }
}

#[tokio::test]
async fn a_panic_in_a_list_is_an_error_and_later_lists_succeed() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    let panics =
        (0..8).map(|_| store.read_list::<(), StoreError, _>(|_| panic!("on purpose, in a test")));
    for result in join_all(panics).await {
        assert!(matches!(result, Err(StoreError::Query(_))), "{result:?}");
    }
    for _ in 0..8 {
        assert_eq!(store.read_list(count).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_reading_connection_cannot_write_only_on_sqlite() {
    assert!(!on_postgres(), "this test is for SQLite");
    let database = TestDatabase::migrated();
    let store = open(&database);
    let delete = |connection: &mut Db| {
        sql_query("DELETE FROM users").execute(connection)?;
        Ok::<(), StoreError>(())
    };
    store.read(delete).await.unwrap_err();
    store.read_list(delete).await.unwrap_err();
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_broken_pooled_connection_fails_no_read_and_no_write_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let database = TestDatabase::migrated();
    let store = open(&database);
    for round in 0..3 {
        // All four connections are open before they are terminated.
        join_all((0..16).map(|_| store.read(count))).await;
        terminate_connections(&database);
        for number in 0..4 {
            assert_eq!(store.read(count).await.unwrap(), round * 4 + number);
            insert(&store, &format!("user-{round}-{number}"))
                .await
                .unwrap();
        }
        terminate_connections(&database);
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
#[ignore = "tests/run"]
async fn after_a_restart_of_the_database_tokens_and_logins_work_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let app = App::start();
    let mut ann = app.admin("ann").await;
    for _ in 0..3 {
        join_all((0..16).map(|_| app.services().store.check_ready())).await;
        terminate_connections(app.database());
        ann.get("/api/me").await.assert(200, "ME");
        ann.log_in().await.assert(200, "LOGGED_IN");
        join_all((0..16).map(|_| app.services().store.check_ready())).await;
        terminate_connections(app.database());
        // A refresh on a broken connection may be answered 503, because its outcome is unknown; but the token was not
        // used, and one of the next calls gets a working connection.
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
async fn opening_an_unreachable_database_is_unavailable() {
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
