//! A directory to run the binary in, with its own database and environment.

use std::{
    ffi::OsString,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{database::Database, server::Server};

/// The password of all accounts in these tests.
pub const PASSWORD: &str = "correct horse battery staple";

/// A master key, for settings that require one.
pub const MASTER_KEY: &str = "a-master-key-of-the-tests-with-more-than-thirty-two-bytes";

/// The signing key of [`Place::with_signing_key`].
pub const SIGNING_KEY: &str =
    "a-signing-key-of-the-tests-with-more-than-sixty-four-bytes-in-its-text";

/// The secret of webhooks, which does not appear in a log by chance.
pub const WEBHOOK_SECRET: &str = "the-webhooks-own-secret-of-the-tests";

/// The directory, environment and database that the binary runs with.
pub struct Place {
    directory: TempDir,
    environment: Vec<(String, OsString)>,
    migrated: OnceLock<()>,
    /// Its database.
    pub database: Database,
}

/// The outcome of a command.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` if it was ended by a signal.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Place {
    /// On the database of this test run, with a master key if that requires one.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::fresh(&directory.path().join("munjigi-data/munjigi.db"));
        Self::on(directory, database)
    }

    /// On a new database of this Postgres server.
    pub fn on_server(url: String) -> Self {
        Self::on(tempfile::tempdir().unwrap(), Database::on_server(url))
    }

    fn on(directory: TempDir, database: Database) -> Self {
        let place = Self::in_directory(directory, database);
        match place.database {
            // The defaults.
            Database::Sqlite(_) => place,
            Database::Postgres { .. } => {
                let url = place.database.url();
                place
                    .with("DATABASE_URL", &url)
                    .with("MUNJIGI_SERVER__MASTER_KEY", MASTER_KEY)
            }
        }
    }

    /// On SQLite, also in a test run on Postgres.
    pub fn on_sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("munjigi-data/munjigi.db");
        Self::in_directory(directory, Database::Sqlite(file))
    }

    fn in_directory(directory: TempDir, database: Database) -> Self {
        Self {
            directory,
            environment: Vec::new(),
            migrated: OnceLock::new(),
            database,
        }
        // The lowest cost that can be configured.
        .with("MUNJIGI_LOGIN__BCRYPT_COST", "10")
        .with("MUNJIGI_SERVER__LISTEN", "127.0.0.1:0")
    }

    /// Sets a variable in the environment of the binary, instead of an earlier value.
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Delivers codes by webhook to this URL.
    pub fn with_webhook(self, url: &str) -> Self {
        self.with("MUNJIGI_OTP__DELIVERY", "webhook")
            .with("MUNJIGI_WEBHOOK__URL", url)
            .with("MUNJIGI_WEBHOOK__SECRET", WEBHOOK_SECRET)
    }

    /// Removes a variable.
    pub fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self
    }

    /// A path in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Its database as the commands name it.
    pub fn database_name(&self) -> String {
        match &self.database {
            Database::Sqlite(_) => "SQLite, munjigi-data/munjigi.db".to_owned(),
            database @ Database::Postgres { .. } => format!("Postgres, {}", database.url()),
        }
    }

    /// The master key in use.
    pub fn master_key(&self) -> String {
        std::fs::read_to_string(self.path("munjigi-data/master.key"))
            .unwrap_or_else(|_| MASTER_KEY.to_owned())
    }

    /// Signs with [`SIGNING_KEY`], from a file.
    pub fn with_signing_key(self) -> Self {
        write(&self.path("jwt.key"), SIGNING_KEY);
        self.with("MUNJIGI_TOKENS__KEYS", "jwt.key")
    }

    /// The command to run the binary here, without the environment of the test.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_munjigi"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        self.run_with_input(arguments, "")
    }

    /// Runs a command to its end, with this on standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        finish(self.command(arguments), input)
    }

    /// Runs a command that must succeed without errors printed, and returns its standard output.
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

    /// Creates the database and its tables; only the first call does something.
    pub fn migrate(&self) {
        self.migrated.get_or_init(|| {
            self.done(&["migrate"], "");
        });
    }

    /// Creates an internal user with [`PASSWORD`].
    pub fn user(&self, email: &str, role: &str) {
        self.migrate();
        let create = ["user", "create", "--name", "Somebody", "--password-stdin"];
        self.done(
            &[&create[..], &["--email", email, "--role", role]].concat(),
            &format!("{PASSWORD}\n"),
        );
    }

    /// Creates a client with [`PASSWORD`].
    pub fn client(&self, username: &str) {
        self.migrate();
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
    // A process that does not read its input may have exited before all is written.
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
