//! The databases that are served: made, filled, and taken away again.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use diesel::{Connection as _, PgConnection, connection::SimpleConnection};
use munjigi::store::{Db, Target, engine::migrations};

use crate::{
    Result,
    filling::{self, Size},
    options::Options,
};

/// Which kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A server.
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

/// A filled database. It goes with this value, unless it shall be kept.
pub struct Database {
    /// What `DATABASE_URL` says of it.
    pub url: String,
    /// A directory of its own, for the server's data.
    pub directory: PathBuf,
    kind: Kind,
    kept: bool,
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let (Kind::Postgres, Some(server)) = (self.kind, postgres()) {
            let name = self.url.rsplit('/').next().unwrap_or_default();
            // A bench that ends badly leaves a database with a telling name.
            let _ = on_server(&server, &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Kind {
    /// Reads its name on the command line.
    pub fn read(name: &str) -> Result<Self> {
        match name {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres),
            other => Err(format!("there is no kind {other}: sqlite or postgres").into()),
        }
    }

    /// A database of this size; nothing where there is no server for it.
    pub fn make(self, options: &Options, size: Size) -> Result<Option<Database>> {
        let name = format!("munjigi_lists_{}", size.users);
        let directory =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lists/{self}-{}", size.users));
        let (url, there) = match self {
            Self::Sqlite => {
                let file = directory.join("munjigi.db");
                (file.display().to_string(), file.exists())
            }
            Self::Postgres => {
                let Some(server) = postgres() else {
                    eprintln!(
                        "{self}: not measured, neither MUNJIGI_BENCH_POSTGRES nor TEST_DATABASE_URL is set"
                    );
                    return Ok(None);
                };
                let there = on_server(&server, &format!("CREATE DATABASE {name}")).is_err();
                let mut url = url::Url::parse(&server)?;
                url.set_path(&name);
                (url.to_string(), there)
            }
        };
        std::fs::create_dir_all(&directory)?;
        let database = Database {
            url,
            directory,
            kind: self,
            kept: options.keep,
        };
        if there && options.keep {
            eprintln!("{self}: {size} is there already");
        } else if there {
            let kept = "is there already: use it with --keep, or remove it";
            std::mem::forget(database);
            return Err(format!("{self}: the database of {size} {kept}").into());
        } else {
            eprintln!("{self}: making {size} …");
            let began = Instant::now();
            let mut connection = database.connect()?;
            migrations::migrate(&mut connection)?;
            filling::fill(&mut connection, size)?;
            eprintln!("{self}: made in {} s", began.elapsed().as_secs());
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

/// The URL of a Postgres superuser, where one is given.
#[expect(
    clippy::disallowed_methods,
    reason = "the bench's own setting, not the server's"
)]
fn postgres() -> Option<String> {
    ["MUNJIGI_BENCH_POSTGRES", "TEST_DATABASE_URL"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|url| !url.is_empty()))
}

/// Runs a statement as the superuser.
fn on_server(server: &str, statement: &str) -> Result<()> {
    Ok(PgConnection::establish(server)?.batch_execute(statement)?)
}
