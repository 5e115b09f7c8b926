//! Whose tokens are listed: what the lists of issued and of refused tokens have in common. A token names its account by
//! population and number, never by one of them alone, and has no foreign key: the account may be gone.

use diesel::{RunQueryDsl, sql_types};

use super::{
    Db,
    error::StoreError,
    listing::{Bind, Conditions, Sql},
};
use crate::domain::principal::{Principal, UserType};

/// The columns `login` and `name` of the account that a row of the table with this alias belongs to.
macro_rules! owner_columns {
    ($table:literal) => {
        concat!(
            "CASE ",
            $table,
            ".user_type WHEN 'user' THEN (SELECT email FROM users WHERE id = ",
            $table,
            ".user_seq) ELSE (SELECT username FROM client_users WHERE id = ",
            $table,
            ".user_seq) END AS login, CASE ",
            $table,
            ".user_type WHEN 'user' THEN (SELECT name FROM users WHERE id = ",
            $table,
            ".user_seq) ELSE (SELECT name FROM client_users WHERE id = ",
            $table,
            ".user_seq) END AS name"
        )
    };
}
pub(super) use owner_columns;

/// The most accounts that one typed name stands for in a filter.
pub const MAX_OWNERS: usize = 4;

/// Up to how many rows of a rare kind are gathered before a list is made from them. Where there are more, so many of the
/// rows that are walked fit that a page of them is met soon.
const FEW: i64 = 20_000;

/// The accounts as values for four pairs of `?`; the first one stands in for those that are missing.
pub(super) fn owners(owners: &[Principal]) -> Option<[Bind; 2 * MAX_OWNERS]> {
    let first = owners.first()?;
    let pair = |at: usize| {
        let owner = owners.get(at).unwrap_or(first);
        [
            Bind::from(owner.user_type.as_str()),
            Bind::from(owner.user_seq.get()),
        ]
    };
    let ([type_0, seq_0], [type_1, seq_1], [type_2, seq_2], [type_3, seq_3]) =
        (pair(0), pair(1), pair(2), pair(3));
    Some([type_0, seq_0, type_1, seq_1, type_2, seq_2, type_3, seq_3])
}

#[derive(diesel::QueryableByName)]
struct Counted {
    #[diesel(sql_type = sql_types::BigInt)]
    n: i64,
}

/// Whether no more than a few rows of `from` fit; as long as it takes to meet so many of them in an index.
pub(super) fn are_few(
    connection: &mut Db,
    from: &'static str,
    value: Option<Bind>,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM ");
    sql.push(from);
    if let Some(value) = value {
        sql.bind(value);
    }
    sql.push(" LIMIT ").bind(FEW + 1).push(") counted");
    let counted: Counted = sql.query().get_result(connection)?;
    Ok(counted.n <= FEW)
}

/// Adds the population to the conditions of a list: by its sessions where those are few, else by the row's own column.
pub(super) fn of_population(
    connection: &mut Db,
    user_type: UserType,
    by_sessions: &'static str,
    by_column: &'static str,
    narrow: &mut Conditions,
) -> Result<(), StoreError> {
    let word = || Bind::from(user_type.as_str());
    if are_few(connection, "sessions WHERE user_type = ", Some(word()))? {
        narrow.and(by_sessions, [word()]);
    }
    narrow.and(by_column, [word()]);
    Ok(())
}
