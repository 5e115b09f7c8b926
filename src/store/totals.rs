//! How much there is of everything, for the dashboard. Some of it is counted row by row: whoever asks keeps the answer.

use diesel::{prelude::*, sql_types};

use crate::{
    clock::Timestamp,
    store::{
        engine::connection::Db,
        error::StoreError,
        schema::{blacklisted_tokens, client_users, outstanding_tokens, sessions, users},
    },
};

/// How many internal users may log in.
pub fn active_users(connection: &mut Db) -> Result<i64, StoreError> {
    Ok(users::table
        .filter(users::is_active.eq(true))
        .count()
        .get_result(connection)?)
}

/// How many clients may log in.
pub fn active_clients(connection: &mut Db) -> Result<i64, StoreError> {
    Ok(client_users::table
        .filter(client_users::is_active.eq(true))
        .count()
        .get_result(connection)?)
}

/// How many sessions are neither ended nor expired.
pub fn live_sessions(connection: &mut Db, now: Timestamp) -> Result<i64, StoreError> {
    Ok(sessions::table
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .count()
        .get_result(connection)?)
}

/// How many refresh tokens were issued and have not expired.
pub fn outstanding_tokens(connection: &mut Db, now: Timestamp) -> Result<i64, StoreError> {
    Ok(outstanding_tokens::table
        .filter(outstanding_tokens::expires_at.gt(now))
        .count()
        .get_result(connection)?)
}

/// How many refresh tokens are blacklisted and have not expired.
pub fn blacklisted_tokens(connection: &mut Db, now: Timestamp) -> Result<i64, StoreError> {
    Ok(blacklisted_tokens::table
        .filter(blacklisted_tokens::expires_at.gt(now))
        .count()
        .get_result(connection)?)
}

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = sql_types::Text)]
    text: String,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = sql_types::BigInt)]
    n: i64,
}

/// The version of the database.
pub fn database_version(connection: &mut Db) -> Result<String, StoreError> {
    let query = match connection {
        Db::Postgres(_) => "SELECT current_setting('server_version') AS \"text\"",
        Db::Sqlite(_) => "SELECT sqlite_version() AS \"text\"",
    };
    let said: Said = diesel::sql_query(query).get_result(connection)?;
    // Debian adds its own number in brackets.
    Ok(said.text.split(' ').next().unwrap_or_default().to_owned())
}

/// How many bytes the database takes.
pub fn database_size(connection: &mut Db) -> Result<i64, StoreError> {
    let query = match connection {
        Db::Postgres(_) => "SELECT pg_database_size(current_database()) AS n",
        Db::Sqlite(_) => {
            "SELECT page_count * page_size AS n FROM pragma_page_count(), pragma_page_size()"
        }
    };
    let counted: Counted = diesel::sql_query(query).get_result(connection)?;
    Ok(counted.n)
}
