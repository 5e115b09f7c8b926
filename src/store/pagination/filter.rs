//! One filter of a list, in the forms that a statement can take: by an index of its own, along the order of the list, and by
//! looking at each row.

use diesel::{QueryableByName, RunQueryDsl, sql_types::BigInt};

use crate::store::{
    engine::connection::Db,
    error::StoreError,
    pagination::statement::{Bind, Conditions, Sql},
};

/// Up to how many rows are found first and then put in order.
pub(crate) const FEW: i64 = 2_000;

/// How the rows of a facet are found by an index.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The conditions in a form that enters the index.
    pub by: Conditions,
    /// Where they are counted: `FROM …`.
    pub counted_in: &'static str,
    /// By which conditions.
    pub counted_by: Conditions,
    /// What stands behind those: an order keeps Postgres to the index.
    pub ordered: &'static str,
    /// Plan the counting as if all rows were wanted. Postgres takes a text that it believes to be frequent for one that is
    /// met soon, and looks through the whole table for it.
    pub by_all: bool,
    /// Up to how many rows are few.
    pub few: i64,
}

impl Found {
    /// Rows of a table that are found and counted by the same conditions.
    pub(crate) fn of(table: &'static str, by: Conditions, ordered: &'static str) -> Self {
        Self {
            counted_by: by.clone(),
            by,
            counted_in: table,
            ordered,
            by_all: false,
            few: FEW,
        }
    }

    /// How many there are, up to a bound.
    pub(crate) fn count_to(&self, connection: &mut Db, bound: i64) -> Result<i64, StoreError> {
        let mut sql = Sql::new("SELECT COUNT(*) AS n FROM (");
        if self.by_all {
            sql.push("WITH found AS MATERIALIZED (");
        }
        sql.push("SELECT 1 AS one FROM ").push(self.counted_in);
        sql.filter(&self.counted_by, &mut true).push(self.ordered);
        if self.by_all {
            sql.push(") SELECT one FROM found");
        }
        sql.push(" LIMIT ").bind(bound).push(") counted");
        counted(connection, sql)
    }
}

/// One filter of a list.
#[derive(Clone, Debug)]
pub(crate) struct Facet {
    /// How an index finds its rows; none where no index does.
    pub found: Option<Found>,
    /// The conditions in a form that leaves the indexes to others: rows are looked at and passed over.
    pub passing: Conditions,
    /// How the order's own index is entered by it.
    pub walked: Walked,
}

/// What a facet says of the walk along the order.
#[derive(Clone, Debug)]
pub(crate) enum Walked {
    /// Nothing: the order passes over rows that do not fit.
    No,
    /// By these conditions an index is walked that holds no other rows.
    By(Conditions),
    /// The key's column begins here, and ends before there.
    Span(Option<Bind>, Option<Bind>),
}

impl Walked {
    /// Whether the order passes over rows that do not fit.
    pub(crate) fn is_no(&self) -> bool {
        matches!(self, Self::No)
    }
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The number that a statement counts as `n`.
pub(crate) fn counted(connection: &mut Db, sql: Sql) -> Result<i64, StoreError> {
    let counted: Counted = sql.query().get_result(connection)?;
    Ok(counted.n)
}
