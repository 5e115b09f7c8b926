//! Databases with generated rows. They are deleted after the run.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use diesel::{Connection as _, PgConnection, connection::SimpleConnection};
use munjigi::store::{Db, Target, engine::migrations};

use crate::{
    Result,
    options::Options,
    rows::{self, Size},
};

/// The kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "Postgres",
        })
    }
}

/// A database with rows. It is deleted when the value is dropped, unless `--keep` is set.
pub struct Database {
    /// The value of `DATABASE_URL`.
    pub url: String,
    /// The data directory of the server.
    pub directory: PathBuf,
    kind: Kind,
    keep: bool,
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        if let (Kind::Postgres, Some(server)) = (self.kind, postgres()) {
            let name = self.url.rsplit('/').next().unwrap_or_default();
            // Errors are ignored: the name shows where the database is from.
            let _ = on_server(&server, &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Kind {
    /// Parses the name used on the command line.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres),
            other => Err(format!("unknown kind {other}: give sqlite or postgres").into()),
        }
    }

    /// Creates a database of this size. `None` if no Postgres server is configured.
    pub fn create(self, options: &Options, size: Size) -> Result<Option<Database>> {
        let name = format!("munjigi_lists_{}", size.users);
        let directory =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lists/{self}-{}", size.users));
        let (url, exists) = match self {
            Self::Sqlite => {
                let file = directory.join("munjigi.db");
                (file.display().to_string(), file.exists())
            }
            Self::Postgres => {
                let Some(server) = postgres() else {
                    eprintln!(
                        "{self}: skipped, neither MUNJIGI_BENCH_POSTGRES nor TEST_DATABASE_URL is set"
                    );
                    return Ok(None);
                };
                let exists = on_server(&server, &format!("CREATE DATABASE {name}")).is_err();
                let mut url = url::Url::parse(&server)?;
                url.set_path(&name);
                (url.to_string(), exists)
            }
        };
        std::fs::create_dir_all(&directory)?;
        let database = Database {
            url,
            directory,
            kind: self,
            keep: options.keep,
        };
        if exists && options.keep {
            eprintln!("{self}: {size} already exists");
        } else if exists {
            let hint = "already exists: use it with --keep, or delete it";
            std::mem::forget(database);
            return Err(format!("{self}: the database with {size} {hint}").into());
        } else {
            eprintln!("{self}: creating {size} …");
            let start = Instant::now();
            let mut connection = database.connect()?;
            migrations::migrate(&mut connection)?;
            rows::insert(&mut connection, size)?;
            eprintln!("{self}: created in {} s", start.elapsed().as_secs());
        }
        Ok(Some(database))
    }
}

impl Database {
    fn connect(&self) -> Result<Db> {
        let target = match self.kind {
            Kind::Sqlite => Target::Sqlite {
                path: PathBuf::from(&self.url),
                busy_timeout: Duration::from_secs(5),
            },
            Kind::Postgres => Target::Postgres {
                url: self.url.clone(),
            },
        };
        Ok(target.connect()?)
    }
}

/// The URL of a Postgres superuser, if set.
#[expect(
    clippy::disallowed_methods,
    reason = "a setting of the benchmark, not of the server"
)]
fn postgres() -> Option<String> {
    ["MUNJIGI_BENCH_POSTGRES", "TEST_DATABASE_URL"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|url| !url.is_empty()))
}

/// Runs a statement as superuser.
fn on_server(server: &str, statement: &str) -> Result<()> {
    Ok(PgConnection::establish(server)?.batch_execute(statement)?)
}
