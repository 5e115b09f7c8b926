//! The metadata of the key file, the data directory and the database files.

use std::{
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use crate::clock::Timestamp;
use crate::config::{Config, Database};
use crate::services::checklist::unknown::Unknown;
use crate::store::engine::file_access::{Unwritable, find_unwritable, with_suffix};

/// The metadata of a file or directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// The path.
    pub path: PathBuf,
    /// The permission bits.
    pub mode: u32,
    /// The time of the last modification.
    pub modified: Timestamp,
}

impl FileInfo {
    /// Reads the metadata of a path.
    ///
    /// # Errors
    /// Errors of the operating system.
    pub fn read(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        let since_epoch = metadata.modified()?.duration_since(UNIX_EPOCH);
        let micros = since_epoch.map_or(0, |since| since.as_micros());
        Ok(Self {
            path: path.to_owned(),
            mode: metadata.permissions().mode() & 0o7777,
            modified: Timestamp::from_unix_micros(i64::try_from(micros).unwrap_or(i64::MAX)),
        })
    }

    /// The permission bits as in `chmod`, such as `0600`.
    pub(super) fn mode(&self) -> String {
        format!("{:04o}", self.mode)
    }
}

/// The data directory, and the files of a SQLite database.
#[derive(Clone, Debug, Default)]
pub struct DataFiles {
    /// The data directory, if it exists.
    pub directory: Option<FileInfo>,
    /// The files of a SQLite database, each with its directory.
    pub database: Vec<(FileInfo, FileInfo)>,
    /// A file or directory of the SQLite database that this process cannot write to.
    pub unwritable: Option<Unwritable>,
    /// Why files could not be read that should exist.
    pub unreadable: Vec<Unknown>,
}

impl DataFiles {
    /// Reads the metadata of the files in the configuration.
    #[must_use]
    pub fn read(config: &Config) -> Self {
        let mut files = Self::default();
        match FileInfo::read(&config.server.data_dir) {
            Ok(directory) => files.directory = Some(directory),
            // It does not exist before the first start, or with a database elsewhere.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => files.unreadable.push(unreadable(&error)),
        }
        let Database::Sqlite(path) = config.database() else {
            return files;
        };
        files.unwritable = find_unwritable(&path);
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        for ending in ["", "-wal", "-shm"] {
            let found = FileInfo::read(&with_suffix(&path, ending))
                .and_then(|file| Ok((file, FileInfo::read(&directory)?)));
            match found {
                Ok(pair) => files.database.push(pair),
                // The files of the write-ahead log do not always exist.
                Err(_) if !ending.is_empty() => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let place = path.display().to_string();
                    files.unreadable.push(Unknown::NoDatabase(place));
                }
                Err(error) => files.unreadable.push(unreadable(&error)),
            }
        }
        files
    }
}

/// The metadata of the key file in the configuration; `None` if the key is not in a file.
#[must_use]
pub fn key_file(config: &Config) -> Option<Result<FileInfo, Unknown>> {
    let path = config.master_key_file()?;
    Some(FileInfo::read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unknown::NoKey(path.display().to_string()),
        _ => unreadable(&error),
    }))
}

fn unreadable(error: &io::Error) -> Unknown {
    Unknown::Unreadable(error.to_string())
}
