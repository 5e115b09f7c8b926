//! The schema's history, embedded in the binary, and how a database is brought up to it. It shares its bookkeeping table
//! with diesel CLI, so each accepts what the other did.

use diesel::{
    QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    migration::{Migration, MigrationSource},
    sql_types::{BigInt, Text},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::{engine::connection::Db, error::StoreError};

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Why a database cannot be brought to this binary's schema.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database has migrations that this binary does not know.
    #[error(
        "the database's schema is newer than this munjigi: it has migration {0}, which this binary does not know. \
         Start the newer binary, or go back with the diesel CLI of that version"
    )]
    SchemaIsNewer(String),
    /// A migration left rows that point nowhere.
    #[error("after the migration, rows of {0} refer to rows that do not exist")]
    ForeignKeys(String),
    /// A migration failed; it was rolled back.
    #[error("the migration failed: {0}")]
    Failed(String),
}

impl MigrationError {
    fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<diesel::result::Error> for MigrationError {
    fn from(error: diesel::result::Error) -> Self {
        Self::failed(error)
    }
}

/// A migration and whether the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// Its directory's name.
    pub name: String,
    /// Whether it was run.
    pub applied: bool,
}

/// Runs what is missing, in order; gives the names of what was run. Instances that start together take turns.
pub fn migrate(connection: &mut Db) -> Result<Vec<String>, MigrationError> {
    in_turn(connection, |connection| {
        refuse_newer(connection)?;
        run(connection)
    })
}

/// Does this while no other instance does. Looking at the applied migrations makes their table where it is missing, so
/// that belongs into a turn as well. On SQLite statements wait for each other by themselves.
fn in_turn<T>(
    connection: &mut Db,
    work: impl FnOnce(&mut Db) -> Result<T, MigrationError>,
) -> Result<T, MigrationError> {
    // An arbitrary number that is this program's own.
    if let Db::Postgres(postgres) = connection {
        postgres.batch_execute("SELECT pg_advisory_lock(7271374)")?;
    }
    let done = work(connection)?;
    // After a failure the connection is dropped, and the lock with it.
    if let Db::Postgres(postgres) = connection {
        postgres.batch_execute("SELECT pg_advisory_unlock(7271374)")?;
    }
    Ok(done)
}

fn run(connection: &mut Db) -> Result<Vec<String>, MigrationError> {
    match connection {
        Db::Postgres(postgres) => run_pending(postgres, POSTGRES),
        Db::Sqlite(sqlite) => {
            // A table rebuilt with foreign keys on takes its child rows with it, and the pragma is ignored inside the
            // migration's own transaction: so it is off around the whole run, and the rows are checked afterwards.
            sqlite
                .batch_execute("PRAGMA foreign_keys = OFF")
                .map_err(MigrationError::failed)?;
            // One that starts beside this one waits here, and then finds nothing to run.
            let ran = sqlite.immediate_transaction(|sqlite| {
                let ran = run_pending(sqlite, SQLITE)?;
                let dangling: Vec<DanglingTable> =
                    diesel::sql_query("SELECT DISTINCT \"table\" FROM pragma_foreign_key_check")
                        .load(sqlite)?;
                match dangling.into_iter().next() {
                    Some(table) => Err(MigrationError::ForeignKeys(table.table)),
                    None => Ok(ran),
                }
            });
            sqlite
                .batch_execute("PRAGMA foreign_keys = ON")
                .map_err(MigrationError::failed)?;
            ran
        }
    }
}

#[derive(QueryableByName)]
struct DanglingTable {
    #[diesel(sql_type = Text)]
    table: String,
}

fn run_pending<DB: diesel::backend::Backend>(
    harness: &mut impl MigrationHarness<DB>,
    source: EmbeddedMigrations,
) -> Result<Vec<String>, MigrationError> {
    let pending = harness
        .pending_migrations(source)
        .map_err(MigrationError::failed)?;
    pending
        .iter()
        .map(|migration| {
            harness
                .run_migration(migration)
                .map_err(MigrationError::failed)?;
            Ok(migration.name().to_string())
        })
        .collect()
}

/// Every migration of this binary, in order, and whether the database has it. It writes nothing.
pub fn status(connection: &mut Db) -> Result<Vec<MigrationState>, MigrationError> {
    let applied = recorded_versions(connection).map_err(MigrationError::failed)?;
    Ok(states(known(connection)?, &applied))
}

/// The same for a SQLite file that does not exist yet: no migration was run.
pub fn status_without_file() -> Result<Vec<MigrationState>, MigrationError> {
    Ok(states(names::<diesel::sqlite::Sqlite>(&SQLITE)?, &[]))
}

fn states(known: Vec<(String, String)>, applied: &[String]) -> Vec<MigrationState> {
    let state = |(version, name)| MigrationState {
        applied: applied.contains(&version),
        name,
    };
    known.into_iter().map(state).collect()
}

/// How a database's schema stands to this binary's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has made any table yet.
    Empty,
    /// It lacks so many migrations.
    Behind(usize),
    /// It has a migration that this binary does not know, of this version.
    Ahead(String),
    /// It is the same.
    UpToDate,
}

/// How the schema stands. It writes nothing.
///
/// # Errors
/// The store's.
pub fn standing(connection: &mut Db) -> Result<Standing, StoreError> {
    let applied = recorded_versions(connection)?;
    let known = known(connection).map_err(|error| StoreError::Query(error.to_string()))?;
    let is_known = |applied: &&String| known.iter().any(|(version, _)| version == *applied);
    if applied.is_empty() {
        return Ok(Standing::Empty);
    }
    if let Some(newest) = applied.iter().find(|version| !is_known(version)) {
        return Ok(Standing::Ahead(newest.clone()));
    }
    match known.len().saturating_sub(applied.len()) {
        0 => Ok(Standing::UpToDate),
        lacking => Ok(Standing::Behind(lacking)),
    }
}

/// The versions of the migrations that were run, newest first; none if their table does not exist, and it is not created.
fn recorded_versions(connection: &mut Db) -> Result<Vec<String>, StoreError> {
    let table_exists = match connection {
        Db::Postgres(_) => {
            "SELECT COUNT(*) AS n FROM pg_class WHERE oid = to_regclass('__diesel_schema_migrations')"
        }
        Db::Sqlite(_) => {
            "SELECT COUNT(*) AS n FROM sqlite_master WHERE name = '__diesel_schema_migrations'"
        }
    };
    let found: Counted = diesel::sql_query(table_exists).get_result(connection)?;
    if found.n == 0 {
        return Ok(Vec::new());
    }
    let rows: Vec<Version> =
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version DESC")
            .load(connection)?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Refuses a database whose schema this binary does not know.
pub fn refuse_newer(connection: &mut Db) -> Result<(), MigrationError> {
    let applied = applied_versions(connection)?;
    let known = known(connection)?;
    match applied
        .into_iter()
        .filter(|version| known.iter().all(|(ours, _)| ours != version))
        .max()
    {
        Some(newest) => Err(MigrationError::SchemaIsNewer(newest)),
        None => Ok(()),
    }
}

fn applied_versions(connection: &mut Db) -> Result<Vec<String>, MigrationError> {
    let versions = match connection {
        Db::Postgres(postgres) => MigrationHarness::<diesel::pg::Pg>::applied_migrations(postgres),
        Db::Sqlite(sqlite) => {
            MigrationHarness::<diesel::sqlite::Sqlite>::applied_migrations(sqlite)
        }
    };
    Ok(versions
        .map_err(MigrationError::failed)?
        .iter()
        .map(ToString::to_string)
        .collect())
}

/// Version and name of each migration of this binary, in order.
fn known(connection: &Db) -> Result<Vec<(String, String)>, MigrationError> {
    match connection {
        Db::Postgres(_) => names::<diesel::pg::Pg>(&POSTGRES),
        Db::Sqlite(_) => names::<diesel::sqlite::Sqlite>(&SQLITE),
    }
}

fn names<DB: diesel::backend::Backend>(
    source: &EmbeddedMigrations,
) -> Result<Vec<(String, String)>, MigrationError> {
    let migrations: Vec<Box<dyn Migration<DB>>> =
        source.migrations().map_err(MigrationError::failed)?;
    let mut names: Vec<_> = migrations
        .iter()
        .map(|m| (m.name().version().to_string(), m.name().to_string()))
        .collect();
    names.sort();
    Ok(names)
}
