//! The migrations, embedded in the binary, and how they are applied. The table of applied migrations is that of the diesel
//! CLI, so either can continue where the other stopped.

use std::time::{Duration, Instant};

use diesel::{
    Connection as _, OptionalExtension, QueryDsl, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    migration::{Migration, MigrationSource},
    sql_types::{Bool, Text},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::load_count;
use crate::store::pagination::statement::Sql;
use crate::store::schema::schema_compatibility;

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
            Ok(names_of(run_pending(postgres, POSTGRES)?))
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
                    None => Ok(names_of(ran)),
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

/// A migration that was run, and how long it took.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The name of its directory.
    pub name: String,
    /// The time that its statements took.
    pub took: Duration,
}

fn names_of(ran: Vec<Ran>) -> Vec<String> {
    ran.into_iter().map(|ran| ran.name).collect()
}

/// Runs the pending migrations, and rolls them back. Meanwhile they lock what they would lock.
///
/// # Errors
/// [`MigrationError`].
pub fn rehearse(connection: &mut Db) -> Result<Vec<Ran>, MigrationError> {
    let mut ran = None;
    let roll_back = |done: Vec<Ran>, ran: &mut Option<Vec<Ran>>| {
        *ran = Some(done);
        Err::<(), _>(MigrationError::failed("it was rolled back"))
    };
    let ended = match connection {
        Db::Postgres(postgres) => {
            postgres.transaction(|postgres| roll_back(run_pending(postgres, POSTGRES)?, &mut ran))
        }
        Db::Sqlite(sqlite) => {
            // As in a real run.
            sqlite.batch_execute("PRAGMA foreign_keys = OFF")?;
            let ended = sqlite
                .immediate_transaction(|sqlite| roll_back(run_pending(sqlite, SQLITE)?, &mut ran));
            sqlite.batch_execute("PRAGMA foreign_keys = ON")?;
            ended
        }
    };
    match (ran, ended) {
        (None, Err(error)) => Err(error),
        (ran, _) => Ok(ran.unwrap_or_default()),
    }
}

/// How many other connections use the database; none on SQLite.
///
/// # Errors
/// [`StoreError`].
pub fn other_connections(connection: &mut Db) -> Result<i64, StoreError> {
    if let Db::Sqlite(_) = connection {
        return Ok(0);
    }
    let others = "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() \
        AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    load_count(connection, Sql::new(others))
}

fn run_pending<DB: diesel::backend::Backend>(
    harness: &mut impl MigrationHarness<DB>,
    source: EmbeddedMigrations,
) -> Result<Vec<Ran>, MigrationError> {
    let pending = harness
        .pending_migrations(source)
        .map_err(MigrationError::failed)?;
    pending
        .iter()
        .map(|migration| {
            let began = Instant::now();
            harness
                .run_migration(migration)
                .map_err(MigrationError::failed)?;
            Ok(Ran {
                name: migration.name().to_string(),
                took: began.elapsed(),
            })
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
    /// The same, or a later one on which this binary works.
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
    let newest = applied.iter().find(|version| !is_known(version));
    let is_pending = |version: &String| !applied.contains(version);
    let pending = known
        .iter()
        .filter(|(version, _)| is_pending(version))
        .count();
    Ok(match (newest, pending) {
        (None, 0) => SchemaStatus::UpToDate,
        (None, pending) => SchemaStatus::Behind(pending),
        (Some(_), 0) if works_here(connection)? => SchemaStatus::UpToDate,
        (Some(newest), _) => SchemaStatus::Ahead(newest.clone()),
    })
}

/// Whether this version works on a schema that has all migrations of this version, and later ones.
fn works_here(connection: &mut Db) -> Result<bool, StoreError> {
    let number = |version: &str| -> Option<Vec<u32>> {
        let parts = version.split('.').map(str::parse);
        parts.collect::<Result<_, _>>().ok()
    };
    let oldest = oldest_version(connection)?.and_then(|version| number(&version));
    let own = number(env!("CARGO_PKG_VERSION"));
    Ok(oldest.zip(own).is_some_and(|(oldest, own)| oldest <= own))
}

/// The oldest version of the program that works on the schema, as its migrations say; `None` if they do not.
///
/// # Errors
/// [`StoreError`].
pub fn oldest_version(connection: &mut Db) -> Result<Option<String>, StoreError> {
    Ok(schema_compatibility::table
        .find(1_i64)
        .select(schema_compatibility::oldest_version)
        .get_result(connection)
        .optional()?)
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
