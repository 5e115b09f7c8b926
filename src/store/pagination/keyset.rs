//! Sort keys, cursors and scan ranges, and their SQL.

use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Bool, Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::domain::paging::{Cursor, Seek};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::statement::{Bind, Sql};

/// The types of a key's column and id.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyTypes {
    Numbers,
    Texts,
    TextAndNumber,
    TimeAndNumber,
    TimeAndText,
    BoolAndNumber,
}

/// The key that a list is sorted by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SortKey {
    /// The column, or an expression, that is sorted by first. It is never NULL, and an index contains it with `id`.
    pub column: &'static str,
    /// The column that decides between equal values; the same column if its values are unique.
    pub id: &'static str,
    /// The types of both.
    pub types: KeyTypes,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

impl SortKey {
    /// `SELECT` of the key of a row.
    pub(crate) fn select(self) -> Sql {
        Sql::new(&format!(
            "SELECT {} AS value, {} AS id",
            self.column, self.id
        ))
    }
}

/// The key of a row: the value of the column, and the id.
pub(crate) type KeyValues = (Bind, Bind);

/// The part of a list that one statement reads.
pub(crate) struct ScanRange<'a> {
    /// Where it begins.
    pub seek: &'a Seek<KeyValues>,
    /// The key of the last row to examine; `None` to read to the end.
    pub bound: Option<&'a KeyValues>,
    /// Whether it is read in descending order.
    pub descending: bool,
}

/// The cursor of a row, as used in URLs.
pub(crate) fn cursor((value, id): KeyValues) -> Cursor {
    let text = |bind: Bind| match bind {
        Bind::Text(text) => text,
        Bind::Number(number) => number.to_string(),
        Bind::Time(at) => at.unix_micros().to_string(),
        Bind::Bool(value) => value.to_string(),
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
            .collect::<Vec<KeyValues>>()
    }};
}

/// The key of row number `length` of a statement, counted from 1; `None` if there are no rows after it.
pub(crate) fn load_nth(
    connection: &mut Db,
    mut sql: Sql,
    key: SortKey,
    length: i64,
) -> Result<Option<KeyValues>, StoreError> {
    sql.push(" LIMIT 2 OFFSET ").bind((length - 1).max(0));
    let query = sql.query();
    let two = match key.types {
        KeyTypes::Numbers => loaded!(connection, query, BigInt, i64, BigInt, i64),
        KeyTypes::Texts => loaded!(connection, query, Text, String, Text, String),
        KeyTypes::TextAndNumber => loaded!(connection, query, Text, String, BigInt, i64),
        KeyTypes::TimeAndNumber => loaded!(connection, query, SqlTimestamp, Timestamp, BigInt, i64),
        KeyTypes::TimeAndText => loaded!(connection, query, SqlTimestamp, Timestamp, Text, String),
        KeyTypes::BoolAndNumber => loaded!(connection, query, Bool, bool, BigInt, i64),
    };
    let has_more = two.len() > 1;
    Ok(two.into_iter().next().filter(|_| has_more))
}

/// Adds `ORDER BY` the key.
pub(crate) fn push_order(sql: &mut Sql, key: SortKey, descending: bool) {
    let direction = if descending { " DESC" } else { " ASC" };
    sql.push(" ORDER BY ").push(key.column).push(direction);
    if key.column != key.id {
        sql.push(", ").push(key.id).push(direction);
    }
}

/// Adds the condition that rows come after the beginning of the range, in the direction of reading.
pub(crate) fn push_seek(sql: &mut Sql, is_first: &mut bool, key: SortKey, range: &ScanRange) {
    if let Seek::After(at) | Seek::Before(at) = range.seek {
        let sign = if range.descending { "<" } else { ">" };
        push_side(sql, is_first, key, at, sign, "");
    }
}

/// Adds the condition that rows do not come after the row with this key.
pub(crate) fn push_bound(
    sql: &mut Sql,
    is_first: &mut bool,
    key: SortKey,
    at: &KeyValues,
    descending: bool,
) {
    let sign = if descending { ">" } else { "<" };
    push_side(sql, is_first, key, at, sign, "=");
}

/// Adds the conditions of [`ScanCondition::KeyRange`](crate::store::pagination::filter::ScanCondition::KeyRange).
///
/// SQLite uses only one lower and one upper bound of an index, the first that it finds. Where the beginning or the end
/// of the scan range is the narrower bound, this one is written in a form that no index can use.
pub(crate) fn push_key_range(
    sql: &mut Sql,
    is_first: &mut bool,
    key: SortKey,
    range: &ScanRange,
    [from, before]: [&Option<Bind>; 2],
) {
    let seeks = matches!(range.seek, Seek::After(_) | Seek::Before(_));
    let ends = range.bound.is_some();
    let (is_narrower_from, is_narrower_before) = if range.descending {
        (ends, seeks)
    } else {
        (seeks, ends)
    };
    for (bound, sign, is_narrower) in [
        (from, ">=", is_narrower_from),
        (before, "<", is_narrower_before),
    ] {
        let Some(value) = bound else {
            continue;
        };
        let column = key.column;
        let text = if is_narrower {
            format!("COALESCE({column}, {column}) {sign} ?")
        } else {
            format!("{column} {sign} ?")
        };
        sql.also(is_first).push_with(&text, [value.clone()]);
    }
}

/// Adds the condition that rows are on one side of the row with this key, or with `or_equal` as `=` that row itself.
fn push_side(
    sql: &mut Sql,
    is_first: &mut bool,
    key: SortKey,
    (value, row): &KeyValues,
    sign: &str,
    or_equal: &str,
) {
    let SortKey { column, id, .. } = key;
    sql.also(is_first);
    if column == id {
        sql.push_with(&format!("{id} {sign}{or_equal} ?"), [row.clone()]);
    } else {
        // An index is used by the first part.
        let text = format!("{column} {sign}= ? AND ({column} {sign} ? OR {id} {sign}{or_equal} ?)");
        sql.push_with(&text, [value.clone(), value.clone(), row.clone()]);
    }
}
