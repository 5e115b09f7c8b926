//! What only the security checklist asks the database.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Timestamp as SqlTimestamp},
};

use super::{Db, error::StoreError, schema::users};
use crate::{clock::Timestamp, domain::account::Role};

/// What time the database believes it is.
pub fn database_clock(connection: &mut Db) -> Result<Timestamp, StoreError> {
    #[derive(QueryableByName)]
    struct Now {
        #[diesel(sql_type = SqlTimestamp)]
        at: Timestamp,
    }
    let query = match connection {
        Db::Postgres(_) => "SELECT clock_timestamp() AT TIME ZONE 'UTC' AS at",
        Db::Sqlite(_) => "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now') AS at",
    };
    Ok(sql_query(query).get_result::<Now>(connection)?.at)
}

/// How many stored hashes of both populations are of a lower cost than this, and how many there are. One that is of no
/// scheme of ours counts as such a one. All accounts are looked at.
pub fn count_hashes(connection: &mut Db, cost: u32) -> Result<(i64, i64), StoreError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        cheap: i64,
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    // `$bcrypt-sha256$v=2,t=2b,r=<cost>$…`: what is of another cost does not begin like one of this cost or a higher one.
    let good: Vec<String> = (cost..=31)
        .map(|cost| format!("password_hash NOT LIKE '$bcrypt-sha256$v=2,t=2b,r={cost}$%'"))
        .collect();
    let mut sums = (0, 0);
    for table in ["users", "client_users"] {
        let query = format!(
            "SELECT COUNT(*) AS n, COALESCE(SUM(CASE WHEN {} THEN 1 ELSE 0 END), 0) AS cheap \
             FROM {table} WHERE password_hash IS NOT NULL",
            good.join(" AND ")
        );
        let counted: Counted = sql_query(query).get_result(connection)?;
        sums = (sums.0 + counted.cheap, sums.1 + counted.n);
    }
    Ok(sums)
}

/// An administrator who may log in.
#[derive(Queryable, Clone, Debug)]
pub struct Administrator {
    /// His address.
    pub email: String,
    /// When he last logged in.
    pub last_login_at: Option<Timestamp>,
    /// When he was made.
    pub created_at: Timestamp,
}

/// The most administrators that are looked at.
const MOST: i64 = 1_000;

/// The administrators who may log in.
pub fn list_administrators(connection: &mut Db) -> Result<Vec<Administrator>, StoreError> {
    Ok(users::table
        .filter(users::role.eq(Role::Admin))
        .filter(users::is_active.eq(true))
        .order(users::id)
        .select((users::email, users::last_login_at, users::created_at))
        .limit(MOST)
        .load(connection)?)
}
