//! Backups at intervals: when the next one is due, and which old ones are deleted. What was made before is known by the
//! names of the files, so that it survives a restart.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::NaiveDateTime;

use crate::clock::Timestamp;
use crate::domain::audit::Actor;
use crate::services::backup::create::{Backup, BackupRequest, create, record};
use crate::services::backup::encryption::Encryption;
use crate::services::backup::error::BackupError;
use crate::services::bootstrap::Services;

/// The format of the time in a name, in UTC.
const TIME: &str = "%Y%m%dT%H%M%SZ";
/// What names begin with.
const START: &str = "munjigi-";
/// The end of the name of an encrypted backup.
const ENCRYPTED: &str = ".tar.age";
/// The end of the name of another one.
const UNENCRYPTED: &str = ".tar";

/// The name of a backup.
#[must_use]
pub fn file_name(created_at: Timestamp, encryption: &Encryption) -> String {
    let time = created_at.naive_utc().format(TIME);
    let end = if encryption.is_encrypted() {
        ENCRYPTED
    } else {
        UNENCRYPTED
    };
    format!("{START}{time}{end}")
}

/// A backup in the directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Existing {
    /// When the database was as it is in it.
    pub created_at: Timestamp,
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
}

/// The encrypted backups in a directory, the oldest first; none if there is no directory.
///
/// # Errors
/// If the directory cannot be read.
pub fn list(directory: &Path) -> io::Result<Vec<Existing>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if let Some(created_at) = name.to_str().and_then(time_of) {
            found.push(Existing {
                created_at,
                path: entry.path(),
                size: entry.metadata()?.len(),
            });
        }
    }
    found.sort();
    Ok(found)
}

/// The time in the name of an encrypted backup.
fn time_of(name: &str) -> Option<Timestamp> {
    let time = name.strip_prefix(START)?.strip_suffix(ENCRYPTED)?;
    let time = NaiveDateTime::parse_from_str(time, TIME).ok()?;
    Some(Timestamp::from_naive_utc(time))
}

/// The last backup of the schedule; `None` if there is none, or no schedule.
#[must_use]
pub fn last(services: &Services) -> Option<Existing> {
    let directory = services.config.backup.directory.as_deref()?;
    list(directory).ok()?.pop()
}

/// The time until the next backup is due; `None` if there is no schedule.
#[must_use]
pub fn due_in(services: &Services) -> Option<Duration> {
    let config = &services.config.backup;
    config.directory.as_ref()?;
    let due_at = last(services).map(|last| last.created_at + config.interval.get());
    // A file of the future was made with a wrong clock: the next backup is due within an interval all the same.
    let wait = due_at.map_or(Duration::ZERO, |due_at| due_at.since(services.clock.now()));
    Some(wait.min(config.interval.get()))
}

/// Makes the backup that is due, and deletes those beyond `backup.keep`.
///
/// # Errors
/// [`BackupError`]. No old backup is deleted unless there is a new one.
pub async fn run(services: &Services) -> Result<Option<Backup>, BackupError> {
    let config = &services.config.backup;
    let (Some(directory), Some(recipient)) = (&config.directory, &config.recipient) else {
        return Ok(None);
    };
    let encryption = Encryption::recipient(recipient)?;
    create_private(directory).map_err(BackupError::file("created", directory))?;
    let now = services.clock.now();
    let request = BackupRequest {
        to: directory.join(file_name(now, &encryption)),
        encryption: encryption.clone(),
        accepts_damaged_audit_log: false,
    };
    let backup = create(&services.config, &services.master_keys, request, now).await?;
    let audit_context = services.audit_context(&Actor::server());
    record(&services.store, audit_context, &backup, &encryption).await?;
    delete_old(directory, config.keep).map_err(BackupError::file("cleared", directory))?;
    Ok(Some(backup))
}

/// Creates a directory that only its owner may enter, unless it exists.
fn create_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Deletes all backups but the newest ones.
fn delete_old(directory: &Path, keep: u32) -> io::Result<()> {
    let found = list(directory)?;
    let kept = usize::try_from(keep).unwrap_or(usize::MAX);
    let surplus = found.len().saturating_sub(kept);
    for old in found.into_iter().take(surplus) {
        fs::remove_file(old.path)?;
    }
    Ok(())
}
