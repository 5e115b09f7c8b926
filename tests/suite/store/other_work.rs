//! What a background job sees of the work of others.

use std::sync::Mutex;

use diesel::connection::SimpleConnection;
use munjigi::store::{Store, StoreError};

use super::{insert, open};
use crate::support::{TestDatabase, on_postgres};

async fn write(store: &Store) {
    store.write(|_| Ok::<(), StoreError>(())).await.unwrap();
}

/// Writes of jobs alone, until the job sees nothing else: on Postgres a pool that opens its connections is seen as well.
async fn sees_nothing(job: &Store, other_job: &Store) -> bool {
    for number in 0..100 {
        write(job).await;
        insert(job, &format!("of the job {number}")).await.ok();
        write(other_job).await;
        if !job.saw_other_work() {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn a_job_sees_the_writes_of_others_and_not_its_own() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    let (job, other_job) = (store.for_job(), store.for_job());
    assert!(sees_nothing(&job, &other_job).await);
    write(&store).await;
    assert!(job.saw_other_work());
    assert!(!job.saw_other_work(), "only once");
    assert!(other_job.saw_other_work(), "each job for itself");
    assert!(!store.saw_other_work(), "this is no job");
}

#[tokio::test]
async fn a_job_sees_another_process() {
    let database = TestDatabase::migrated();
    let store = open(&database);
    let (job, other_job) = (store.for_job(), store.for_job());
    assert!(sees_nothing(&job, &other_job).await);
    // Another connection, as that of another process. On SQLite it must have written.
    let connection = Mutex::new(database.target().connect().unwrap());
    if on_postgres() {
        job.write(move |_| {
            connection
                .lock()
                .unwrap()
                .batch_execute("SELECT 1")
                .unwrap();
            Ok::<(), StoreError>(())
        })
        .await
        .unwrap();
    } else {
        let statement = "INSERT INTO status_indexes (id, next_index) VALUES (2, 0)";
        connection.lock().unwrap().batch_execute(statement).unwrap();
        write(&job).await;
    }
    assert!(job.saw_other_work());
    assert!(sees_nothing(&job, &other_job).await);
}
