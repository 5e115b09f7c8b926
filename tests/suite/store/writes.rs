//! Concurrent writes: a conflict, a failure or a panic affects only its own write.

use std::{
    num::NonZero,
    sync::{Mutex, mpsc},
};

use diesel::{Connection, connection::TransactionManager};
use futures_util::future::join_all;
use munjigi::store::{Db, StoreError, users};

use super::{insert, open, row, stored};
use crate::support::{TestDatabase, on_postgres};

#[tokio::test]
async fn two_hundred_writes_at_once_are_all_stored() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    let names: Vec<String> = (0..200).map(|number| format!("user-{number}")).collect();
    let rows = join_all(names.iter().map(|name| insert(&store, name))).await;
    let mut ids: Vec<i64> = rows.into_iter().map(|row| row.unwrap().id.get()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 200);
    assert_eq!(stored(&database), 200);
}

#[tokio::test]
async fn a_conflict_fails_only_its_own_write() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    // Of every three names, two are the same.
    let names: Vec<String> = (0..150)
        .map(|number| format!("user-{}", number / 3 * 3 + number % 3 % 2))
        .collect();
    let results = join_all(names.iter().map(|name| insert(&store, name))).await;
    let (created, failed): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((created.len(), failed.len()), (100, 50));
    for conflict in failed {
        assert!(
            matches!(&conflict, Err(StoreError::Conflict { column }) if column == "email_normalized"),
            "{:?}",
            conflict.err()
        );
    }
    assert_eq!(stored(&database), 100);
}

#[tokio::test]
async fn a_panic_in_a_write_fails_only_that_write() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    for round in 0..3 {
        let names = [format!("before-{round}"), format!("after-{round}")];
        let before = insert(&store, &names[0]);
        let panicking = store.write::<(), StoreError, _>(move |connection| {
            users::insert(connection, &row(&format!("panic-{round}")))?;
            panic!("on purpose, in a test");
        });
        let after = insert(&store, &names[1]);
        let (before, panicked, after) = tokio::join!(before, panicking, after);
        before.unwrap();
        assert!(
            matches!(panicked, Err(StoreError::Query(_))),
            "{panicked:?}"
        );
        after.unwrap();
        insert(&store, &format!("later-{round}")).await.unwrap();
    }
    // The row of each panicking write was rolled back.
    assert_eq!(stored(&database), 9);
    drop(store);
    let reopened = open(&database);
    insert(&reopened, "reopened").await.unwrap();
    assert_eq!(stored(&database), 10);
}

#[tokio::test]
async fn a_panic_in_a_nested_transaction_leaves_no_transaction_open() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    let nested = store
        .write::<(), StoreError, _>(|connection| {
            use diesel::Connection;
            connection
                .transaction::<(), diesel::result::Error, _>(|_| panic!("on purpose, in a test"))?;
            Ok(())
        })
        .await;
    nested.unwrap_err();
    insert(&store, "after").await.unwrap();
    assert_eq!(stored(&database), 1);
}

#[tokio::test]
async fn a_failed_statement_rolls_back_only_its_own_transaction() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    let failing = store.write::<(), StoreError, _>(|connection| {
        use diesel::RunQueryDsl;
        users::insert(connection, &row("rolled-back"))?;
        diesel::sql_query("SELECT nothing FROM nowhere").execute(&mut **connection)?;
        Ok(())
    });
    let (failed, one, two) = tokio::join!(failing, insert(&store, "one"), insert(&store, "two"));
    assert!(matches!(failed, Err(StoreError::Query(_))), "{failed:?}");
    one.unwrap();
    two.unwrap();
    insert(&store, "three").await.unwrap();
    assert_eq!(stored(&database), 3);
}

#[tokio::test]
async fn a_write_that_fails_alone_leaves_nothing() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    insert(&store, "taken").await.unwrap();
    // Each is awaited: nothing else is in its transaction.
    let conflict = store.write::<(), StoreError, _>(|connection| {
        users::insert(connection, &row("one"))?;
        users::insert(connection, &row("taken"))?;
        Ok(())
    });
    let conflict = conflict.await;
    assert!(
        matches!(conflict, Err(StoreError::Conflict { .. })),
        "{conflict:?}"
    );
    let failing = store.write::<(), StoreError, _>(|connection| {
        use diesel::RunQueryDsl;
        users::insert(connection, &row("two"))?;
        diesel::sql_query("SELECT nothing FROM nowhere").execute(&mut **connection)?;
        Ok(())
    });
    failing.await.unwrap_err();
    let panicking = store.write::<(), StoreError, _>(|connection| {
        users::insert(connection, &row("three"))?;
        panic!("on purpose, in a test");
    });
    panicking.await.unwrap_err();
    assert_eq!(stored(&database), 1);
    for name in ["one", "two", "three"] {
        insert(&store, name).await.unwrap();
    }
    assert_eq!(stored(&database), 4);
}

/// A savepoint keeps a copy of each page that a large write changes in memory.
#[tokio::test]
async fn the_first_write_of_a_transaction_has_no_savepoint_though_others_wait_only_on_sqlite() {
    assert!(!on_postgres(), "this test is for SQLite");
    let database = TestDatabase::migrated();
    let store = open(&database);
    let (others_wait, waits) = mpsc::channel::<()>();
    let waits = Mutex::new(waits);
    // It fails, so the two behind it are the first and the second of the next transaction.
    let failing = store.write::<(), StoreError, _>(move |connection| {
        users::insert(connection, &row("failing"))?;
        waits.lock().unwrap().recv().unwrap();
        panic!("on purpose, in a test");
    });
    let depth_in = |name: &'static str| {
        store.write::<_, StoreError, _>(move |connection| {
            users::insert(connection, &row(name))?;
            let status = <Db as Connection>::TransactionManager::transaction_manager_status_mut(
                &mut **connection,
            );
            Ok(status.transaction_depth().unwrap().map_or(0, NonZero::get))
        })
    };
    let release = async { others_wait.send(()) };
    let (failed, first, second, sent) =
        tokio::join!(failing, depth_in("first"), depth_in("second"), release);
    sent.unwrap();
    failed.unwrap_err();
    assert_eq!((first.unwrap(), second.unwrap()), (1, 2));
    assert_eq!(stored(&database), 2);
}

#[tokio::test]
async fn accepted_writes_are_committed_before_the_store_is_closed() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    let names: Vec<String> = (0..50).map(|number| format!("user-{number}")).collect();
    let writes = join_all(names.iter().map(|name| insert(&store, name)));
    assert!(writes.await.iter().all(Result::is_ok));
    drop(store);
    assert_eq!(stored(&database), 50);
}
