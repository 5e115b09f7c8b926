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

/// The statement up to the accounts. It reads the live sessions once: a count for each account is slow for millions of them.
fn begin(user_type: UserType, now: Timestamp) -> Sql {
    let accounts = table(user_type).name;
    let mut sql =
        Sql::new("SELECT COUNT(*) AS sessions, COUNT(DISTINCT live.user_seq) AS accounts FROM (");
    sql.push_with(
        "SELECT user_seq FROM sessions WHERE user_type = ? AND ended_at IS NULL AND expires_at > ?",
        [user_type.as_str().into(), now.into()],
    );
    if user_type == UserType::User {
        sql.push_with(
            " UNION ALL SELECT user_seq FROM browser_sessions WHERE ended_at IS NULL AND expires_at > ?",
            [now.into()],
        );
    }
    sql.push(&format!(
        ") AS live WHERE live.user_seq IN (SELECT {accounts}.id FROM "
    ));
    sql
}

fn end(connection: &mut Db, mut sql: Sql) -> Result<SessionCount, StoreError> {
    sql.push(")");
    Ok(sql.query().get_result(connection)?)
}
