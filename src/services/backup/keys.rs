//! The keys that belong to a database: without them a backup of it is worthless. They are files, or values of the
//! configuration.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::config::{Config, Secret};
use crate::services::backup::error::BackupError;
use crate::tokens::key_file;

/// The name of the master key in a backup.
pub const MASTER_KEY: &str = "master.key";
/// The beginning of the names of previous master keys.
const PREVIOUS: &str = "previous-master-";
/// The beginning of the names of signing keys that are files.
const SIGNING: &str = "signing-";

/// A key in a backup.
#[derive(Clone)]
pub struct BackupKey {
    /// Its name there, such as `master.key`.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// Whether a file of a backup is a key.
pub(super) fn is_key(name: &str) -> bool {
    let is_numbered = |start: &str| {
        let number = name
            .strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(".key"));
        number.is_some_and(|number| number.parse::<u16>().is_ok())
    };
    name == MASTER_KEY || is_numbered(PREVIOUS) || is_numbered(SIGNING)
}

/// Where the configuration has a key.
enum Place {
    File(PathBuf),
    Value(Secret),
}

/// Where the configuration has its keys, by their names in a backup.
fn places(config: &Config) -> Vec<(String, Place)> {
    let server = &config.server;
    let master = match (&server.master_key, config.master_key_file()) {
        (Some(secret), _) => Some(Place::Value(secret.clone())),
        (None, file) => file.map(Place::File),
    };
    let values = server.previous_master_keys.iter().cloned();
    let files = server.previous_master_key_files.iter().cloned();
    let previous = values.map(Place::Value).chain(files.map(Place::File));
    let signing = config.tokens.keys.iter().cloned().map(Place::File);
    let numbered = |start: &'static str, number: usize| format!("{start}{}.key", number + 1);
    let mut places: Vec<(String, Place)> = Vec::new();
    places.extend(master.map(|place| (MASTER_KEY.to_owned(), place)));
    places.extend(
        previous
            .enumerate()
            .map(|(number, place)| (numbered(PREVIOUS, number), place)),
    );
    places.extend(
        signing
            .enumerate()
            .map(|(number, place)| (numbered(SIGNING, number), place)),
    );
    places
}

/// The keys of the configuration.
///
/// # Errors
/// [`BackupError::File`].
pub fn read(config: &Config) -> Result<Vec<BackupKey>, BackupError> {
    places(config)
        .into_iter()
        .map(|(name, place)| {
            let content = match place {
                Place::Value(secret) => secret.reveal().as_bytes().to_vec(),
                Place::File(path) => fs::read(&path).map_err(BackupError::file("read", &path))?,
            };
            Ok(BackupKey { name, content })
        })
        .collect()
}

/// The configuration for a database whose keys are these files in a directory.
#[must_use]
pub fn config_with(config: &Config, directory: &Path, keys: &[BackupKey]) -> Config {
    let named = |start: &str| -> Vec<PathBuf> {
        let names = keys.iter().filter(|key| key.name.starts_with(start));
        names.map(|key| directory.join(&key.name)).collect()
    };
    let mut config = config.clone();
    config.server.master_key = None;
    config.server.master_key_file = Some(directory.join(MASTER_KEY));
    config.server.previous_master_keys = Vec::new();
    config.server.previous_master_key_files = named(PREVIOUS);
    config.tokens.keys = named(SIGNING);
    config
}

/// The keys of a backup that are missing here, with the files that they belong in. Keys that are here are the same.
///
/// # Errors
/// [`BackupError::Keys`] if a key is another one, or if the configuration has no place for it; [`BackupError::File`].
pub fn missing(
    config: &Config,
    keys: &[BackupKey],
) -> Result<Vec<(PathBuf, BackupKey)>, BackupError> {
    let places = places(config);
    let mut missing = Vec::new();
    for key in keys {
        let place = places.iter().find(|(name, _)| *name == key.name);
        let setting = setting(&key.name);
        let Some((_, place)) = place else {
            return Err(BackupError::Keys(format!(
                "the backup has the key {}, and {setting} has no place for it: set it as on the server of the backup",
                key.name
            )));
        };
        let (found, at) = match place {
            Place::Value(secret) => (secret.reveal().as_bytes().to_vec(), String::new()),
            Place::File(path) if !path.exists() => {
                missing.push((path.clone(), key.clone()));
                continue;
            }
            Place::File(path) => (
                fs::read(path).map_err(BackupError::file("read", path))?,
                format!(" ({})", path.display()),
            ),
        };
        if found.trim_ascii() != key.content.trim_ascii() {
            return Err(BackupError::Keys(format!(
                "{setting}{at} is another key than {} of the backup. Move it away, or set the key of the backup, which \
                 `age --decrypt --identity IDENTITY BACKUP | tar --extract --to-stdout {}` prints",
                key.name, key.name
            )));
        }
    }
    Ok(missing)
}

/// The settings that name a key.
fn setting(name: &str) -> &'static str {
    if name == MASTER_KEY {
        "the master key of the configuration"
    } else if name.starts_with(PREVIOUS) {
        "server.previous_master_keys or server.previous_master_key_files"
    } else {
        "tokens.keys"
    }
}

/// Writes a key to its file, readable by its owner only.
///
/// # Errors
/// [`BackupError::File`] and [`BackupError::Exists`].
pub fn write(path: &Path, key: &BackupKey) -> Result<(), BackupError> {
    let created =
        key_file::create(path, &key.content).map_err(BackupError::file("created", path))?;
    if created {
        Ok(())
    } else {
        Err(BackupError::Exists(path.to_owned()))
    }
}
