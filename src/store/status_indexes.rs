//! The table `status_indexes`: the first index of the status lists that no session has got, in one row.

use diesel::{prelude::*, sql_types::BigInt};

use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::status_indexes;

/// The id of the only row.
const ONLY: i64 = 1;

#[derive(QueryableByName)]
struct Next {
    #[diesel(sql_type = BigInt)]
    next_index: i64,
}

/// Takes `count` indexes, which nobody else gets. Returns the first of them. One statement.
pub fn take(connection: &mut Db, count: i64) -> Result<i64, StoreError> {
    // Raw SQL: it also works if the row was deleted, and diesel has no ON CONFLICT for `MultiConnection`.
    let statement = "INSERT INTO status_indexes (id, next_index) VALUES ($1, $2) \
        ON CONFLICT (id) DO UPDATE SET next_index = status_indexes.next_index + excluded.next_index \
        RETURNING next_index";
    let next: Next = diesel::sql_query(statement)
        .bind::<BigInt, _>(ONLY)
        .bind::<BigInt, _>(count)
        .get_result(connection)?;
    Ok(next.next_index - count)
}

/// The first index that was not taken.
pub fn find_next(connection: &mut Db) -> Result<i64, StoreError> {
    let next = status_indexes::table
        .find(ONLY)
        .select(status_indexes::next_index)
        .get_result(connection)
        .optional()?;
    Ok(next.unwrap_or(0))
}
