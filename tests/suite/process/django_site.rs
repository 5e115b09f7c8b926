//! The site of `tests/python/django_site`: Django, REST framework and `SimpleJWT` from `PyPI`, with two user models. Its database
//! is of the kind that the tests run on.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    database::Database,
    place::finish,
    tools::{in_repository, python},
};

/// `SECRET_KEY` of the site.
pub const SITE_KEY: &str = "the-secret-key-of-the-site-in-these-tests";

/// The site, with its database.
pub struct Site {
    _directory: TempDir,
    python: PathBuf,
    /// Its database.
    pub database: Database,
    /// What `manage.py populate` made: accounts and tokens.
    pub made: Value,
}

/// A server of the site, killed when this value is dropped.
pub struct SiteServer {
    process: Child,
    /// Its address.
    pub url: String,
}

impl Site {
    /// With accounts of every hasher and with tokens of every state.
    pub fn populated() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::fresh(&directory.path().join("site.sqlite3"));
        let mut site = Self {
            _directory: directory,
            python: python(),
            database,
            made: Value::Null,
        };
        let settings = json!({
            "ROTATE_REFRESH_TOKENS": true, "BLACKLIST_AFTER_ROTATION": true,
            "REFRESH_TOKEN_LIFETIME": 7 * 86_400, "ACCESS_TOKEN_LIFETIME": 3_600,
        });
        site.manage(&["migrate", "--verbosity", "0"], &settings);
        site.made = serde_json::from_str(&site.manage(&["populate"], &settings)).unwrap();
        site
    }

    /// The list of accounts or tokens under a name.
    pub fn made(&self, name: &str) -> &[Value] {
        self.made[name].as_array().unwrap()
    }

    /// A command of the site.
    pub fn command(&self, arguments: &[&str], simple_jwt: &Value) -> Command {
        let database = match &self.database {
            Database::Sqlite(file) => file.display().to_string(),
            database @ Database::Postgres { .. } => database.url(),
        };
        let mut command = Command::new(&self.python);
        command
            .arg("-B")
            .arg(in_repository("tests/python/django_site/manage.py"))
            .args(arguments)
            .env("SITE_DATABASE", database)
            .env("SITE_KEY", SITE_KEY)
            .env("SITE_SIMPLE_JWT", simple_jwt.to_string());
        command
    }

    /// Runs a command of the site and returns its output.
    pub fn manage(&self, arguments: &[&str], simple_jwt: &Value) -> String {
        let finished = finish(self.command(arguments, simple_jwt), "");
        assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
        finished.stdout
    }

    /// Serves the site with these settings of SimpleJWT.
    pub fn serve(&self, simple_jwt: &Value) -> SiteServer {
        let mut process = self
            .command(&["serve"], simple_jwt)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://"), "the site does not start: {url}");
        SiteServer {
            process,
            url: url.trim().to_owned(),
        }
    }
}

impl Drop for SiteServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
