//! The key along which a list is walked, and the places in it.

use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Text, Timestamp as SqlTimestamp},
};

use crate::{
    clock::Timestamp,
    domain::paging::{Cursor, Seek},
    store::{
        engine::connection::Db,
        error::StoreError,
        pagination::statement::{Bind, Sql},
    },
};

/// What a key's column and its id are, in this order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Values {
    Numbers,
    Texts,
    TextAndNumber,
    TimeAndNumber,
    TimeAndText,
}

/// The key along which a list is walked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// The column that decides first; it or its expression is never NULL, and it stands in an index with `id`.
    pub column: &'static str,
    /// The column that decides between equals; the same one where it decides alone.
    pub id: &'static str,
    /// What they are.
    pub values: Values,
    /// Greatest first.
    pub descending: bool,
}

impl Key {
    /// `SELECT` the values of a key.
    pub(crate) fn select(self) -> Sql {
        let mut sql = Sql::new("SELECT ");
        sql.push(self.column).push(" AS value, ");
        sql.push(self.id).push(" AS id");
        sql
    }
}

/// A place in a list: the values of its key.
pub(crate) type At = (Bind, Bind);

/// A part of the order that is looked at.
pub(crate) struct Stretch<'a> {
    /// From where on.
    pub seek: &'a Seek<At>,
    /// The last row; none where it goes to the end.
    pub edge: Option<&'a At>,
    /// Whether it is read from great to small.
    pub down: bool,
}

/// A place as an address carries it.
pub(crate) fn place((value, id): At) -> Cursor {
    let text = |bind: Bind| match bind {
        Bind::Text(text) => text,
        Bind::Number(number) => number.to_string(),
        Bind::Time(at) => at.unix_micros().to_string(),
        Bind::Truth(truth) => truth.to_string(),
    };
    Cursor {
        value: text(value),
        id: text(id),
    }
}

macro_rules! loaded {
    ($connection:expr, $query:expr, $value_type:ident, $value:ident, $id_type:ident, $id:ident) => {{
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = $value_type)]
            value: $value,
            #[diesel(sql_type = $id_type)]
            id: $id,
        }
        let rows: Vec<Row> = $query.load($connection)?;
        rows.into_iter()
            .map(|row| (Bind::from(row.value), Bind::from(row.id)))
            .collect::<Vec<At>>()
    }};
}

/// The last of the first so many places of a statement; none where there are not more of them.
pub(crate) fn load_last_of(
    connection: &mut Db,
    mut sql: Sql,
    key: Key,
    length: i64,
) -> Result<Option<At>, StoreError> {
    sql.push(" LIMIT 2 OFFSET ").bind((length - 1).max(0));
    let query = sql.query();
    let two = match key.values {
        Values::Numbers => loaded!(connection, query, BigInt, i64, BigInt, i64),
        Values::Texts => loaded!(connection, query, Text, String, Text, String),
        Values::TextAndNumber => loaded!(connection, query, Text, String, BigInt, i64),
        Values::TimeAndNumber => loaded!(connection, query, SqlTimestamp, Timestamp, BigInt, i64),
        Values::TimeAndText => loaded!(connection, query, SqlTimestamp, Timestamp, Text, String),
    };
    let has_more = two.len() > 1;
    Ok(two.into_iter().next().filter(|_| has_more))
}

/// Adds the order of a key.
pub(crate) fn push_order(sql: &mut Sql, key: Key, down: bool) {
    let direction = if down { " DESC" } else { " ASC" };
    sql.push(" ORDER BY ").push(key.column).push(direction);
    if key.column != key.id {
        sql.push(", ").push(key.id).push(direction);
    }
}

/// What comes after the place from which one reads.
pub(crate) fn push_seek(sql: &mut Sql, is_first: &mut bool, key: Key, stretch: &Stretch) {
    if let Seek::After(at) | Seek::Before(at) = stretch.seek {
        let signs = if stretch.down {
            ["<=", "<", "<"]
        } else {
            [">=", ">", ">"]
        };
        push_side(sql, is_first, key, at, signs);
    }
}

/// What comes not after this row.
pub(crate) fn push_edge(sql: &mut Sql, is_first: &mut bool, key: Key, at: &At, down: bool) {
    let signs = if down {
        [">=", ">", ">="]
    } else {
        ["<=", "<", "<="]
    };
    push_side(sql, is_first, key, at, signs);
}

/// The span of a key's column, from here and to before there. A bound is entered by the index where nothing narrower is:
/// SQLite enters it by one of them only, whichever comes first.
pub(crate) fn push_span(
    sql: &mut Sql,
    is_first: &mut bool,
    key: Key,
    stretch: &Stretch,
    [from, before]: [&Option<Bind>; 2],
) {
    let seeks = matches!(stretch.seek, Seek::After(_) | Seek::Before(_));
    let ends = stretch.edge.is_some();
    let (is_narrower_from, is_narrower_before) = if stretch.down {
        (ends, seeks)
    } else {
        (seeks, ends)
    };
    for (bound, sign, is_narrower) in [
        (from, " >= ", is_narrower_from),
        (before, " < ", is_narrower_before),
    ] {
        let Some(value) = bound else {
            continue;
        };
        sql.also(is_first);
        if is_narrower {
            sql.push("COALESCE(").push(key.column).push(", ");
            sql.push(key.column).push(")");
        } else {
            sql.push(key.column);
        }
        sql.push(sign).bind(value.clone());
    }
}

fn push_side(
    sql: &mut Sql,
    is_first: &mut bool,
    key: Key,
    (value, row): &At,
    [reach, beyond, of_equals]: [&str; 3],
) {
    sql.also(is_first);
    if key.column == key.id {
        sql.push(key.id).push(of_equals).bind(row.clone());
        return;
    }
    // The first half is what an index is entered by.
    sql.push(key.column).push(reach).bind(value.clone());
    sql.push(" AND (").push(key.column).push(beyond);
    sql.bind(value.clone()).push(" OR ").push(key.id);
    sql.push(of_equals).bind(row.clone()).push(")");
}
