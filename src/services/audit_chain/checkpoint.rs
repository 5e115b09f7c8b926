//! The checkpoint: the end of the chain as it was last seen, stored outside the database. It reveals that an old copy of the
//! database was restored, or that all links were removed in order to have them computed again.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use aws_lc_rs::rand;

use crate::store::audit_chain_links::ChainRow;

/// A position in the chain and its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The position.
    pub position: i64,
    /// The link at this position.
    pub link: String,
}

impl Checkpoint {
    /// The end of a chain; `None` before the first link.
    pub(crate) fn of(chain: &ChainRow) -> Option<Self> {
        (!chain.last_link_mac.is_empty()).then(|| Self {
            position: chain.last_position,
            link: chain.last_link_mac.clone(),
        })
    }

    /// The checkpoint in a file; `None` if the file cannot be read.
    pub(crate) fn read(file: &Path) -> Option<Self> {
        fs::read_to_string(file).ok()?.trim().parse().ok()
    }

    /// Writes the checkpoint to a file. The file is replaced atomically.
    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        let mut unfinished = file.as_os_str().to_owned();
        // Servers in containers can share the directory and have the same process id.
        let mut random = [0_u8; 8];
        rand::fill(&mut random).map_err(io::Error::other)?;
        unfinished.push(format!(".{:016x}", u64::from_be_bytes(random)));
        let written = fs::write(&unfinished, format!("{self}\n"));
        let replaced = written.and_then(|()| fs::rename(&unfinished, file));
        replaced.inspect_err(|_| {
            // If it cannot be removed either, it stays behind.
            let _ = fs::remove_file(&unfinished);
        })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, self.link)
    }
}

/// The text is not a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected the end of the chain as printed by `munjigi audit verify`: a number, a colon, and the link"
)]
pub struct CheckpointError;

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let (position, link) = text.split_once(':').ok_or(CheckpointError)?;
        let position = position.parse().map_err(|_| CheckpointError)?;
        if position < 1 || link.is_empty() || link.len() > 128 {
            return Err(CheckpointError);
        }
        Ok(Self {
            position,
            link: link.to_owned(),
        })
    }
}

/// The path of the checkpoint file in a data directory.
pub(crate) fn file_in(directory: &Path) -> PathBuf {
    directory.join("audit.checkpoint")
}
