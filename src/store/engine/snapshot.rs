//! Copies of a SQLite database, and their check.

use std::path::Path;

use diesel::{QueryableByName, RunQueryDsl, sql_types::Text};

use crate::store::engine::connection::Db;
use crate::store::error::StoreError;

/// Copies a SQLite database, as it is when this begins, to a file that does not exist yet. Others may read and write
/// meanwhile. Deleted rows are not in the copy.
///
/// # Errors
/// [`StoreError`]; the copy may be incomplete then.
pub fn copy(connection: &mut Db, to: &Path) -> Result<(), StoreError> {
    let Db::Sqlite(sqlite) = connection else {
        return Err(StoreError::Query("only SQLite databases are copied".into()));
    };
    let to = to.to_str().ok_or_else(|| {
        StoreError::Query("the path of the copy contains characters that are not UTF-8".into())
    })?;
    diesel::sql_query("VACUUM INTO ?")
        .bind::<Text, _>(to)
        .execute(sqlite)?;
    Ok(())
}

/// What is wrong with the structure of a SQLite database; `None` if it is intact.
///
/// # Errors
/// [`StoreError`].
pub fn find_damage(connection: &mut Db) -> Result<Option<String>, StoreError> {
    #[derive(QueryableByName)]
    struct Finding {
        #[diesel(sql_type = Text)]
        integrity_check: String,
    }
    let Db::Sqlite(sqlite) = connection else {
        return Ok(None);
    };
    let findings: Vec<Finding> = diesel::sql_query("PRAGMA integrity_check(1)").load(sqlite)?;
    let first = findings.into_iter().next();
    let found = first.map(|finding| finding.integrity_check);
    Ok(found.filter(|found| found != "ok"))
}
