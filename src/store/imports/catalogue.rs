//! The tables and columns of the database of another program.

use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{Bool, Text},
};

use crate::store::engine::connection::Db;
use crate::store::error::StoreError;

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
}

impl Table {
    /// The column of this name, in lower or upper case.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        let exact = self.columns.iter().find(|column| column.name == name);
        let same = |column: &&Column| column.name.eq_ignore_ascii_case(name);
        exact.or_else(|| self.columns.iter().find(same))
    }

    /// The column of the primary key.
    #[must_use]
    pub fn key(&self) -> Option<&Column> {
        self.columns.iter().find(|column| column.is_key)
    }
}

/// A column.
#[derive(Clone, Debug, QueryableByName)]
pub struct Column {
    /// Its name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Its type, as declared.
    #[diesel(sql_type = Text)]
    pub declared: String,
    /// Whether it is in the primary key.
    #[diesel(sql_type = Bool)]
    pub is_key: bool,
}

impl Column {
    /// Whether it holds whole numbers.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        self.declared.to_ascii_lowercase().contains("int")
    }
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

/// A name in a statement.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The names of all tables.
///
/// # Errors
/// [`StoreError`].
pub fn tables(connection: &mut Db) -> Result<Vec<String>, StoreError> {
    let statement = match connection {
        Db::Postgres(_) => {
            "SELECT relname::text AS name FROM pg_class WHERE relkind IN ('r', 'p') AND pg_table_is_visible(oid) \
             AND relnamespace <> 'pg_catalog'::regnamespace ORDER BY relname"
        }
        Db::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
    };
    let rows: Vec<Named> = diesel::sql_query(statement).load(connection)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// A table; `None` if there is none of this name.
///
/// # Errors
/// [`StoreError`].
pub fn table(connection: &mut Db, name: &str) -> Result<Option<Table>, StoreError> {
    let (statement, given) = match connection {
        Db::Postgres(_) => (
            "SELECT attname::text AS name, format_type(atttypid, atttypmod) AS declared, EXISTS (SELECT 1 FROM pg_index \
             WHERE indrelid = attrelid AND indisprimary AND attnum = ANY (indkey)) AS is_key FROM pg_attribute \
             WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            quoted(name),
        ),
        Db::Sqlite(_) => (
            "SELECT name, type AS declared, pk > 0 AS is_key FROM pragma_table_info($1)",
            name.to_owned(),
        ),
    };
    let columns: Vec<Column> = diesel::sql_query(statement)
        .bind::<Text, _>(given)
        .load(connection)?;
    let name = name.to_owned();
    Ok((!columns.is_empty()).then_some(Table { name, columns }))
}

/// The table that a column references.
///
/// # Errors
/// [`StoreError`].
pub fn referenced_table(
    connection: &mut Db,
    table: &str,
    column: &str,
) -> Result<Option<String>, StoreError> {
    let (statement, given) = match connection {
        Db::Postgres(_) => (
            "SELECT f.relname::text AS name FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid \
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] \
             WHERE k.contype = 'f' AND k.conrelid = to_regclass($1) AND a.attname = $2",
            quoted(table),
        ),
        Db::Sqlite(_) => (
            "SELECT \"table\" AS name FROM pragma_foreign_key_list($1) WHERE \"from\" = $2",
            table.to_owned(),
        ),
    };
    let rows: Vec<Named> = diesel::sql_query(statement)
        .bind::<Text, _>(given)
        .bind::<Text, _>(column)
        .load(connection)?;
    Ok(rows.into_iter().next().map(|row| row.name))
}
