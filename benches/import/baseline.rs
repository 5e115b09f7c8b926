//! The rows that the import has written, written once more, into tables with nothing but their primary keys.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use munjigi::store::Db;

use crate::Result;
use crate::database::{Pair, connect};

/// Measures the bare writing.
pub fn measure(pair: &Pair) -> Result<Duration> {
    match connect(&pair.ours)? {
        Db::Postgres(mut postgres) => {
            let tables = ["users", "imported_accounts", "django_tokens"];
            tables.iter().map(|table| copy(&mut postgres, table)).sum()
        }
        Db::Sqlite(mut sqlite) => insert(&mut sqlite),
    }
}

/// `COPY` from a file of the server.
fn copy(connection: &mut PgConnection, table: &str) -> Result<Duration> {
    let file = format!("/tmp/munjigi_bench_{}_{table}", std::process::id());
    connection.batch_execute(&format!(
        "COPY {table} TO '{file}' WITH (FORMAT binary); CREATE TABLE bare_{table} (LIKE {table})"
    ))?;
    let start = Instant::now();
    connection.batch_execute(&format!(
        "COPY bare_{table} FROM '{file}' WITH (FORMAT binary)"
    ))?;
    let taken = start.elapsed();
    connection.batch_execute(&format!("COPY (SELECT 1) TO PROGRAM 'rm {file}'"))?;
    Ok(taken)
}

/// The number of rows that are read at once.
const PAGE: i64 = 32_000;
/// The number of rows of a prepared statement.
const ROWS: usize = 32;

/// Defines a table and its copy, whose rows are read in the order of `$key`, and the copying.
macro_rules! bare {
    ($module:ident, $table:ident, $bare:ident, $key:ident, $first:expr, { $($column:ident: $kind:ty = $type:ty,)+ }) => {
        mod $module {
            use super::*;
            diesel::table! { $table ($key) { $($column -> $kind,)+ } }
            diesel::table! { $bare ($key) { $($column -> $kind,)+ } }

            #[derive(Queryable, Insertable)]
            #[diesel(table_name = $bare, treat_none_as_default_value = false)]
            struct Row { $($column: $type,)+ }

            pub fn copy(connection: &mut SqliteConnection) -> Result<Duration> {
                let mut taken = Duration::ZERO;
                let mut after = $first;
                loop {
                    let rows: Vec<Row> = $table::table
                        .filter($table::$key.gt(&after))
                        .order($table::$key)
                        .limit(PAGE)
                        .load(connection)?;
                    let Some(last) = rows.last() else { return Ok(taken) };
                    after = last.$key.clone();
                    let start = Instant::now();
                    for chunk in rows.chunks(ROWS) {
                        let insert = diesel::insert_into($bare::table);
                        match <&[_; ROWS]>::try_from(chunk) {
                            Ok(full) => insert.values(full).execute(connection)?,
                            Err(_) => insert.values(chunk).execute(connection)?,
                        };
                    }
                    taken += start.elapsed();
                }
            }
        }
    };
}

bare!(user_rows, users, bare_users, id, 0_i64, {
    id: BigInt = i64,
    email: Nullable<Text> = Option<String>,
    email_normalized: Nullable<Text> = Option<String>,
    username: Nullable<Text> = Option<String>,
    username_normalized: Nullable<Text> = Option<String>,
    external_id: Nullable<Text> = Option<String>,
    name: Text = String,
    name_normalized: Text = String,
    role: Text = String,
    password_hash: Nullable<Text> = Option<String>,
    is_active: Bool = bool,
    last_login_at: Nullable<Text> = Option<String>,
    created_at: Text = String,
    updated_at: Text = String,
    search_text: Text = String,
    claims: Nullable<Text> = Option<String>,
});

bare!(field_rows, imported_accounts, bare_imported_accounts, user_seq, 0_i64, {
    user_type: Text = String,
    user_seq: BigInt = i64,
    source: Text = String,
    fields: Text = String,
    imported_at: Text = String,
});

bare!(token_rows, django_tokens, bare_django_tokens, jti, String::new(), {
    jti: Text = String,
    user_type: Text = String,
    user_seq: BigInt = i64,
    expires_at: Text = String,
    blacklisted_at: Nullable<Text> = Option<String>,
});

const BARE_TABLES: &str = "
CREATE TABLE bare_users (id INTEGER PRIMARY KEY, email TEXT, email_normalized TEXT, username TEXT, username_normalized TEXT,
    external_id TEXT, name TEXT, name_normalized TEXT, role TEXT, password_hash TEXT, is_active BOOLEAN,
    last_login_at TIMESTAMP, created_at TIMESTAMP, updated_at TIMESTAMP, search_text TEXT, claims TEXT);
CREATE TABLE bare_imported_accounts (user_type TEXT, user_seq BIGINT, source TEXT, fields TEXT, imported_at TIMESTAMP,
    PRIMARY KEY (user_type, user_seq)) WITHOUT ROWID;
CREATE TABLE bare_django_tokens (jti TEXT PRIMARY KEY, user_type TEXT, user_seq BIGINT, expires_at TIMESTAMP,
    blacklisted_at TIMESTAMP) WITHOUT ROWID;";

/// Prepared statements, in one transaction.
fn insert(connection: &mut SqliteConnection) -> Result<Duration> {
    connection.batch_execute(BARE_TABLES)?;
    connection.transaction(|connection| {
        let taken = user_rows::copy(connection)? + field_rows::copy(connection)?;
        let taken = taken + token_rows::copy(connection)?;
        Ok(taken)
    })
}
