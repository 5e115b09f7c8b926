//! The table that counts log-ins and refused log-ins per hour.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text, Timestamp as SqlTimestamp},
};

use crate::{
    clock::Timestamp,
    domain::principal::UserType,
    store::{engine::connection::Db, error::StoreError, schema::login_counts},
};

/// Adds to the count of an hour.
pub fn add(
    connection: &mut Db,
    hour: Timestamp,
    user_type: UserType,
    outcome: &str,
    hits: i64,
) -> Result<(), StoreError> {
    let statement = "INSERT INTO login_counts (hour, user_type, outcome, hits) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (hour, user_type, outcome) DO UPDATE SET hits = login_counts.hits + excluded.hits";
    diesel::sql_query(statement)
        .bind::<SqlTimestamp, _>(hour)
        .bind::<Text, _>(user_type)
        .bind::<Text, _>(outcome)
        .bind::<BigInt, _>(hits)
        .execute(connection)?;
    Ok(())
}

/// The counts of the hours from `from` on: hour, whether the log-ins were accepted, how many. Both populations together
/// make two rows of an hour.
pub fn list_since(
    connection: &mut Db,
    from: Timestamp,
) -> Result<Vec<(Timestamp, bool, i64)>, StoreError> {
    let rows: Vec<(Timestamp, String, i64)> = login_counts::table
        .filter(login_counts::hour.ge(from))
        .order(login_counts::hour)
        .select((
            login_counts::hour,
            login_counts::outcome,
            login_counts::hits,
        ))
        .load(connection)?;
    Ok(rows
        .into_iter()
        .map(|(hour, outcome, hits)| (hour, outcome == "accepted", hits))
        .collect())
}
