//! Totals for the dashboard. Some of them are counted row by row, so the caller caches them.

use diesel::{dsl::sql, prelude::*, sql_types};

use crate::clock::Timestamp;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::load_count;
use crate::store::pagination::statement::Sql;
use crate::store::schema::{
    blacklisted_tokens, browser_sessions, client_users, outstanding_tokens, sessions, users,
};

/// Whether there are accounts or audit events.
pub fn is_in_use(connection: &mut Db) -> Result<bool, StoreError> {
    let any_account =
        "SELECT (SELECT COUNT(*) FROM users) + (SELECT COUNT(*) FROM client_users) AS n";
    let any_event = "SELECT COUNT(*) AS n FROM (SELECT 1 FROM audit_events LIMIT 1) AS found";
    Ok(load_count(connection, Sql::new(any_account))? > 0
        || load_count(connection, Sql::new(any_event))? > 0)
}

/// The number of active internal users.
pub fn active_users(connection: &mut Db) -> Result<i64, StoreError> {
    Ok(users::table
        .filter(users::is_active.eq(true))
        .count()
        .get_result(connection)?)
}

/// The number of active clients.
pub fn active_clients(connection: &mut Db) -> Result<i64, StoreError> {
    Ok(client_users::table
        .filter(client_users::is_active.eq(true))
        .count()
        .get_result(connection)?)
}

/// The number of sessions that have neither ended nor expired.
pub fn live_sessions(connection: &mut Db, now: Timestamp) -> Result<i64, StoreError> {
    Ok(sessions::table
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .count()
        .get_result(connection)?)
}

/// The number of sessions in the admin panel that have neither ended nor expired.
pub fn live_panel_sessions(connection: &mut Db, now: Timestamp) -> Result<i64, StoreError> {
    Ok(browser_sessions::table
        .filter(browser_sessions::ended_at.is_null())
        .filter(browser_sessions::expires_at.gt(now))
        .count()
        .get_result(connection)?)
}

/// The number of refresh tokens that have not expired.
pub fn outstanding_tokens(connection: &mut Db, now: Timestamp) -> Result<i64, StoreError> {
    Ok(outstanding_tokens::table
        .filter(outstanding_tokens::expires_at.gt(now))
        .count()
        .get_result(connection)?)
}

/// The number of blacklisted refresh tokens that have not expired.
pub fn blacklisted_tokens(connection: &mut Db, now: Timestamp) -> Result<i64, StoreError> {
    Ok(blacklisted_tokens::table
        .filter(blacklisted_tokens::expires_at.gt(now))
        .count()
        .get_result(connection)?)
}

/// The version of the database.
pub fn database_version(connection: &mut Db) -> Result<String, StoreError> {
    let version = match connection {
        Db::Postgres(_) => "current_setting('server_version')",
        Db::Sqlite(_) => "sqlite_version()",
    };
    let version: String = diesel::select(sql::<sql_types::Text>(version)).get_result(connection)?;
    // Debian appends its package version in brackets.
    Ok(version.split(' ').next().unwrap_or_default().to_owned())
}

/// The size of the database in bytes.
pub fn database_size(connection: &mut Db) -> Result<i64, StoreError> {
    let query = match connection {
        Db::Postgres(_) => "SELECT pg_database_size(current_database()) AS n",
        Db::Sqlite(_) => {
            "SELECT page_count * page_size AS n FROM pragma_page_count(), pragma_page_size()"
        }
    };
    load_count(connection, Sql::new(query))
}
