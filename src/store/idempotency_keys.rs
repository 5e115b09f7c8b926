//! The table `idempotency_keys`: requests that a service may repeat without repeating their effect.

use diesel::{
    prelude::*,
    sql_types::{Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::idempotency_keys;

/// A row.
#[derive(Queryable, Clone, Debug)]
pub struct IdempotencyKeyRow {
    /// The MAC of the caller and the key.
    pub key_mac: String,
    /// The MAC of the request.
    pub request_mac: String,
    /// The answer; `None` while the request is running.
    pub answer: Option<String>,
    /// When the process that runs the request counts as killed.
    pub locked_until: Timestamp,
    /// Until when the key stands for this request.
    pub expires_at: Timestamp,
}

/// Inserts a row. Returns `true` if this call did it, `false` if the key is in use.
pub fn insert(connection: &mut Db, new: &IdempotencyKeyRow) -> Result<bool, StoreError> {
    // Raw SQL: diesel has no ON CONFLICT for `MultiConnection`. Both databases accept the statement.
    let statement = "INSERT INTO idempotency_keys (key_mac, request_mac, locked_until, expires_at) \
        VALUES ($1, $2, $3, $4) ON CONFLICT (key_mac) DO NOTHING";
    let inserted = diesel::sql_query(statement)
        .bind::<Text, _>(&new.key_mac)
        .bind::<Text, _>(&new.request_mac)
        .bind::<SqlTimestamp, _>(new.locked_until)
        .bind::<SqlTimestamp, _>(new.expires_at)
        .execute(connection)?;
    Ok(inserted == 1)
}

/// Finds a row by the MAC of its caller and key.
pub fn find(connection: &mut Db, key_mac: &str) -> Result<Option<IdempotencyKeyRow>, StoreError> {
    Ok(idempotency_keys::table
        .find(key_mac)
        .get_result(connection)
        .optional()?)
}

/// Lets another process run the request of a row whose process was killed. Returns `true` if this call did it.
pub fn take_over(
    connection: &mut Db,
    key_mac: &str,
    now: Timestamp,
    locked_until: Timestamp,
) -> Result<bool, StoreError> {
    let killed = idempotency_keys::table
        .find(key_mac)
        .filter(idempotency_keys::answer.is_null())
        .filter(idempotency_keys::locked_until.le(now));
    let taken = diesel::update(killed)
        .set(idempotency_keys::locked_until.eq(locked_until))
        .execute(connection)?;
    Ok(taken == 1)
}

/// Stores the answer of a request.
pub fn finish(connection: &mut Db, key_mac: &str, answer: &str) -> Result<(), StoreError> {
    diesel::update(idempotency_keys::table.find(key_mac))
        .set(idempotency_keys::answer.eq(Some(answer)))
        .execute(connection)?;
    Ok(())
}

/// Deletes the row of a request that is running.
pub fn delete_running(connection: &mut Db, key_mac: &str) -> Result<(), StoreError> {
    let running = idempotency_keys::table
        .find(key_mac)
        .filter(idempotency_keys::answer.is_null());
    diesel::delete(running).execute(connection)?;
    Ok(())
}

/// Deletes the row of a key that may be used again.
pub fn delete_expired(
    connection: &mut Db,
    key_mac: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let expired = idempotency_keys::table
        .find(key_mac)
        .filter(idempotency_keys::expires_at.le(now));
    diesel::delete(expired).execute(connection)?;
    Ok(())
}
