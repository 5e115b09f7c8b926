//! What the checks look at: the settings, the key, the files and the rows. Looking makes nothing and changes nothing.

use std::{
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use crate::{
    clock::Timestamp,
    config::{Config, Database},
    services::checklist::{
        check::{Check, Level},
        finding::{Finding, LocalizedText},
        rows::Rows,
    },
    tokens::KeyStrength,
};

/// All that is looked at.
pub struct Seen<'a> {
    /// The settings in force.
    pub config: &'a Config,
    /// The time.
    pub now: Timestamp,
    /// How long the server has been running; none at the command line, which does not know.
    pub uptime: Option<Duration>,
    /// The key.
    pub key: Result<KeyStrength, Unknown>,
    /// The key's file; none where the key is not in one.
    pub key_file: Option<Result<File, Unknown>>,
    /// The data's files and their directory.
    pub data: DataFiles,
    /// What the database tells.
    pub rows: Rows,
}

/// Why something could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// There is no database yet; where it would be.
    NoDatabase(String),
    /// The database has no tables yet.
    NoTables,
    /// There is no key yet; where it would be.
    NoKey(String),
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// It cannot be read, and the reason stands in the log.
    Logged,
}

impl Unknown {
    /// A check that could not be made has failed (ASVS 16.5.3).
    pub(super) fn finding(&self, check: Check) -> Finding {
        let (found, advice) = match self {
            Self::NoDatabase(place) => (
                LocalizedText::new("unknown.no_database").with("place", place),
                "unknown.no_database_advice",
            ),
            Self::NoTables => (
                LocalizedText::new("unknown.no_tables"),
                "unknown.no_database_advice",
            ),
            Self::NoKey(place) => (
                LocalizedText::new("unknown.no_key").with("place", place),
                "unknown.no_key_advice",
            ),
            Self::Unreadable(reason) => (
                LocalizedText::new("unknown.unreadable").with("reason", reason),
                "unknown.unreadable_advice",
            ),
            Self::Logged => (
                LocalizedText::new("unknown.logged"),
                "unknown.logged_advice",
            ),
        };
        Finding::new(check, Level::Problem, found, LocalizedText::new(advice))
    }
}

/// A file or directory: what can be known of it without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// Its permissions.
    pub mode: u32,
    /// When it was last written.
    pub modified: Timestamp,
}

impl File {
    /// Looks at what is there.
    ///
    /// # Errors
    /// The system's.
    pub fn look(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        let since_epoch = metadata.modified()?.duration_since(UNIX_EPOCH);
        let micros = since_epoch.map_or(0, |since| since.as_micros());
        Ok(Self {
            path: path.to_owned(),
            mode: metadata.permissions().mode() & 0o7777,
            modified: Timestamp::from_unix_micros(i64::try_from(micros).unwrap_or(i64::MAX)),
        })
    }

    /// Its permissions as `chmod` takes them: `0600`.
    pub(super) fn mode(&self) -> String {
        format!("{:04o}", self.mode)
    }
}

/// The directory of the data, and the database's files where it has any here.
#[derive(Clone, Debug, Default)]
pub struct DataFiles {
    /// The data directory, if there is one.
    pub directory: Option<File>,
    /// The files of a SQLite database, each with the directory that it is in.
    pub database: Vec<(File, File)>,
    /// Files that should be there and cannot be looked at: where, and why.
    pub unseen: Vec<Unknown>,
}

impl DataFiles {
    /// They could not be looked at.
    #[must_use]
    pub fn unknown(unknown: &Unknown) -> Self {
        Self {
            unseen: vec![unknown.clone()],
            ..Self::default()
        }
    }

    /// Looks at the files that these settings name.
    #[must_use]
    pub fn look(config: &Config) -> Self {
        let mut files = Self::default();
        match File::look(&config.server.data_dir) {
            Ok(directory) => files.directory = Some(directory),
            // With a database elsewhere, and before the first start, there is none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => files.unseen.push(Unknown::Unreadable(error.to_string())),
        }
        let Database::Sqlite(path) = config.database() else {
            return files;
        };
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        for ending in ["", "-wal", "-shm"] {
            let mut name = path.clone().into_os_string();
            name.push(ending);
            let found =
                File::look(Path::new(&name)).and_then(|file| Ok((file, File::look(&directory)?)));
            match found {
                Ok(pair) => files.database.push(pair),
                // The files of the write-ahead log come and go.
                Err(_) if !ending.is_empty() => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let place = path.display().to_string();
                    files.unseen.push(Unknown::NoDatabase(place));
                }
                Err(error) => files.unseen.push(Unknown::Unreadable(error.to_string())),
            }
        }
        files
    }
}

/// The file of the key that these settings name, as it is; none where the key is not in a file.
#[must_use]
pub fn look_at_key_file(config: &Config) -> Option<Result<File, Unknown>> {
    let path = config.signing_key_file()?;
    Some(File::look(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unknown::NoKey(path.display().to_string()),
        _ => Unknown::Unreadable(error.to_string()),
    }))
}

/// Whole days.
pub(super) fn days(duration: Duration) -> u64 {
    duration.as_secs() / 86_400
}
