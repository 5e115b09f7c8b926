//! What the security checklist looks for in the tables of the accounts.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};

use crate::{
    clock::Timestamp,
    domain::{account::Role, principal::UserType},
    store::{engine::connection::Db, error::StoreError, schema::users},
};

/// How many administrators may log in.
pub fn count_active_admins(connection: &mut Db) -> Result<i64, StoreError> {
    Ok(users::table
        .filter(users::role.eq(Role::Admin))
        .filter(users::is_active.eq(true))
        .count()
        .get_result(connection)?)
}

/// Administrators who may log in and have not done so since `since`, or never: their addresses and when they did last,
/// whoever never did first. At most `limit` of them.
pub fn list_idle_admins(
    connection: &mut Db,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<(String, Option<Timestamp>)>, StoreError> {
    // Whoever has never logged in has had the time since he was made.
    let never = users::last_login_at
        .is_null()
        .and(users::created_at.lt(since));
    let is_idle = never.or(users::last_login_at.lt(since).assume_not_null());
    Ok(users::table
        .filter(users::role.eq(Role::Admin))
        .filter(users::is_active.eq(true))
        .filter(is_idle)
        .order((
            users::last_login_at.is_not_null().asc(),
            users::last_login_at.asc(),
            users::id.asc(),
        ))
        .limit(limit)
        .select((users::email, users::last_login_at))
        .load(connection)?)
}

/// The beginnings of a population's password hashes, `length` characters of each, and how many begin so. Where there is a
/// `bound`, only so many accounts are looked at, the oldest.
///
/// The beginning tells how a hash was made, and nothing of the password: neither its salt nor its digest is read.
pub fn count_hashes_by_beginning(
    connection: &mut Db,
    population: UserType,
    length: i64,
    bound: Option<i64>,
) -> Result<Vec<(String, i64)>, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        beginning: String,
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let table = match population {
        UserType::User => "users",
        UserType::Client => "client_users",
    };
    let statement = format!(
        "SELECT beginning, COUNT(*) AS n FROM \
         (SELECT substr(password_hash, 1, CAST($1 AS INTEGER)) AS beginning FROM {table} \
          WHERE password_hash IS NOT NULL ORDER BY id LIMIT $2) looked_at GROUP BY beginning"
    );
    let rows: Vec<Row> = diesel::sql_query(statement)
        .bind::<BigInt, _>(length)
        .bind::<BigInt, _>(bound.unwrap_or(i64::MAX))
        .load(connection)?;
    Ok(rows.into_iter().map(|row| (row.beginning, row.n)).collect())
}
