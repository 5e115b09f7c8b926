//! What a database must be to be used: checked at the start, and by `munjigi check`.

use diesel::{
    Connection as _, QueryableByName, RunQueryDsl, SqliteConnection,
    result::Error as DieselError,
    sql_types::{Bool, Integer, Text},
};

use crate::store::engine::connection::{Db, Target};
use crate::store::engine::file_access::{Unwritable, find_unwritable};
use crate::store::error::StoreError;

/// How often the server process behind a connection is compared.
const COMPARISONS: u32 = 3;

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnusableDatabase {
    /// Its encoding lacks characters.
    #[error(
        "its encoding is {0}, which cannot store every name: create the database with ENCODING 'UTF8' TEMPLATE template0"
    )]
    Encoding(String),
    /// A pooler gives the statements of one connection to different server processes.
    #[error(
        "a connection pooler in transaction mode is in front of it, in which prepared statements and LISTEN do not work: \
         use session mode, or connect to Postgres directly"
    )]
    TransactionPooling,
    /// No transaction can begin, as behind a pooler in statement mode.
    #[error("no transaction can begin on it (a connection pooler must be in session mode): {0}")]
    NoTransaction(StoreError),
    /// A file cannot be written to.
    #[error("{0}")]
    File(Unwritable),
    /// The file cannot be written for another reason.
    #[error("it cannot be written: {0}")]
    Unwritable(StoreError),
    /// It only accepts reads.
    #[error(
        "it only accepts reads: it is a standby, or read-only by default (default_transaction_read_only)"
    )]
    ReadOnly,
    /// It could not be checked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<diesel::result::Error> for UnusableDatabase {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What is known of a Postgres database.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct PostgresState {
    /// Its encoding, such as `UTF8`.
    #[diesel(sql_type = Text)]
    pub encoding: String,
    /// Whether new connections can write.
    #[diesel(sql_type = Bool)]
    pub accepts_writes: bool,
    /// Whether searches can use an index.
    #[diesel(sql_type = Bool)]
    pub has_search_indexes: bool,
}

impl PostgresState {
    /// Reads it; `None` on SQLite. It does not depend on whether this connection can write.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read(connection: &mut Db) -> Result<Option<Self>, StoreError> {
        let Db::Postgres(postgres) = connection else {
            return Ok(None);
        };
        // `reset_val` is what a new connection has.
        let statement = "SELECT current_setting('server_encoding') AS encoding, \
            NOT pg_is_in_recovery() AND (SELECT reset_val = 'off' FROM pg_settings \
                WHERE name = 'default_transaction_read_only') AS accepts_writes, \
            (to_regclass('users_search') IS NOT NULL AND to_regclass('client_users_search') IS NOT NULL \
                AND to_regclass('audit_events_search') IS NOT NULL) AS has_search_indexes";
        Ok(Some(diesel::sql_query(statement).get_result(postgres)?))
    }

    /// Whether every text can be stored. `SQL_ASCII` stores all bytes as they are.
    #[must_use]
    pub fn stores_every_text(&self) -> bool {
        matches!(self.encoding.as_str(), "UTF8" | "SQL_ASCII")
    }
}

/// Checks before the first connection that the files of a SQLite database can be written to.
///
/// # Errors
/// [`UnusableDatabase::File`].
pub fn check_files(target: &Target) -> Result<(), UnusableDatabase> {
    match target {
        Target::Sqlite { path, .. } => {
            find_unwritable(path).map_or(Ok(()), |file| Err(UnusableDatabase::File(file)))
        }
        Target::Postgres { .. } => Ok(()),
    }
}

/// Checks that the database stores every text and accepts writes.
///
/// # Errors
/// [`UnusableDatabase`].
pub fn check_usable(connection: &mut Db) -> Result<(), UnusableDatabase> {
    if let Db::Sqlite(sqlite) = connection {
        return check_write(sqlite);
    }
    let Some(state) = PostgresState::read(connection)? else {
        return Ok(());
    };
    if !state.stores_every_text() {
        return Err(UnusableDatabase::Encoding(state.encoding));
    }
    if !state.accepts_writes {
        return Err(UnusableDatabase::ReadOnly);
    }
    Ok(())
}

/// Writes to the file, and takes it back.
fn check_write(sqlite: &mut SqliteConnection) -> Result<(), UnusableDatabase> {
    let result = sqlite.immediate_transaction::<(), DieselError, _>(|sqlite| {
        diesel::sql_query("PRAGMA user_version = 0").execute(sqlite)?;
        Err(DieselError::RollbackTransaction)
    });
    match result {
        Ok(()) | Err(DieselError::RollbackTransaction) => Ok(()),
        // Another process is writing.
        Err(DieselError::DatabaseError(_, info)) if info.message().contains("locked") => Ok(()),
        Err(error) => Err(UnusableDatabase::Unwritable(error.into())),
    }
}

/// Checks that each connection has a server process of its own.
///
/// In transaction mode a pooler gives a server process to a connection for one transaction. Two connections that are open
/// at the same time then get the same one, or one connection gets different ones.
///
/// # Errors
/// [`UnusableDatabase`].
pub fn check_pooling(target: &Target, connection: &mut Db) -> Result<(), UnusableDatabase> {
    if !matches!(connection, Db::Postgres(_)) {
        return Ok(());
    }
    let mut other = target.connect().map_err(StoreError::unavailable)?;
    let own = server_process(connection)?;
    for _ in 0..COMPARISONS {
        if server_process(&mut other)? == own || server_process(connection)? != own {
            return Err(UnusableDatabase::TransactionPooling);
        }
    }
    Ok(())
}

/// The server process behind a connection. In a transaction, because a pooler may give the two steps of a statement to
/// different processes otherwise.
fn server_process(connection: &mut Db) -> Result<i32, UnusableDatabase> {
    #[derive(QueryableByName)]
    struct Process {
        #[diesel(sql_type = Integer)]
        id: i32,
    }
    let process = connection.transaction(|connection| {
        diesel::sql_query("SELECT pg_backend_pid() AS id").get_result::<Process>(connection)
    });
    process
        .map(|process| process.id)
        .map_err(|error| UnusableDatabase::NoTransaction(error.into()))
}
