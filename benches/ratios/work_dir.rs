//! The temporary work directory of the benchmarks, on the disk of the build directory.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Result;

/// A directory that is deleted when the value is dropped.
pub struct WorkDir(TempDir);

impl WorkDir {
    /// Creates the directory below the build directory. The system's temporary directory may be in memory, where commits
    /// are too fast.
    pub fn new() -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("ratios-")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        Ok(Self(directory))
    }

    /// Creates a subdirectory.
    pub fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// The path of the directory.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
