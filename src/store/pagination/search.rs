//! Searching a part of a text, with the same results on both databases.
//!
//! Tables with a column `search_text` (see [`searchable`]) have a trigram index: FTS5 on SQLite, `pg_trgm` on Postgres.
//! Neither finds a part that is shorter than three characters: such a part is searched by examining rows.

use diesel::{QueryableByName, RunQueryDsl, sql_types::BigInt};

use crate::domain::text::{normalised, searchable};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::{Filter, IndexLookup, ScanCondition};
use crate::store::pagination::statement::{Bind, Conditions, Sql};

/// The escape character of the patterns.
const ESCAPE: char = '\\';
const LIKE: &str = "search_text LIKE ? ESCAPE '\\'";
/// The same in a form that no index can use.
const RESIDUAL_LIKE: &str = "search_text || '' LIKE ? ESCAPE '\\'";

/// A table with a `search_text` and its trigram index.
pub(crate) struct SearchIndex {
    /// The table.
    pub table: &'static str,
    /// SQLite's FTS5 table.
    pub fts_table: &'static str,
}

impl SearchIndex {
    /// The filter of rows whose `search_text` contains the typed text.
    pub(crate) fn filter(&self, connection: &Db, typed: &str) -> Filter {
        let pattern = || [Bind::from(pattern(typed))];
        let index = match connection {
            Db::Sqlite(_) => fts_phrase(typed).map(|phrase| {
                let table = self.fts_table;
                let matches = format!("{table} MATCH ?");
                let lookup = format!("id IN (SELECT rowid FROM {table} WHERE {matches})");
                IndexLookup {
                    count_from: table,
                    count_conditions: Conditions::one(matches, [phrase.as_str().into()]),
                    ..IndexLookup::new("", Conditions::one(lookup, [phrase.into()]))
                }
            }),
            Db::Postgres(_) => has_trigram(typed).then(|| IndexLookup {
                count_materialized: true,
                ..IndexLookup::new(self.table, Conditions::one(LIKE, pattern()))
            }),
        };
        Filter {
            index,
            residual: Conditions::one(RESIDUAL_LIKE, pattern()),
            scan: ScanCondition::Residual,
        }
    }
}

impl SearchIndex {
    /// The ids of a few rows whose `search_text` contains the typed text, the newest ones first as far as that is cheap;
    /// `None` if the text is too short for the index.
    ///
    /// On Postgres, the newest rows are examined first: the index collects all rows of a frequent text.
    pub(crate) fn first(
        &self,
        connection: &mut Db,
        typed: &str,
        newest: i64,
        limit: i64,
    ) -> Result<Option<Vec<i64>>, StoreError> {
        let Some(phrase) = fts_phrase(typed) else {
            return Ok(None);
        };
        let (table, pattern) = (self.table, Bind::from(pattern(typed)));
        let sql = match connection {
            Db::Sqlite(_) => {
                let fts = self.fts_table;
                let mut sql = Sql::new(&format!("SELECT rowid AS id FROM {fts} WHERE {fts} "));
                sql.push_with(
                    "MATCH ? ORDER BY rowid DESC LIMIT ?",
                    [phrase.into(), limit.into()],
                );
                sql
            }
            Db::Postgres(_) => {
                let mut recent = Sql::new("SELECT id FROM (SELECT id, search_text FROM ");
                recent.push(table).push_with(
                    " ORDER BY id DESC LIMIT ?) newest WHERE search_text LIKE ? ESCAPE '\\' LIMIT ?",
                    [newest.into(), pattern.clone(), limit.into()],
                );
                let found: Vec<IdRow> = recent.query().load(connection)?;
                let is_full = i64::try_from(found.len()).is_ok_and(|found| found >= limit);
                if is_full || !has_trigram(typed) {
                    return Ok(Some(found.into_iter().map(|row| row.id).collect()));
                }
                let mut sql = Sql::new("WITH matching AS MATERIALIZED (SELECT id FROM ");
                sql.push(table).push_with(
                    " WHERE search_text LIKE ? ESCAPE '\\') SELECT id FROM matching ORDER BY id DESC LIMIT ?",
                    [pattern, limit.into()],
                );
                sql
            }
        };
        let found: Vec<IdRow> = sql.query().load(connection)?;
        Ok(Some(found.into_iter().map(|row| row.id).collect()))
    }
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// The filter of rows that contain the typed text in one of these columns, which are in the normalised form.
pub(crate) fn in_columns(columns: &[&str], typed: &str) -> Filter {
    let like = |column: &&str| format!("{column} || '' LIKE ? ESCAPE '\\'");
    let any: Vec<String> = columns.iter().map(like).collect();
    let patterns = columns
        .iter()
        .map(|_| Bind::from(normalised_pattern(typed)));
    let condition = format!("({})", any.join(" OR "));
    Filter {
        index: None,
        residual: Conditions::one(condition, patterns.collect::<Vec<_>>()),
        scan: ScanCondition::Residual,
    }
}

/// A LIKE pattern for columns in the normalised form: "contains the typed text".
pub(crate) fn normalised_pattern(typed: &str) -> String {
    escaped(&normalised(typed))
}

/// A LIKE pattern: "contains this text".
pub(crate) fn contains_pattern(part: &str) -> String {
    escaped(part)
}

/// The same for a column `search_text`.
fn pattern(typed: &str) -> String {
    escaped(&searchable(&[typed]))
}

/// The FTS5 phrase that finds a part of a `search_text`; `None` if the part is too short for the index.
fn fts_phrase(typed: &str) -> Option<String> {
    let part = searchable(&[typed]);
    (part.chars().count() >= 3).then(|| format!("\"{}\"", part.replace('"', "\"\"")))
}

/// Whether `pg_trgm` can find a part of a `search_text`: it indexes only sequences of letters and digits.
fn has_trigram(typed: &str) -> bool {
    let part = searchable(&[typed]);
    let mut words = part.split(|c: char| !c.is_alphanumeric());
    words.any(|word| word.chars().count() >= 3)
}

fn escaped(part: &str) -> String {
    let mut pattern = String::from("%");
    for c in part.chars() {
        if matches!(c, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
