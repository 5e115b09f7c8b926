//! The migrations, embedded in the binary, and how they are applied. The table of applied migrations is that of the diesel
//! CLI, so either can continue where the other stopped.

use diesel::{
    Connection as _, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    migration::{Migration, MigrationSource},
    sql_types::{Bool, Text},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::load_count;
use crate::store::pagination::statement::Sql;

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Why a database cannot be migrated to the schema of this binary.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database has a migration that this binary does not contain.
    #[error(
        "the schema of the database is newer than this munjigi: it has migration {0}, which this binary does not contain. \
         Start the newer binary, or revert the migration with the diesel CLI"
    )]
    SchemaIsNewer(String),
    /// The migration left rows with dangling foreign keys.
    #[error("after the migration, rows of {0} reference rows that do not exist")]
    ForeignKeys(String),
    /// Migrations are missing, and the role may not run them.
    #[error(
        "the schema lacks {missing} migrations, and the role {role} may not create or change its tables: run \
         `munjigi migrate` as the role that owns them"
    )]
    MayNotMigrate {
        /// The number of missing migrations.
        missing: usize,
        /// The role of the connection.
        role: String,
    },
    /// It is not known which migrations have been applied.
    #[error("the table of the applied migrations cannot be read: {0}")]
    Unreadable(StoreError),
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

impl From<StoreError> for MigrationError {
    fn from(error: StoreError) -> Self {
        Self::Unreadable(error)
    }
}

/// A migration, and whether it has been applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// The name of its directory.
    pub name: String,
    /// Whether it has been applied.
    pub applied: bool,
}

/// Applies the pending migrations in order and returns their names. If none is pending, it only reads, which a role that may
/// not create tables can do as well.
///
/// # Errors
/// [`MigrationError`]; the database is unchanged then.
pub fn migrate(connection: &mut Db) -> Result<Vec<String>, MigrationError> {
    let missing = match schema_status(connection)? {
        SchemaStatus::UpToDate => return Ok(Vec::new()),
        SchemaStatus::Ahead(newest) => return Err(MigrationError::SchemaIsNewer(newest)),
        SchemaStatus::Behind(missing) => missing,
        SchemaStatus::Empty => known(connection)?.len(),
    };
    check_privileges(connection, missing)?;
    run(connection)
}

/// Whether the role may create tables and owns those that exist.
fn check_privileges(connection: &mut Db, missing: usize) -> Result<(), MigrationError> {
    #[derive(QueryableByName)]
    struct Privileges {
        #[diesel(sql_type = Text)]
        role: String,
        #[diesel(sql_type = Bool)]
        may_migrate: bool,
    }
    let Db::Postgres(postgres) = connection else {
        return Ok(());
    };
    let statement = "SELECT current_user::text AS role, \
        COALESCE(has_schema_privilege(current_schema(), 'CREATE'), FALSE) AND NOT EXISTS (\
            SELECT 1 FROM pg_tables WHERE schemaname = current_schema() \
            AND tablename = '__diesel_schema_migrations' AND NOT pg_has_role(tableowner, 'USAGE')\
        ) AS may_migrate";
    let found: Privileges = diesel::sql_query(statement).get_result(postgres)?;
    if found.may_migrate {
        return Ok(());
    }
    let role = found.role;
    Err(MigrationError::MayNotMigrate { missing, role })
}

/// Runs the pending migrations in one transaction. Instances that start together take turns.
fn run(connection: &mut Db) -> Result<Vec<String>, MigrationError> {
    match connection {
        Db::Postgres(_) => connection.transaction(|connection| {
            // An arbitrary number that no other program uses. The lock ends with the transaction.
            connection.batch_execute("SELECT pg_advisory_xact_lock(7271374)")?;
            // A newer version may have held the lock before.
            if let SchemaStatus::Ahead(newest) = schema_status(connection)? {
                return Err(MigrationError::SchemaIsNewer(newest));
            }
            let Db::Postgres(postgres) = connection else {
                return Ok(Vec::new());
            };
            run_pending(postgres, POSTGRES)
        }),
        Db::Sqlite(sqlite) => {
            // Rebuilding a table with foreign keys on would delete its child rows, and the pragma has no effect inside the
            // transaction of the migration: so it is off for the whole run, and the rows are checked afterwards.
            sqlite.batch_execute("PRAGMA foreign_keys = OFF")?;
            // An instance that starts at the same time waits here, and then finds nothing to run.
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
            sqlite.batch_execute("PRAGMA foreign_keys = ON")?;
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

/// All migrations of this binary, in order, and whether they have been applied. It writes nothing.
///
/// # Errors
/// [`MigrationError::Failed`].
pub fn status(connection: &mut Db) -> Result<Vec<MigrationState>, MigrationError> {
    let applied = recorded_versions(connection)?;
    Ok(states(known(connection)?, &applied))
}

/// As [`status`], for a SQLite file that does not exist yet: no migration has been applied.
///
/// # Errors
/// [`MigrationError::Failed`].
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

/// The schema of a database compared to that of this binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaStatus {
    /// There are no tables yet.
    Empty,
    /// This many migrations are pending.
    Behind(usize),
    /// The database has the migration of this version, which this binary does not contain.
    Ahead(String),
    /// The same.
    UpToDate,
}

/// Compares the schema of the database. It writes nothing.
///
/// # Errors
/// [`StoreError`].
pub fn schema_status(connection: &mut Db) -> Result<SchemaStatus, StoreError> {
    let applied = recorded_versions(connection)?;
    let known = known(connection).map_err(|error| StoreError::Query(error.to_string()))?;
    let is_known = |applied: &&String| known.iter().any(|(version, _)| version == *applied);
    if applied.is_empty() {
        return Ok(SchemaStatus::Empty);
    }
    if let Some(newest) = applied.iter().find(|version| !is_known(version)) {
        return Ok(SchemaStatus::Ahead(newest.clone()));
    }
    match known.len().saturating_sub(applied.len()) {
        0 => Ok(SchemaStatus::UpToDate),
        pending => Ok(SchemaStatus::Behind(pending)),
    }
}

/// The versions of the applied migrations, newest first; none if their table does not exist, which is not created.
fn recorded_versions(connection: &mut Db) -> Result<Vec<String>, StoreError> {
    let count_tables = match connection {
        Db::Postgres(_) => {
            "SELECT COUNT(*) AS n FROM pg_class WHERE oid = to_regclass('__diesel_schema_migrations')"
        }
        Db::Sqlite(_) => {
            "SELECT COUNT(*) AS n FROM sqlite_master WHERE name = '__diesel_schema_migrations'"
        }
    };
    if load_count(connection, Sql::new(count_tables))? == 0 {
        return Ok(Vec::new());
    }
    let rows: Vec<Version> =
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version DESC")
            .load(connection)?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

/// The version and the name of each migration of this binary, in order.
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
