//! The panel's lists: filters that are put together at run time, and pages that are found by where they begin and not by
//! how many rows stand before them, so that the last page of a million rows is as quick as the first.
//!
//! A list is walked along one key: a column (or an expression that is never NULL) and, between equals, the row's id. An
//! index over both is what makes it quick. How many rows there are is counted up to a bound only.
//!
//! Only texts of this program go into a statement; whatever somebody typed is bound.

use std::fmt::Write as _;

use diesel::{
    RunQueryDsl,
    query_builder::{BoxedSqlQuery, SqlQuery},
    query_dsl::LoadQuery,
    sql_types,
};

use super::{Db, connection::MultiBackend, error::StoreError};
use crate::{
    clock::Timestamp,
    domain::paging::{Count, Seek, Slice},
};

/// A value that is bound to a statement.
#[derive(Clone, Debug)]
pub(super) enum Bind {
    Text(String),
    Number(i64),
    Time(Timestamp),
    Truth(bool),
}

impl From<String> for Bind {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Bind {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Bind {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Timestamp> for Bind {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl From<bool> for Bind {
    fn from(truth: bool) -> Self {
        Self::Truth(truth)
    }
}

type Boxed = BoxedSqlQuery<'static, MultiBackend, SqlQuery>;

/// A statement under construction.
#[derive(Clone, Debug, Default)]
pub(super) struct Sql {
    text: String,
    binds: Vec<Bind>,
}

impl Sql {
    /// A statement that begins with this text.
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            binds: Vec::new(),
        }
    }

    /// Adds text of this program.
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a value, bound.
    pub(super) fn bind(&mut self, value: impl Into<Bind>) -> &mut Self {
        self.binds.push(value.into());
        // `$n` is understood by both databases.
        let _ = write!(self.text, "${}", self.binds.len());
        self
    }

    fn append(&mut self, other: &Fragment) -> &mut Self {
        for piece in &other.0 {
            match piece {
                Piece::Text(text) => self.push(text),
                Piece::Bind(value) => self.bind(value.clone()),
            };
        }
        self
    }

    /// The statement as diesel runs it.
    pub(super) fn query(self) -> Boxed {
        let mut query = diesel::sql_query(self.text).into_boxed::<MultiBackend>();
        for bind in self.binds {
            query = match bind {
                Bind::Text(text) => query.bind::<sql_types::Text, _>(text),
                Bind::Number(number) => query.bind::<sql_types::BigInt, _>(number),
                Bind::Time(time) => query.bind::<sql_types::Timestamp, _>(time),
                Bind::Truth(truth) => query.bind::<sql_types::Bool, _>(truth),
            };
        }
        query
    }
}

#[derive(Clone, Debug)]
enum Piece {
    Text(&'static str),
    Bind(Bind),
}

/// A part of a WHERE clause.
#[derive(Clone, Debug, Default)]
struct Fragment(Vec<Piece>);

/// The conditions of a list, all of which must hold. Write a condition's value as `?`.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions(Vec<Fragment>);

impl Conditions {
    /// Adds a condition with its values, one for each `?`.
    pub(super) fn and<const N: usize>(
        &mut self,
        condition: &'static str,
        values: [Bind; N],
    ) -> &mut Self {
        debug_assert_eq!(condition.matches('?').count(), N);
        let mut fragment = Fragment::default();
        let mut values = values.into_iter();
        let mut texts = condition.split('?');
        if let Some(text) = texts.next() {
            fragment.0.push(Piece::Text(text));
        }
        for text in texts {
            fragment.0.extend(values.next().map(Piece::Bind));
            fragment.0.push(Piece::Text(text));
        }
        self.0.push(fragment);
        self
    }

    /// Whether every row fits.
    pub(super) fn are_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn push_onto(&self, sql: &mut Sql) {
        for (at, fragment) in self.0.iter().enumerate() {
            sql.push(if at == 0 { " WHERE (" } else { " AND (" });
            sql.append(fragment);
            sql.push(")");
        }
    }
}

/// The key along which a list is walked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    /// The column that decides first; it or its expression is never NULL, and it stands in an index with `id`.
    pub column: &'static str,
    /// The column that decides between equals; the same one where it decides alone.
    pub id: &'static str,
    /// Greatest first.
    pub descending: bool,
}

/// What a list is made from.
pub(super) struct Listing {
    /// The columns: `SELECT …`.
    pub select: &'static str,
    /// The tables: `FROM …`.
    pub from: &'static str,
    /// Conditions that may use any index: they find few rows quickly.
    pub narrow: Conditions,
    /// The same conditions in a form that leaves the indexes to the order: they pass most of the rows that are walked.
    pub broad: Conditions,
    /// The order.
    pub key: Key,
    /// How far is counted.
    pub count_to: i64,
}

#[derive(diesel::QueryableByName)]
struct Counted {
    #[diesel(sql_type = sql_types::BigInt)]
    n: i64,
}

impl Listing {
    /// How many rows there are, up to the bound.
    pub(super) fn count(&self, connection: &mut Db) -> Result<Count, StoreError> {
        let mut sql = Sql::new("SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM ");
        sql.push(self.from);
        self.narrow.push_onto(&mut sql);
        sql.push(" LIMIT ")
            .bind(self.count_to + 1)
            .push(") counted");
        let counted: Counted = sql.query().get_result(connection)?;
        Ok(Count {
            rows: counted.n.min(self.count_to),
            more: counted.n > self.count_to,
        })
    }

    /// The page that `seek` names, with how many rows there are in all.
    pub(super) fn page<R>(
        &self,
        connection: &mut Db,
        seek: &Seek<(Bind, Bind)>,
        size: i64,
    ) -> Result<Slice<R>, StoreError>
    where
        R: Send + 'static,
        Boxed: LoadQuery<'static, Db, R>,
    {
        let count = self.count(connection)?;
        // Many rows fit: walking the order's index meets a page of them soon. Few: they are found first and then ordered.
        let few = !count.more;
        let backwards = matches!(seek, Seek::Before(_) | Seek::Last);
        let mut sql = self.statement(seek, few, backwards);
        sql.push(" LIMIT ").bind(size + 1);
        let mut items: Vec<R> = sql.query().load(connection)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let beyond = items.len() > size;
        items.truncate(size);
        if backwards {
            items.reverse();
        }
        let (has_previous, has_next) = match seek {
            Seek::First => (false, beyond),
            Seek::Last => (beyond, false),
            Seek::After(_) => (true, beyond),
            Seek::Before(_) => (beyond, true),
        };
        Ok(Slice {
            items,
            has_previous,
            has_next,
            count,
        })
    }

    /// The next rows after a place, or the first ones, for whoever reads the whole list: nothing is counted.
    pub(super) fn batch<R>(
        &self,
        connection: &mut Db,
        after: Option<(Bind, Bind)>,
        size: i64,
    ) -> Result<Vec<R>, StoreError>
    where
        R: Send + 'static,
        Boxed: LoadQuery<'static, Db, R>,
    {
        let seek = after.map_or(Seek::First, Seek::After);
        let mut sql = self.statement(&seek, false, false);
        sql.push(" LIMIT ").bind(size);
        Ok(sql.query().load(connection)?)
    }

    fn statement(&self, seek: &Seek<(Bind, Bind)>, few: bool, backwards: bool) -> Sql {
        let Key {
            column,
            id,
            descending,
        } = self.key;
        let down = descending != backwards;
        let mut sql = Sql::default();
        let mut has_where = false;
        if few {
            sql.push("WITH few AS MATERIALIZED (SELECT ").push(id);
            sql.push(" AS few_id FROM ").push(self.from);
            self.narrow.push_onto(&mut sql);
            sql.push(") SELECT ").push(self.select);
            sql.push(" FROM ").push(self.from);
            sql.push(" WHERE ").push(id);
            sql.push(" IN (SELECT few_id FROM few)");
            has_where = true;
        } else {
            sql.push("SELECT ").push(self.select);
            sql.push(" FROM ").push(self.from);
            self.broad.push_onto(&mut sql);
            has_where |= !self.broad.are_empty();
        }
        if let Seek::After((value, row)) | Seek::Before((value, row)) = seek {
            let (reach, beyond) = if down { ("<=", "<") } else { (">=", ">") };
            sql.push(if has_where { " AND " } else { " WHERE " });
            // The first half is what an index is entered by.
            sql.push(column).push(reach).bind(value.clone());
            sql.push(" AND (").push(column).push(beyond);
            sql.bind(value.clone()).push(" OR ").push(id);
            sql.push(beyond).bind(row.clone()).push(")");
        }
        let direction = if down { " DESC" } else { " ASC" };
        sql.push(" ORDER BY ").push(column).push(direction);
        if column != id {
            sql.push(", ").push(id).push(direction);
        }
        sql
    }
}
