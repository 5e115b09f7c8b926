//! A write without an effect, which fails when writes of requests fail: on a read-only server or file, on a full disk.

use diesel::{
    prelude::*,
    result::Error as DieselError,
    sql_types::{Nullable, Text},
};

use crate::clock::Timestamp;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::rate_limits;

/// Long enough that it rarely fits into a page that exists, and without repetitions that Postgres would compress.
const LONG_TEXT: &str = "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 200) n)";

/// Writes, and leaves nothing behind. On SQLite the caller must commit: only the commit reaches the disk.
pub(super) fn write(connection: &mut Db) -> Result<(), StoreError> {
    match connection {
        // The version is not used. Setting it writes the first page of the file.
        Db::Sqlite(sqlite) => {
            diesel::sql_query("PRAGMA user_version = 0").execute(sqlite)?;
            Ok(())
        }
        Db::Postgres(postgres) => insert_and_roll_back(postgres),
    }
}

fn insert_and_roll_back(postgres: &mut PgConnection) -> Result<(), StoreError> {
    let result = postgres.transaction::<(), DieselError, _>(|postgres| {
        diesel::insert_into(rate_limits::table)
            .values((
                rate_limits::bucket.eq("write probe"),
                rate_limits::kind.eq(diesel::dsl::sql::<Nullable<Text>>(LONG_TEXT)),
                rate_limits::hits.eq(0),
                rate_limits::expires_at.eq(Timestamp::from_unix_micros(0)),
            ))
            .execute(postgres)?;
        Err(DieselError::RollbackTransaction)
    });
    match result {
        Err(DieselError::RollbackTransaction) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
