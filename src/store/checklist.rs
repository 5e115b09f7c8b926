//! Queries of the security checklist on the account tables.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};

use crate::clock::Timestamp;
use crate::domain::account::Role;
use crate::domain::principal::UserType;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::{passkeys, totp_factors, users};

/// The number of active users with one of these roles.
pub fn count_active(connection: &mut Db, roles: &[Role]) -> Result<i64, StoreError> {
    Ok(users::table
        .filter(users::role.eq_any(roles))
        .filter(users::is_active.eq(true))
        .count()
        .get_result(connection)?)
}

/// The number of active users with one of these roles and without a second factor.
pub fn count_without_factor(connection: &mut Db, roles: &[Role]) -> Result<i64, StoreError> {
    let has_totp = totp_factors::table
        .filter(totp_factors::user_type.eq(UserType::User))
        .filter(totp_factors::confirmed_at.is_not_null())
        .filter(totp_factors::user_seq.eq(users::id));
    let has_passkey = passkeys::table
        .filter(passkeys::user_type.eq(UserType::User))
        .filter(passkeys::user_seq.eq(users::id));
    Ok(users::table
        .filter(users::role.eq_any(roles))
        .filter(users::is_active.eq(true))
        .filter(diesel::dsl::not(diesel::dsl::exists(has_totp)))
        .filter(diesel::dsl::not(diesel::dsl::exists(has_passkey)))
        .count()
        .get_result(connection)?)
}

/// Active users with one of these roles and without a login since `since`: their login names and last logins, those without any
/// login first. At most `limit` of them.
pub fn list_idle(
    connection: &mut Db,
    roles: &[Role],
    since: Timestamp,
    limit: i64,
) -> Result<Vec<(String, Option<Timestamp>)>, StoreError> {
    // Without any login, the time of creation counts.
    let never = users::last_login_at
        .is_null()
        .and(users::created_at.lt(since));
    let is_idle = never.or(users::last_login_at.lt(since).assume_not_null());
    Ok(users::table
        .filter(users::role.eq_any(roles))
        .filter(users::is_active.eq(true))
        .filter(is_idle)
        .order((
            users::last_login_at.is_not_null().asc(),
            users::last_login_at.asc(),
            users::id.asc(),
        ))
        .limit(limit)
        .select((users::email, users::username, users::last_login_at))
        .load::<(Option<String>, Option<String>, Option<Timestamp>)>(connection)?
        .into_iter()
        .map(|(email, username, at)| (email.or(username).unwrap_or_default(), at))
        .collect())
}

/// Counts the password hashes of a user type by how they begin. With a `limit`, only that many accounts are examined, the
/// oldest ones.
///
/// Of a hash that begins with `$`, the first `length` characters are read: algorithm and cost. Of any other hash, which was
/// imported, the name of its algorithm up to the first `$`; of an unusable one, the `!`. Salt and digest are not read.
pub fn count_hashes_by_prefix(
    connection: &mut Db,
    user_type: UserType,
    length: i64,
    limit: Option<i64>,
) -> Result<Vec<(String, i64)>, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        prefix: String,
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let table = match user_type {
        UserType::User => "users",
        UserType::Client => "client_users",
    };
    let position = match connection {
        Db::Postgres(_) => "strpos",
        Db::Sqlite(_) => "instr",
    };
    let statement = format!(
        "SELECT prefix, COUNT(*) AS n FROM \
         (SELECT CASE substr(password_hash, 1, 1) \
            WHEN '$' THEN substr(password_hash, 1, CAST($1 AS INTEGER)) \
            WHEN '!' THEN '!' \
            ELSE substr(password_hash, 1, {position}(password_hash, '$')) END AS prefix FROM {table} \
          WHERE password_hash IS NOT NULL ORDER BY id LIMIT $2) looked_at GROUP BY prefix"
    );
    let rows: Vec<Row> = diesel::sql_query(statement)
        .bind::<BigInt, _>(length)
        .bind::<BigInt, _>(limit.unwrap_or(i64::MAX))
        .load(connection)?;
    Ok(rows.into_iter().map(|row| (row.prefix, row.n)).collect())
}
