//! The directory the benches work in: on the disk the build is on, and gone afterwards.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Result;

/// A directory that is removed at the end.
pub struct Workplace(TempDir);

impl Workplace {
    /// Makes it below the build's own directory. Elsewhere could be a disk in memory, whose commits cost nothing.
    pub fn new() -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("ratios-")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        Ok(Self(directory))
    }

    /// A new directory in it.
    pub fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
