//! The directory beside a database in which a backup or a restore is prepared. Only one process uses it at a time.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use crate::services::backup::error::BackupError;
use crate::store::engine::file_access::with_suffix;

/// The directory. It is removed with this value.
pub struct Workspace {
    directory: PathBuf,
    lock_file: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl Workspace {
    /// Creates the directory beside a database file, on the same disk. What a killed process has left there is removed.
    ///
    /// # Errors
    /// [`BackupError::Busy`] if another process uses it, and [`BackupError::File`].
    pub fn beside(database: &Path) -> Result<Self, BackupError> {
        let lock_file = with_suffix(database, ".backup-lock");
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        let lock = options
            .open(&lock_file)
            .map_err(BackupError::file("created", &lock_file))?;
        let failed = BackupError::file("locked", &lock_file);
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::Busy),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Its last user may have removed the file before it was locked here: then it locks nobody out.
        let is_removed = match fs::metadata(&lock_file) {
            Ok(present) => present.ino() != lock.metadata().map_err(&failed)?.ino(),
            Err(_) => true,
        };
        if is_removed {
            return Err(BackupError::Busy);
        }
        let directory = with_suffix(database, ".backup-work");
        if directory.exists() {
            fs::remove_dir_all(&directory).map_err(BackupError::file("removed", &directory))?;
        }
        DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .map_err(BackupError::file("created", &directory))?;
        Ok(Self {
            directory,
            lock_file,
            _lock: lock,
        })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // If it cannot be removed, the next backup tries again.
        let _ = fs::remove_dir_all(&self.directory);
        let _ = fs::remove_file(&self.lock_file);
    }
}
