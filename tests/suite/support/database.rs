//! The database of a test: a copy of a migrated SQLite file, or a Postgres database created from a migrated template.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use diesel::{Connection, PgConnection, RunQueryDsl, connection::SimpleConnection, sql_query};
use munjigi::{
    config::Database,
    store::{Target, engine::migrations},
};
use tempfile::TempDir;

/// `TEST_DATABASE_URL`: the URL of a Postgres superuser, if the suite runs on Postgres.
#[expect(
    clippy::disallowed_methods,
    reason = "a setting of the tests, not of the server"
)]
fn server_url() -> Option<String> {
    std::env::var("TEST_DATABASE_URL")
        .ok()
        .filter(|url| !url.is_empty())
}

/// Whether this run of the suite uses Postgres.
pub fn on_postgres() -> bool {
    server_url().is_some()
}

/// A database that is deleted when this value is dropped.
pub enum TestDatabase {
    /// The directory that contains the database file.
    Sqlite(TempDir),
    /// The name of the database on the server.
    Postgres(String),
}

impl TestDatabase {
    /// A migrated database without rows.
    pub fn migrated() -> Self {
        let database = Self::reserved();
        match &database {
            Self::Sqlite(_) => std::fs::write(database.file(), sqlite_template()).unwrap(),
            Self::Postgres(name) => create(name, Some(postgres_template())),
        }
        database
    }

    /// A database without tables.
    pub fn empty() -> Self {
        let database = Self::reserved();
        if let Self::Postgres(name) = &database {
            create(name, None);
        }
        database
    }

    fn reserved() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if on_postgres() {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            Self::Postgres(format!("munjigi_test_{}_{number}", std::process::id()))
        } else {
            Self::Sqlite(tempfile::tempdir().unwrap())
        }
    }

    fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite(directory) => directory.path().join("munjigi.db"),
            Self::Postgres(_) => unreachable!("a Postgres database has no file"),
        }
    }

    /// The location of the database as a configuration value.
    pub fn address(&self) -> Database {
        match self {
            Self::Sqlite(_) => Database::Sqlite(self.file()),
            Self::Postgres(name) => Database::Postgres(url_of(name)),
        }
    }

    /// The location of the database for the store.
    pub fn target(&self) -> Target {
        match self.address() {
            Database::Sqlite(path) => Target::Sqlite {
                path,
                busy_timeout: Duration::from_secs(5),
            },
            Database::Postgres(url) => Target::Postgres { url },
        }
    }

    /// Drops a Postgres database and disconnects its clients. Does nothing on SQLite.
    pub fn drop_with_force(&self) {
        if let Self::Postgres(name) = self {
            on_server(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.drop_with_force();
    }
}

/// The URL of another database on the same server.
fn url_of(name: &str) -> String {
    let mut url = url::Url::parse(&server_url().unwrap()).unwrap();
    url.set_path(name);
    url.to_string()
}

/// Executes a statement as the superuser.
fn on_server(statement: &str) {
    let mut server = PgConnection::establish(&server_url().unwrap())
        .expect("cannot connect to the Postgres server of TEST_DATABASE_URL");
    server.batch_execute(statement).unwrap();
}

fn create(name: &str, template: Option<&str>) {
    let template = template.unwrap_or("template0");
    on_server(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
}

/// The contents of a migrated SQLite file.
fn sqlite_template() -> &'static [u8] {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let database = TestDatabase::empty();
        let mut connection = database.target().connect().unwrap();
        migrations::migrate(&mut connection).unwrap();
        // Closing the last connection checkpoints the WAL into the file.
        drop(connection);
        std::fs::read(database.file()).unwrap()
    })
}

/// The name of a migrated Postgres database. It stays on the server for the next run with the same migrations.
fn postgres_template() -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let name = format!("munjigi_template_{:016x}", migrations_fingerprint());
        let mut server = PgConnection::establish(&server_url().unwrap())
            .expect("cannot connect to the Postgres server of TEST_DATABASE_URL");
        // Only one of several test runs creates the template; the lock is released with the connection.
        sql_query("SELECT pg_advisory_lock(7271375)")
            .execute(&mut server)
            .unwrap();
        let existing = sql_query(format!(
            "SELECT 1 FROM pg_database WHERE datname = '{name}'"
        ))
        .execute(&mut server)
        .unwrap();
        if existing == 0 {
            let unfinished = format!("{name}_unfinished");
            on_server(&format!(
                "DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)"
            ));
            create(&unfinished, None);
            let target = Target::Postgres {
                url: url_of(&unfinished),
            };
            migrations::migrate(&mut target.connect().unwrap()).unwrap();
            on_server(&format!("ALTER DATABASE {unfinished} RENAME TO {name}"));
        }
        name
    })
}

fn migrations_fingerprint() -> u64 {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    let mut files: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("up.sql"))
        .collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        std::fs::read(file).unwrap().hash(&mut hasher);
    }
    hasher.finish()
}
