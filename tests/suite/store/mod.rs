//! The store through its public API: an answered write is stored, and a failure affects only its own request.

mod checklist;
mod concurrency;
mod flush;
mod other_work;
mod reads;
mod rotation;
mod rotation_batches;
mod writes;

use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types::BigInt};
use munjigi::{
    clock::Timestamp,
    domain::account::Role,
    store::{
        Db, Store, StoreError, StoreSettings,
        users::{self, NewUser, UserRow},
    },
};

use crate::support::{TIMEOUT, TestDatabase};

fn open(database: &TestDatabase) -> Store {
    Store::open(&StoreSettings {
        target: database.target(),
        pool_size: 4,
        acquire_timeout: TIMEOUT,
    })
    .unwrap()
}

fn row(name: &str) -> NewUser {
    NewUser {
        email: Some(format!("{name}@example.org")),
        email_normalized: Some(format!("{name}@example.org")),
        username: None,
        username_normalized: None,
        external_id: None,
        name: name.to_owned(),
        name_normalized: name.to_owned(),
        role: Role::STAFF,
        password_hash: None,
        is_active: true,
        claims: None,
        email_verified_at: None,
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
        search_text: name.to_owned(),
    }
}

async fn insert(store: &Store, name: &str) -> Result<UserRow, StoreError> {
    let row = row(name);
    store
        .write(move |connection| users::insert(connection, &row))
        .await
}

fn select(connection: &mut Db, query: &str) -> Result<i64, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    Ok(sql_query(query).get_result::<Row>(connection)?.number)
}

/// The integer that a `SELECT … AS number` returns.
fn number(connection: &mut Db, query: &str) -> i64 {
    select(connection, query).unwrap()
}

fn count(connection: &mut Db) -> Result<i64, StoreError> {
    select(connection, "SELECT COUNT(*) AS number FROM users")
}

/// The number of users, as seen by a connection that shares nothing with the store.
fn stored(database: &TestDatabase) -> i64 {
    count(&mut database.target().connect().unwrap()).unwrap()
}
