//! One connection type for both databases, and how connections are opened.
//!
//! The derived `establish` is never used: it tries each backend in turn, so that a mistyped Postgres URL silently opens a
//! SQLite file.

use std::{path::PathBuf, time::Duration};

use diesel::{
    Connection as _, ConnectionError, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    dsl::sql,
    result::Error::DatabaseError,
    sql_types::{BigInt, Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::config::database::without_passwords;
use crate::store::engine::file_access::with_suffix;
use crate::store::error::StoreError;

/// The name in `pg_stat_activity` of a connection that reads revocation events.
pub(crate) const FEED_NAME: &str = "munjigi revocations";

pub use multi::{Db, MultiBackend};

mod multi {
    /// A connection to either database. Most queries are written once for both; where they must differ, a store function
    /// matches on the variant.
    #[derive(diesel::MultiConnection)]
    pub enum Db {
        /// Postgres.
        Postgres(diesel::PgConnection),
        /// The embedded SQLite.
        Sqlite(diesel::SqliteConnection),
    }
}

/// Runs a statement on the connection of either database, as `each!(connection, sqlite_or_postgres => …)`. diesel keeps it
/// prepared by its type there. A statement on [`Db`] is found by its text, which is written for each call: a third of the time of
/// a rotation on SQLite.
macro_rules! each {
    ($connection:expr, $each:ident => $run:expr) => {
        match $connection {
            $crate::store::engine::connection::Db::Postgres($each) => $run,
            $crate::store::engine::connection::Db::Sqlite($each) => $run,
        }
    };
}
pub(crate) use each;

impl Db {
    /// The time of the Postgres server, which may run on another machine; `None` on SQLite.
    pub fn clock(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let Self::Postgres(postgres) = self else {
            return Ok(None);
        };
        let now = sql::<SqlTimestamp>("clock_timestamp() AT TIME ZONE 'UTC'");
        Ok(Some(diesel::select(now).get_result(postgres)?))
    }

    /// SQLite: lets the commits of this connection return before they are on the disk, which a later commit on another
    /// connection, or [`Store::sync`](crate::store::Store::sync), waits for. For work that can be done
    /// again after a power failure.
    pub fn defer_sync(&mut self) -> Result<(), StoreError> {
        if let Self::Sqlite(sqlite) = self {
            sqlite.batch_execute("PRAGMA synchronous = NORMAL")?;
        }
        Ok(())
    }
}

/// How a store is opened.
#[derive(Clone)]
pub struct StoreSettings {
    /// The database.
    pub target: Target,
    /// Postgres: the number of connections. SQLite: the limit on the reading threads of each kind.
    pub pool_size: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
}

/// Where the database is, and how its connections are set up.
#[derive(Clone)]
pub enum Target {
    /// A SQLite file.
    Sqlite {
        /// The file.
        path: PathBuf,
        /// How long a statement waits for a lock of another process.
        busy_timeout: Duration,
    },
    /// A Postgres server.
    Postgres {
        /// The connection URL. It may contain a password, so it is never logged or shown.
        url: String,
    },
}

impl Target {
    /// Opens a connection that cannot write. Creates no file: `None` when the SQLite file does not exist.
    pub fn open_read_only(&self) -> Result<Option<Db>, ConnectionError> {
        let (path, busy_timeout) = match self {
            Self::Sqlite { path, busy_timeout } => (path, busy_timeout),
            Self::Postgres { url } => {
                let mut connection = connect_to_postgres(url)?;
                connection
                    .batch_execute("SET default_transaction_read_only = on")
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                return Ok(Some(Db::Postgres(connection)));
            }
        };
        let exists = path
            .try_exists()
            .map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
        if !exists {
            return Ok(None);
        }
        // As a URL, in which special characters of the path are escaped.
        let url = std::path::absolute(path)
            .ok()
            .and_then(|path| url::Url::from_file_path(path).ok())
            .ok_or_else(|| {
                ConnectionError::InvalidConnectionUrl("the path cannot be written as a URL".into())
            })?;
        // Not "ro": such a connection does not remove the files of the write-ahead log when it is closed.
        let mut connection = open_query_only(&format!("{url}?mode=rw"), *busy_timeout)?;
        // In a directory that cannot be written the files of the log cannot be created. If there is no log, no process has
        // the database open, so the file does not change while it is read.
        let can_read = connection.batch_execute("SELECT 1 FROM sqlite_master");
        if can_read.is_err() && !with_suffix(path, "-wal").exists() {
            let immutable = format!("{url}?mode=ro&immutable=1");
            connection = open_query_only(&immutable, *busy_timeout)?;
        }
        Ok(Some(Db::Sqlite(connection)))
    }

    /// Opens a connection that can write.
    pub fn connect(&self) -> Result<Db, ConnectionError> {
        match self {
            Self::Postgres { url } => connect_to_postgres(url).map(Db::Postgres),
            Self::Sqlite { path, busy_timeout } => {
                let mut connection = SqliteConnection::establish(&path.to_string_lossy())?;
                // FULL: a revocation that was answered must survive a power failure. The group commit of the writer makes it cheap.
                let pragmas = format!(
                    "PRAGMA busy_timeout = {}; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
                    busy_timeout.as_millis()
                );
                connection
                    .batch_execute(&pragmas)
                    .and_then(|()| enable_wal(&mut connection, *busy_timeout))
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Db::Sqlite(connection))
            }
        }
    }
}

/// libpq repeats parts of a URL that it cannot parse or resolve, so its message is masked.
fn connect_to_postgres(url: &str) -> Result<PgConnection, ConnectionError> {
    PgConnection::establish(url)
        .map_err(|error| ConnectionError::BadConnection(without_passwords(url, &error.to_string())))
}

/// Switches to the write-ahead log. A switch needs an exclusive lock for which SQLite does not wait by itself, so processes
/// that open a new file at the same time try again until `busy_timeout` is over.
fn enable_wal(
    connection: &mut SqliteConnection,
    busy_timeout: Duration,
) -> diesel::QueryResult<()> {
    const PAUSE: Duration = Duration::from_millis(10);
    let mut waited = Duration::ZERO;
    loop {
        match connection.batch_execute("PRAGMA journal_mode = WAL") {
            Err(DatabaseError(_, error))
                if error.message().contains("locked") && waited < busy_timeout =>
            {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
            result => return result,
        }
    }
}

fn open_query_only(url: &str, busy_timeout: Duration) -> Result<SqliteConnection, ConnectionError> {
    let mut connection = SqliteConnection::establish(url)?;
    let pragmas = format!(
        "PRAGMA busy_timeout = {}; PRAGMA query_only = ON;",
        busy_timeout.as_millis()
    );
    connection
        .batch_execute(&pragmas)
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Whether the database accepts writes on this connection. A Postgres server that is a standby, or whose primary role another
/// server has taken over, only accepts reads.
pub(super) fn accepts_writes(connection: &mut Db) -> diesel::QueryResult<bool> {
    let Db::Postgres(postgres) = connection else {
        return ping(connection).map(|()| true);
    };
    let is_read_only: String =
        diesel::select(current_setting("transaction_read_only")).get_result(postgres)?;
    Ok(is_read_only == "off")
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// The value of a setting of Postgres.
    fn current_setting(name: Text) -> Text;
}

/// Checks that the database answers on this connection.
pub fn ping(connection: &mut Db) -> diesel::QueryResult<()> {
    connection.batch_execute("SELECT 1")
}

/// A number that changes when another connection, of this process or another, has committed; `None` when it cannot be
/// read.
pub(crate) fn data_version(connection: &mut SqliteConnection) -> Option<i64> {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = BigInt)]
        data_version: i64,
    }
    let version: Version = diesel::sql_query("PRAGMA data_version")
        .get_result(connection)
        .ok()?;
    Some(version.data_version)
}
