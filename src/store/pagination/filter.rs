//! A filter of a list: its conditions for each strategy, and bounded counts.

use diesel::{QueryableByName, RunQueryDsl, sql_types::BigInt};

use crate::domain::principal::Principal;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::statement::{Bind, Conditions, Sql};

/// A filter that matches at most this many rows is selective.
pub(crate) const SELECTIVE_LIMIT: i64 = 2_000;

/// How an index finds the rows that match a filter.
#[derive(Clone, Debug)]
pub(crate) struct IndexLookup {
    /// The conditions in a form that the index can use.
    pub conditions: Conditions,
    /// The tables in which matching rows are counted: `FROM …`.
    pub count_from: &'static str,
    /// The conditions for counting.
    pub count_conditions: Conditions,
    /// The column by which rows are ordered for counting. An order makes Postgres use the index of that order.
    pub count_order: Option<&'static str>,
    /// Whether the count is planned as if it had no limit. Postgres assumes that a text it considers frequent is found
    /// soon, and would search the whole table for it.
    pub count_materialized: bool,
    /// Up to how many rows this filter is selective.
    pub selective_limit: i64,
}

impl IndexLookup {
    /// Rows of one table that are found and counted by the same conditions.
    pub(crate) fn new(table: &'static str, conditions: Conditions) -> Self {
        Self {
            count_conditions: conditions.clone(),
            conditions,
            count_from: table,
            count_order: None,
            count_materialized: false,
            selective_limit: SELECTIVE_LIMIT,
        }
    }

    /// Counts the matching rows, up to `limit`.
    pub(crate) fn count_up_to(&self, connection: &mut Db, limit: i64) -> Result<i64, StoreError> {
        let mut sql = Sql::new("SELECT COUNT(*) AS n FROM (");
        if self.count_materialized {
            sql.push("WITH matching AS MATERIALIZED (");
        }
        sql.push("SELECT 1 AS one FROM ").push(self.count_from);
        sql.filter(&self.count_conditions, &mut true);
        if let Some(column) = self.count_order {
            sql.push(" ORDER BY ").push(column);
        }
        if self.count_materialized {
            sql.push(") SELECT one FROM matching");
        }
        sql.push(" LIMIT ").bind(limit).push(") counted");
        load_count(connection, sql)
    }

    /// The number of matching rows if the filter is selective, else `None`.
    pub(crate) fn count_if_selective(
        &self,
        connection: &mut Db,
    ) -> Result<Option<i64>, StoreError> {
        let rows = self.count_up_to(connection, self.selective_limit + 1)?;
        Ok((rows <= self.selective_limit).then_some(rows))
    }
}

/// The maximum number of accounts in a filter: several accounts can match one typed text.
pub const MAX_ACCOUNTS: usize = 20;
/// How many accounts have one full name: two populations, and an account that was deleted.
const FEW_ACCOUNTS: usize = 4;

/// A condition on the columns of user type and id, and its values: one of these accounts. It has a fixed number of accounts,
/// so that the text of a statement does not vary; a repeated one changes nothing.
pub(crate) fn of_accounts(
    user_type: &str,
    user_seq: &str,
    accounts: &[Principal],
) -> (String, Vec<Bind>) {
    let one = format!("({user_type} = ? AND {user_seq} = ?)");
    let length = if accounts.len() <= FEW_ACCOUNTS {
        FEW_ACCOUNTS
    } else {
        MAX_ACCOUNTS
    };
    let values = accounts.iter().cycle().take(length).flat_map(|account| {
        let word = account.user_type.as_str();
        [Bind::from(word), Bind::from(account.user_seq.get())]
    });
    (vec![one.as_str(); length].join(" OR "), values.collect())
}

/// One filter of a list.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// How an index finds matching rows; `None` if no index does.
    pub index: Option<IndexLookup>,
    /// The conditions in a form that no index can use: each row is examined.
    pub residual: Conditions,
    /// How a scan in the order of the sort key applies the filter.
    pub scan: ScanCondition,
}

impl Filter {
    /// Rows of a table that have this text in a column. If the scanned index begins with the column, the scan skips no
    /// rows.
    pub(crate) fn equal(table: &'static str, column: &str, text: &str, is_scanned: bool) -> Self {
        let indexed = Conditions::one(format!("{column} = ?"), [text.into()]);
        Self {
            index: Some(IndexLookup::new(table, indexed.clone())),
            residual: Conditions::one(format!("{column} || '' = ?"), [text.into()]),
            scan: if is_scanned {
                ScanCondition::Index(indexed)
            } else {
                ScanCondition::Residual
            },
        }
    }

    /// Rows of a table within a range of the column of the sort key: from the first value, included, to the second one,
    /// excluded. `None` if there is neither.
    pub(crate) fn range(
        table: &'static str,
        column: &'static str,
        from: Option<Bind>,
        before: Option<Bind>,
    ) -> Option<Self> {
        let (mut indexed, mut residual) = (Conditions::default(), Conditions::default());
        for (sign, bound) in [(">=", &from), ("<", &before)] {
            if let Some(value) = bound {
                indexed.and(format!("{column} {sign} ?"), [value.clone()]);
                let any_row = format!("COALESCE({column}, {column}) {sign} ?");
                residual.and(any_row, [value.clone()]);
            }
        }
        (from.is_some() || before.is_some()).then(|| Self {
            index: Some(IndexLookup {
                count_order: Some(column),
                ..IndexLookup::new(table, indexed)
            }),
            residual,
            scan: ScanCondition::KeyRange(from, before),
        })
    }

    /// The conditions in the form that leaves the choice of the index to the database.
    pub(crate) fn natural(&self) -> &Conditions {
        self.index
            .as_ref()
            .map_or(&self.residual, |index| &index.conditions)
    }
}

/// How a scan in the order of the sort key applies a filter.
#[derive(Clone, Debug)]
pub(crate) enum ScanCondition {
    /// Rows are examined and skipped if they do not match.
    Residual,
    /// Under these conditions the scanned index contains only matching rows.
    Index(Conditions),
    /// The column of the sort key is at least the first value and less than the second one.
    KeyRange(Option<Bind>, Option<Bind>),
}

impl ScanCondition {
    /// Whether the scan skips rows that do not match.
    pub(crate) fn skips_rows(&self) -> bool {
        matches!(self, Self::Residual)
    }
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Runs a statement that returns a count as `n`.
pub(crate) fn load_count(connection: &mut Db, sql: Sql) -> Result<i64, StoreError> {
    let row: CountRow = sql.query().get_result(connection)?;
    Ok(row.n)
}
