//! The databases: that of a site, and ours. They are deleted after the run.

use std::path::PathBuf;
use std::time::Duration;

use diesel::{Connection as _, PgConnection, connection::SimpleConnection};
use munjigi::store::{Db, Target, engine::migrations};
use tempfile::TempDir;

use crate::Result;

/// The kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// The URLs of the databases.
pub struct Pair {
    pub kind: Kind,
    pub site: String,
    pub ours: String,
    pub directory: TempDir,
}

impl Drop for Pair {
    fn drop(&mut self) {
        for url in [&self.site, &self.ours] {
            if let (Kind::Postgres, Some(name)) = (self.kind, url.rsplit('/').next()) {
                // Errors are ignored: the name shows where the database is from.
                let _ = on_server(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
            }
        }
    }
}

impl Pair {
    /// Creates the databases, ours with its tables. `None` if no Postgres server is configured.
    pub fn create(kind: Kind) -> Result<Option<Self>> {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let file = |name: &str| format!("sqlite://{}", directory.path().join(name).display());
        let (site, ours) = match (kind, server()) {
            (Kind::Sqlite, _) => (file("site.db"), file("munjigi.db")),
            (Kind::Postgres, None) => return Ok(None),
            (Kind::Postgres, Some(server)) => {
                let url = |name: &str| -> Result<String> {
                    on_server(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
                    on_server(&format!("CREATE DATABASE {name}"))?;
                    let mut url = url::Url::parse(&server)?;
                    url.set_path(name);
                    Ok(url.to_string())
                };
                (url("munjigi_import_site")?, url("munjigi_import_ours")?)
            }
        };
        let pair = Self {
            kind,
            site,
            ours,
            directory,
        };
        migrations::migrate(&mut connect(&pair.ours)?)?;
        Ok(Some(pair))
    }
}

/// A connection.
pub fn connect(url: &str) -> Result<Db> {
    let target = match url.strip_prefix("sqlite://") {
        Some(path) => Target::Sqlite {
            path: PathBuf::from(path),
            busy_timeout: Duration::from_secs(5),
        },
        None => Target::Postgres {
            url: url.to_owned(),
        },
    };
    Ok(target.connect()?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a setting of the bench, not of the server"
)]
fn server() -> Option<String> {
    let names = ["MUNJIGI_BENCH_POSTGRES", "TEST_DATABASE_URL"];
    let mut urls = names.iter().filter_map(|name| std::env::var(name).ok());
    urls.find(|url| !url.is_empty())
}

fn on_server(statement: &str) -> Result<()> {
    let server = server().ok_or("no Postgres server")?;
    Ok(PgConnection::establish(&server)?.batch_execute(statement)?)
}
