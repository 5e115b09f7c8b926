//! SQL statements that are composed at run time. Their text comes only from this program; user input is always bound.

use std::fmt::Write as _;

use diesel::{
    QueryableByName,
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

macro_rules! bind_from {
    ($($type:ty => $variant:ident),+) => {
        $(impl From<$type> for Bind {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        })+
    };
}

bind_from!(String => Text, &str => Text, i64 => Number, Timestamp => Time, bool => Bool);

/// A statement that diesel can run.
pub(crate) type Boxed = BoxedSqlQuery<'static, MultiBackend, SqlQuery>;

/// A row that such a statement returns.
pub(crate) trait Row: QueryableByName<MultiBackend> + Send + 'static {}

impl<R: QueryableByName<MultiBackend> + Send + 'static> Row for R {}

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

    /// Adds text in which each `?` stands for one of the values.
    pub(crate) fn push_with(
        &mut self,
        text: &str,
        values: impl IntoIterator<Item = Bind>,
    ) -> &mut Self {
        let mut parts = text.split('?');
        self.push(parts.next().unwrap_or_default());
        for (value, part) in values.into_iter().zip(parts) {
            self.bind(value).push(part);
        }
        self
    }

    /// Adds conditions with `WHERE` or `AND`. `is_first` says whether they are the first ones, and is set to `false`.
    pub(crate) fn filter(&mut self, conditions: &Conditions, is_first: &mut bool) -> &mut Self {
        for (condition, values) in &conditions.0 {
            self.also(is_first).push("(");
            self.push_with(condition, values.clone()).push(")");
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

/// Conditions of which all must hold, each with its values. A value in a condition is written as `?`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions(Vec<(String, Vec<Bind>)>);

impl Conditions {
    /// Adds a condition, whose text must come from this program, with one value for each `?`.
    pub(crate) fn and(
        &mut self,
        condition: impl Into<String>,
        values: impl IntoIterator<Item = Bind>,
    ) {
        let (condition, values) = (condition.into(), Vec::from_iter(values));
        debug_assert_eq!(condition.matches('?').count(), values.len());
        self.0.push((condition, values));
    }

    /// A single condition.
    pub(crate) fn one(
        condition: impl Into<String>,
        values: impl IntoIterator<Item = Bind>,
    ) -> Self {
        let mut conditions = Self::default();
        conditions.and(condition, values);
        conditions
    }
}
