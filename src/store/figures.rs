//! The figures of the dashboard: how many rows of a kind there are now. One query each.

use diesel::prelude::*;

use super::{
    Db,
    error::StoreError,
    schema::{blacklisted_tokens, client_users, outstanding_tokens, sessions, users},
};
use crate::clock::Timestamp;

/// Internal users who may log in.
pub fn active_users(connection: &mut Db) -> Result<i64, StoreError> {
    let active = users::table.filter(users::is_active.eq(true));
    Ok(active.count().get_result(connection)?)
}

/// Clients who may log in.
pub fn active_clients(connection: &mut Db) -> Result<i64, StoreError> {
    let active = client_users::table.filter(client_users::is_active.eq(true));
    Ok(active.count().get_result(connection)?)
}

/// Sessions that have not ended.
pub fn live_sessions(connection: &mut Db, now: Timestamp) -> Result<i64, StoreError> {
    let live = sessions::table
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now));
    Ok(live.count().get_result(connection)?)
}

/// Refresh tokens that are kept, used ones too.
pub fn outstanding_tokens(connection: &mut Db) -> Result<i64, StoreError> {
    Ok(outstanding_tokens::table.count().get_result(connection)?)
}

/// Refresh tokens that are not accepted any more.
pub fn blacklisted_tokens(connection: &mut Db) -> Result<i64, StoreError> {
    Ok(blacklisted_tokens::table.count().get_result(connection)?)
}
