//! One connection type over both databases, and how one is opened: by the kind that the configuration names.
//!
//! The derive's own `establish` is never used: it tries each backend in turn, so that a mistyped Postgres URL silently
//! opens a SQLite file.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{
    Connection as _, ConnectionError, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection, r2d2::ManageConnection, sql_types::Timestamp as SqlTimestamp,
};

use crate::{clock::Timestamp, store::error::StoreError};

pub use multi::{Db, MultiBackend};

mod multi {
    /// A connection to either database. Most queries are written once against it; where the two must differ, a store
    /// function matches on the arm.
    #[derive(diesel::MultiConnection)]
    pub enum Db {
        /// Postgres.
        Postgres(diesel::PgConnection),
        /// The embedded SQLite.
        Sqlite(diesel::SqliteConnection),
    }
}

impl Db {
    /// Postgres's own clock, which may be another machine's; none on SQLite, which has none.
    pub fn clock(&mut self) -> Result<Option<Timestamp>, StoreError> {
        #[derive(QueryableByName)]
        struct Now {
            #[diesel(sql_type = SqlTimestamp)]
            now: Timestamp,
        }
        let Self::Postgres(postgres) = self else {
            return Ok(None);
        };
        let now: Now = diesel::sql_query("SELECT clock_timestamp() AT TIME ZONE 'UTC' AS now")
            .get_result(postgres)?;
        Ok(Some(now.now))
    }
}

/// Where the database is and how its connections are set up.
#[derive(Clone)]
pub enum Target {
    /// A SQLite file.
    Sqlite {
        /// The file.
        path: PathBuf,
        /// How long a statement waits for another process's lock.
        busy_timeout: Duration,
    },
    /// A Postgres server.
    Postgres {
        /// The connection URL; it may hold a password, so it is shown to nobody.
        url: String,
    },
}

impl Target {
    /// Opens a connection that cannot write, and makes no file: none where there is none.
    pub fn open_read_only(&self) -> Result<Option<Db>, ConnectionError> {
        let (path, busy_timeout) = match self {
            Self::Sqlite { path, busy_timeout } => (path, busy_timeout),
            Self::Postgres { url } => {
                let mut connection = PgConnection::establish(url)?;
                connection
                    .batch_execute("SET default_transaction_read_only = on")
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                return Ok(Some(Db::Postgres(connection)));
            }
        };
        let is_there = path
            .try_exists()
            .map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
        if !is_there {
            return Ok(None);
        }
        // The path as an address, in which signs of any kind can stand.
        let address = std::path::absolute(path)
            .ok()
            .and_then(|path| url::Url::from_file_path(path).ok())
            .ok_or_else(|| {
                ConnectionError::InvalidConnectionUrl("the path has no address".into())
            })?;
        // Not "ro": such a connection leaves the files of the write-ahead log behind.
        let mut connection = open_query_only(&format!("{address}?mode=rw"), *busy_timeout)?;
        // In a directory that cannot be written the files of the log cannot be created. If there is no log, no process has
        // the database open, so the file does not change while it is read.
        let mut log = path.clone().into_os_string();
        log.push("-wal");
        let can_read = connection.batch_execute("SELECT 1 FROM sqlite_master");
        if can_read.is_err() && !PathBuf::from(log).exists() {
            let immutable = format!("{address}?mode=ro&immutable=1");
            connection = open_query_only(&immutable, *busy_timeout)?;
        }
        Ok(Some(Db::Sqlite(connection)))
    }

    /// Opens a connection that may write.
    pub fn connect(&self) -> Result<Db, ConnectionError> {
        match self {
            Self::Postgres { url } => PgConnection::establish(url).map(Db::Postgres),
            Self::Sqlite { path, busy_timeout } => {
                let mut connection = SqliteConnection::establish(&path.to_string_lossy())?;
                // FULL: a revocation that was answered must survive a power cut. The writer's group commit makes it free.
                let pragmas = format!(
                    "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
                    busy_timeout.as_millis()
                );
                connection
                    .batch_execute(&pragmas)
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Db::Sqlite(connection))
            }
        }
    }
}

fn open_query_only(
    address: &str,
    busy_timeout: Duration,
) -> Result<SqliteConnection, ConnectionError> {
    let mut connection = SqliteConnection::establish(address)?;
    let pragmas = format!(
        "PRAGMA busy_timeout = {}; PRAGMA query_only = ON;",
        busy_timeout.as_millis()
    );
    connection
        .batch_execute(&pragmas)
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// A connection of the pool, and what is known of its health.
pub struct Pooled {
    /// The connection.
    pub connection: Db,
    /// Set when a statement failed and the connection no longer answers: it must not go back into the pool.
    pub broken: bool,
    /// How many deaths of connections were known when this one last gave a sign of life.
    deaths_known: u64,
    last_used: Instant,
}

/// How long a connection may lie in the pool before it is asked for a sign of life. Asking each time would cost a fifth of
/// the speed; never asking would give the first requests after a quiet night to connections that a firewall cut.
const TRUSTED_FOR: Duration = Duration::from_secs(2);

/// Opens the pool's connections. On SQLite they only read: all writes go through the writer.
#[derive(Clone)]
pub struct Manager {
    target: Target,
    read_only: bool,
    deaths: Arc<AtomicU64>,
}

impl Manager {
    pub fn new(target: Target) -> Self {
        Self {
            target,
            read_only: false,
            deaths: Arc::default(),
        }
    }

    /// One whose connections are opened with [`Target::open_read_only`].
    pub fn read_only(target: Target) -> Self {
        Self {
            read_only: true,
            ..Self::new(target)
        }
    }

    fn open(&self) -> Result<Db, ConnectionError> {
        if !self.read_only {
            return self.target.connect();
        }
        let found = self.target.open_read_only()?;
        found.ok_or_else(|| ConnectionError::BadConnection("there is no database".into()))
    }

    /// Whether a connection that was just taken from the pool can be relied on. Once one has died the others are
    /// suspects too: they are asked before they are used.
    pub fn is_sound(&self, pooled: &mut Pooled) -> bool {
        let deaths = self.deaths.load(Ordering::Relaxed);
        if pooled.deaths_known != deaths || pooled.last_used.elapsed() > TRUSTED_FOR {
            pooled.broken = ping(&mut pooled.connection).is_err();
            pooled.deaths_known = deaths;
        }
        pooled.last_used = Instant::now();
        !pooled.broken
    }

    /// Asks a connection whose statement failed whether it is still alive; a dead one leaves the pool.
    pub fn examine(&self, pooled: &mut Pooled) -> bool {
        pooled.broken = ping(&mut pooled.connection).is_err();
        if pooled.broken {
            self.deaths.fetch_add(1, Ordering::Relaxed);
        }
        !pooled.broken
    }
}

impl ManageConnection for Manager {
    type Connection = Pooled;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Pooled, diesel::r2d2::Error> {
        let deaths_known = self.deaths.load(Ordering::Relaxed);
        let mut connection = self.open().map_err(diesel::r2d2::Error::ConnectionError)?;
        if let Db::Sqlite(sqlite) = &mut connection {
            sqlite
                .batch_execute("PRAGMA query_only = ON")
                .map_err(diesel::r2d2::Error::QueryError)?;
        }
        Ok(Pooled {
            connection,
            broken: false,
            deaths_known,
            last_used: Instant::now(),
        })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), diesel::r2d2::Error> {
        ping(&mut pooled.connection).map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        use diesel::r2d2::R2D2Connection;
        pooled.broken || std::thread::panicking() || pooled.connection.is_broken()
    }
}

/// Asks the database for a sign of life.
pub fn ping(connection: &mut Db) -> diesel::QueryResult<()> {
    connection.batch_execute("SELECT 1")
}
