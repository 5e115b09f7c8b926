//! The live sessions of many accounts, in the API and in the admin panel, for the question before a bulk change.

use diesel::{QueryableByName, RunQueryDsl, sql_types::BigInt};

use crate::clock::Timestamp;
use crate::domain::principal::{UserSeq, UserType};
use crate::store::account_list::{AccountFilter, by_id, table};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::statement::Sql;

/// How many live sessions some accounts have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, QueryableByName)]
pub struct SessionCount {
    /// The sessions.
    #[diesel(sql_type = BigInt)]
    pub sessions: i64,
    /// The accounts that have one at least.
    #[diesel(sql_type = BigInt)]
    pub accounts: i64,
}

/// The sessions of these accounts.
pub fn count_of(
    connection: &mut Db,
    user_type: UserType,
    ids: &[UserSeq],
    now: Timestamp,
) -> Result<SessionCount, StoreError> {
    let mut sql = begin(user_type, now);
    sql.push(table(user_type).name).push(" WHERE id IN (0");
    for id in ids {
        sql.push(", ").bind(id.get());
    }
    sql.push(")");
    end(connection, sql)
}

/// The sessions of the matching accounts with ids up to `up_to`.
pub fn count_matching(
    connection: &mut Db,
    filter: &AccountFilter,
    up_to: i64,
    now: Timestamp,
) -> Result<SessionCount, StoreError> {
    let mut sql = begin(filter.user_type, now);
    by_id(connection, filter, up_to).push_all_rows(connection, &mut sql)?;
    end(connection, sql)
}

/// The statement up to the accounts.
fn begin(user_type: UserType, now: Timestamp) -> Sql {
    let accounts = table(user_type).name;
    let mut sql = Sql::new(
        "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) AS sessions, COUNT(NULLIF(n, 0)) AS accounts FROM (SELECT ",
    );
    sql.push_with(
        &format!(
            "(SELECT COUNT(*) FROM sessions s WHERE s.user_type = ? AND s.user_seq = {accounts}.id \
             AND s.ended_at IS NULL AND s.expires_at > ?)"
        ),
        [user_type.as_str().into(), now.into()],
    );
    if user_type == UserType::User {
        sql.push_with(
            &format!(
                " + (SELECT COUNT(*) FROM browser_sessions b WHERE b.user_seq = {accounts}.id \
                 AND b.ended_at IS NULL AND b.expires_at > ?)"
            ),
            [now.into()],
        );
    }
    sql.push(" AS n FROM ");
    sql
}

fn end(connection: &mut Db, mut sql: Sql) -> Result<SessionCount, StoreError> {
    sql.push(") AS counted");
    Ok(sql.query().get_result(connection)?)
}
