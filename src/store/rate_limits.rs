//! The table that counts events per bucket within a window of time, so that all instances count together.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text, Timestamp as SqlTimestamp},
};

use super::{Db, error::StoreError, schema::rate_limits};
use crate::clock::Timestamp;

/// A bucket after an event was counted.
#[derive(QueryableByName, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hits {
    /// Events in this window, the new one included.
    #[diesel(sql_type = BigInt)]
    pub hits: i64,
    /// When the window ends.
    #[diesel(sql_type = SqlTimestamp)]
    pub expires_at: Timestamp,
}

/// Counts an event in a bucket, atomically. The first event of a window opens it until `window_end`; a window that has
/// ended is opened anew.
pub fn hit(
    connection: &mut Db,
    bucket: &str,
    now: Timestamp,
    window_end: Timestamp,
) -> Result<Hits, StoreError> {
    // One statement for both databases, `$n` included; diesel has no ON CONFLICT on the enum.
    let statement = "INSERT INTO rate_limits (bucket, hits, expires_at) VALUES ($1, 1, $2) \
        ON CONFLICT (bucket) DO UPDATE SET \
        hits = CASE WHEN rate_limits.expires_at <= $3 THEN 1 ELSE rate_limits.hits + 1 END, \
        expires_at = CASE WHEN rate_limits.expires_at <= $3 THEN excluded.expires_at ELSE rate_limits.expires_at END \
        RETURNING hits, expires_at";
    Ok(diesel::sql_query(statement)
        .bind::<Text, _>(bucket)
        .bind::<SqlTimestamp, _>(window_end)
        .bind::<SqlTimestamp, _>(now)
        .get_result(connection)?)
}

/// Forgets what a bucket has counted.
pub fn clear(connection: &mut Db, bucket: &str) -> Result<(), StoreError> {
    diesel::delete(rate_limits::table.find(bucket)).execute(connection)?;
    Ok(())
}
