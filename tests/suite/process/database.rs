//! A database for one test, and direct SQL on it.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection, sql_query, sql_types::Text,
};

/// The server on which each test creates its database, if the tests run on Postgres.
fn server_url() -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "selects the database of the test run"
    )]
    std::env::var("TEST_DATABASE_URL").ok()
}

/// Whether the tests run on Postgres.
pub fn on_postgres() -> bool {
    server_url().is_some()
}

/// The database of a test.
pub enum Database {
    /// A file in a temporary directory.
    Sqlite(PathBuf),
    /// A database that is dropped with this value.
    Postgres {
        /// The URL of the maintenance database of the server.
        server: String,
        /// The name of the test database.
        name: String,
    },
}

#[derive(QueryableByName)]
struct Cell {
    #[diesel(sql_type = Text)]
    cell: String,
}

impl Database {
    /// An empty Postgres database if the tests run on Postgres; else a SQLite file at this path, which is not created yet.
    pub fn fresh(file: &Path) -> Self {
        match server_url() {
            Some(server) => Self::on_server(server),
            None => Self::Sqlite(file.to_owned()),
        }
    }

    /// Creates an empty database on this server.
    pub fn on_server(server: String) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("process_{}_{number}", std::process::id());
        let mut connection = PgConnection::establish(&server).expect("TEST_DATABASE_URL");
        connection
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .unwrap();
        Self::Postgres { server, name }
    }

    /// The URL to configure.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite://{}", file.display()),
            Self::Postgres { server, name } => {
                let (start, _) = server.rsplit_once('/').unwrap();
                format!("{start}/{name}")
            }
        }
    }

    /// Runs a statement on the Postgres server, in its maintenance database. `%` stands for the name of this database.
    pub fn execute_on_server(&self, sql: &str) {
        let Self::Postgres { server, name } = self else {
            panic!("SQLite has no server");
        };
        postgres(server)
            .batch_execute(&sql.replace('%', name))
            .unwrap();
    }

    /// Runs statements.
    pub fn execute(&self, sql: &str) {
        match self {
            Self::Sqlite(file) => sqlite(file).batch_execute(sql).unwrap(),
            Self::Postgres { .. } => postgres(&self.url()).batch_execute(sql).unwrap(),
        }
    }

    /// The values of a text column.
    pub fn texts(&self, column: &str, table: &str) -> Vec<String> {
        let query = sql_query(format!("SELECT {column} AS cell FROM {table}"));
        let cells: Vec<Cell> = match self {
            Self::Sqlite(file) => query.load(&mut sqlite(file)).unwrap(),
            Self::Postgres { .. } => query.load(&mut postgres(&self.url())).unwrap(),
        };
        cells.into_iter().map(|row| row.cell).collect()
    }
}

fn sqlite(file: &Path) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    connection
        .batch_execute("PRAGMA busy_timeout = 5000")
        .unwrap();
    connection
}

fn postgres(url: &str) -> PgConnection {
    PgConnection::establish(url).unwrap()
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres { server, name } = self
            && let Ok(mut connection) = PgConnection::establish(server)
        {
            // The server may still be closing connections.
            let _ =
                connection.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}
