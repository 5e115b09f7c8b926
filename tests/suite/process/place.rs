//! A directory to run the binary in, with a database and an environment of its own.

use std::{
    ffi::OsString,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{database::Database, server::Server};

/// The password of everybody in these tests.
pub const PASSWORD: &str = "correct horse battery staple";

/// A key for where one must be configured.
pub const SIGNING_KEY: &str =
    "a-signing-key-of-the-tests-with-more-than-sixty-four-bytes-in-its-text";

/// Where the binary runs.
pub struct Place {
    directory: TempDir,
    environment: Vec<(String, OsString)>,
    /// Its database.
    pub database: Database,
}

/// How a run of the binary ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

impl Place {
    /// On the suite's database, with a signing key where there must be one.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::fresh(&directory.path().join("munjigi-data/munjigi.db"));
        Self::on(directory, database)
    }

    /// On a database of its own on this Postgres server.
    pub fn on_server(url: String) -> Self {
        Self::on(tempfile::tempdir().unwrap(), Database::on_server(url))
    }

    fn on(directory: TempDir, database: Database) -> Self {
        let place = Self::in_directory(directory, database);
        match place.database {
            // As configured by nobody.
            Database::Sqlite(_) => place,
            Database::Postgres { .. } => {
                let url = place.database.url();
                place
                    .with("DATABASE_URL", &url)
                    .with("MUNJIGI_TOKENS__SIGNING_KEY", SIGNING_KEY)
            }
        }
    }

    /// On SQLite, whatever the suite runs on.
    pub fn on_sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("munjigi-data/munjigi.db");
        Self::in_directory(directory, Database::Sqlite(file))
    }

    fn in_directory(directory: TempDir, database: Database) -> Self {
        Self {
            directory,
            environment: Vec::new(),
            database,
        }
        // The cheapest that may be configured.
        .with("MUNJIGI_LOGIN__BCRYPT_COST", "10")
        .with("MUNJIGI_SERVER__LISTEN", "127.0.0.1:0")
    }

    /// With a variable in the binary's environment; the last one of a name counts.
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Without a variable.
    pub fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self
    }

    /// A path in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The bytes of the key that tokens are signed with.
    pub fn signing_key(&self) -> String {
        std::fs::read_to_string(self.path("munjigi-data/signing.key"))
            .unwrap_or_else(|_| SIGNING_KEY.to_owned())
    }

    /// The binary, about to be run here with nothing of the test's own environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_munjigi"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a verb to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        self.run_with_input(arguments, "")
    }

    /// Runs a verb to its end, with this on standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        finish(self.command(arguments), input)
    }

    /// Runs a verb that must succeed, and gives what it printed.
    pub fn done(&self, arguments: &[&str], input: &str) -> String {
        let finished = self.run_with_input(arguments, input);
        assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
        assert_eq!(finished.stderr, "", "{arguments:?}");
        finished.stdout
    }

    /// As [`Place::done`], with `--json`.
    pub fn json(&self, arguments: &[&str], input: &str) -> Value {
        let printed = self.done(&[arguments, &["--json"]].concat(), input);
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }

    /// Makes an internal user with [`PASSWORD`].
    pub fn user(&self, email: &str, role: &str) {
        let create = ["user", "create", "--name", "Somebody", "--password-stdin"];
        self.done(
            &[&create[..], &["--email", email, "--role", role]].concat(),
            &format!("{PASSWORD}\n"),
        );
    }

    /// Makes a client with [`PASSWORD`].
    pub fn client(&self, username: &str) {
        let create = ["client", "create", "--password-stdin", "--username"];
        self.done(
            &[&create[..], &[username]].concat(),
            &format!("{PASSWORD}\n"),
        );
    }

    /// Starts the server here.
    pub fn serve(&self) -> Server {
        Server::start(self.command(&[]))
    }
}

/// Runs a command to its end.
pub fn finish(mut command: Command, input: &str) -> Finished {
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // One that reads nothing may be gone before all is written.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    let output = process.wait_with_output().unwrap();
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Writes a file.
pub fn write(path: &Path, content: &str) {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).unwrap();
    }
    std::fs::write(path, content).unwrap();
}
