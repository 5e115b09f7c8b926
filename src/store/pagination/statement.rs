//! SQL statements that are composed at run time. Their text comes only from this program; user input is always bound.

use std::fmt::Write as _;

use diesel::{
    query_builder::{BoxedSqlQuery, SqlQuery},
    sql_types,
};

use crate::clock::Timestamp;
use crate::store::engine::connection::MultiBackend;

/// A bound value.
#[derive(Clone, Debug)]
pub(crate) enum Bind {
    Text(String),
    Number(i64),
    Time(Timestamp),
    Bool(bool),
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
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// A statement that diesel can run.
pub(crate) type Boxed = BoxedSqlQuery<'static, MultiBackend, SqlQuery>;

/// A statement under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sql {
    text: String,
    binds: Vec<Bind>,
}

impl Sql {
    /// Begins a statement with this text.
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            binds: Vec::new(),
        }
    }

    /// Adds text, which must come from this program.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a bound value.
    pub(crate) fn bind(&mut self, value: impl Into<Bind>) -> &mut Self {
        self.binds.push(value.into());
        // Both databases accept `$n`.
        let _ = write!(self.text, "${}", self.binds.len());
        self
    }

    /// Adds conditions with `WHERE` or `AND`. `is_first` says whether they are the first ones, and is set to `false`.
    pub(crate) fn filter(&mut self, conditions: &Conditions, is_first: &mut bool) -> &mut Self {
        for fragment in &conditions.0 {
            self.also(is_first).push("(").append(fragment).push(")");
        }
        self
    }

    /// Adds `WHERE` or `AND` before a condition.
    pub(crate) fn also(&mut self, is_first: &mut bool) -> &mut Self {
        self.push(if std::mem::take(is_first) {
            " WHERE "
        } else {
            " AND "
        })
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

    /// Converts it into a statement that diesel can run.
    pub(crate) fn query(self) -> Boxed {
        let mut query = diesel::sql_query(self.text).into_boxed::<MultiBackend>();
        for bind in self.binds {
            query = match bind {
                Bind::Text(text) => query.bind::<sql_types::Text, _>(text),
                Bind::Number(number) => query.bind::<sql_types::BigInt, _>(number),
                Bind::Time(time) => query.bind::<sql_types::Timestamp, _>(time),
                Bind::Bool(value) => query.bind::<sql_types::Bool, _>(value),
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

/// Conditions of which all must hold. A value in a condition is written as `?`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions(Vec<Fragment>);

impl Conditions {
    /// Adds a condition with one value for each `?`.
    pub(crate) fn and<const N: usize>(
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

    /// A single condition.
    pub(crate) fn one<const N: usize>(condition: &'static str, values: [Bind; N]) -> Self {
        let mut conditions = Self::default();
        conditions.and(condition, values);
        conditions
    }
}
