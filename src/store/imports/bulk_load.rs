//! Bulk loading: without indexes and triggers, inserting a million rows takes a tenth of the time, and building them at the
//! end is cheap.

use diesel::{QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_types::Text};

use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::imports::catalogue::quoted;
use crate::store::pagination::filter::load_count;
use crate::store::pagination::statement::Sql;

/// A database with fewer accounts, and no session yet, is new: nobody is kept waiting by a long transaction.
const FEW_ACCOUNTS: i64 = 1_000;

/// The tables that are loaded.
const TABLES: &str = "('users', 'client_users', 'django_tokens')";

/// Sets the connection up for sorting more than fits in memory.
pub(super) fn prepare(connection: &mut Db) -> Result<(), StoreError> {
    let settings = match connection {
        Db::Sqlite(_) => "PRAGMA temp_store = FILE; PRAGMA cache_size = -8192; PRAGMA threads = 1",
        Db::Postgres(_) => "SET statement_timeout = 0",
    };
    Ok(connection.batch_execute(settings)?)
}

/// Lets SQLite write new pages to the database at once instead of first to the write-ahead log: a rollback journal has only
/// pages that were there before, so it stays small. While another process has the database open this is refused, and the
/// transaction uses the log. Until the end of the transaction no other process can open the database.
pub(super) fn use_rollback_journal(connection: &mut Db) {
    set_journal_mode(connection, "DELETE");
}

/// Undoes [`use_rollback_journal`]. If it cannot, the server does it when it opens the database.
pub(super) fn use_write_ahead_log(connection: &mut Db) {
    set_journal_mode(connection, "WAL");
}

fn set_journal_mode(connection: &mut Db, mode: &str) {
    if let Db::Sqlite(sqlite) = connection {
        // A refusal leaves the mode as it is, and both modes are correct.
        let _ = sqlite.batch_execute(&format!("PRAGMA journal_mode = {mode}"));
    }
}

/// Whether nobody has used the database yet, and the indexes may be dropped.
pub(super) fn is_new(connection: &mut Db) -> Result<bool, StoreError> {
    if let Db::Postgres(_) = connection {
        let foreign = format!(
            "SELECT COUNT(*) AS n FROM pg_tables WHERE schemaname = current_schema() AND tablename IN {TABLES} \
             AND NOT pg_has_role(tableowner, 'USAGE')"
        );
        if load_count(connection, Sql::new(&foreign))? > 0 {
            return Ok(false);
        }
    }
    let any_session = "SELECT COUNT(*) AS n FROM (SELECT 1 FROM sessions LIMIT 1) AS found";
    let accounts = format!(
        "SELECT COUNT(*) AS n FROM (SELECT id FROM users UNION ALL SELECT id FROM client_users LIMIT {FEW_ACCOUNTS}) AS found"
    );
    Ok(load_count(connection, Sql::new(any_session))? == 0
        && load_count(connection, Sql::new(&accounts))? < FEW_ACCOUNTS)
}

/// An index or trigger, and the statement that creates it.
#[derive(QueryableByName)]
struct Definition {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    statement: String,
}

/// Indexes and triggers that were dropped.
pub(super) struct DroppedIndexes(Vec<Definition>);

/// Drops all indexes and triggers of the tables, except the indexes of constraints; part of a transaction.
pub(super) fn drop_indexes(connection: &mut Db) -> Result<DroppedIndexes, StoreError> {
    let statement = match connection {
        Db::Sqlite(_) => format!(
            "SELECT type AS kind, name, sql AS statement FROM sqlite_master \
             WHERE tbl_name IN {TABLES} AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY rootpage"
        ),
        Db::Postgres(_) => format!(
            "SELECT 'index' AS kind, indexname::text AS name, indexdef AS statement FROM pg_indexes \
             WHERE schemaname = current_schema() AND tablename IN {TABLES} AND NOT EXISTS \
             (SELECT 1 FROM pg_constraint WHERE conname = indexname AND connamespace = current_schema()::regnamespace)"
        ),
    };
    let found: Vec<Definition> = diesel::sql_query(statement).load(connection)?;
    for Definition { kind, name, .. } in &found {
        connection.batch_execute(&format!("DROP {kind} {}", quoted(name)))?;
    }
    Ok(DroppedIndexes(found))
}

impl DroppedIndexes {
    /// Creates them again, and the search indexes of SQLite, which the triggers keep.
    pub(super) fn create_again(&self, connection: &mut Db) -> Result<(), StoreError> {
        if let Db::Sqlite(sqlite) = connection {
            // The sorts need the memory that the cache of the inserted rows has.
            sqlite.batch_execute(
                "PRAGMA shrink_memory; \
                 INSERT INTO users_search (users_search) VALUES ('rebuild'); \
                 INSERT INTO client_users_search (client_users_search) VALUES ('rebuild')",
            )?;
        }
        for definition in &self.0 {
            connection.batch_execute(&definition.statement)?;
        }
        Ok(())
    }
}
