//! Where a process has seen the chain end. It is kept in a file too, outside of the database: whoever puts an old copy of
//! the database back, or takes all marks away to have them made anew, is found out by it at the next start.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use crate::{services::audit::log::AuditLog, store::audit_chain_links::ChainRow};

/// A place in the chain and its seal, noted outside of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The place.
    pub position: i64,
    /// Its seal.
    pub seal: String,
}

impl Checkpoint {
    /// The end of a chain; none before the first seal.
    pub(crate) fn of(chain: &ChainRow) -> Option<Self> {
        (!chain.last_link_mac.is_empty()).then(|| Self {
            position: chain.last_position,
            seal: chain.last_link_mac.clone(),
        })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, self.seal)
    }
}

/// What is no noted end of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "give what `munjigi audit verify` printed as the end of the chain: a number, a colon, and the seal"
)]
pub struct CheckpointError;

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let (position, seal) = text.split_once(':').ok_or(CheckpointError)?;
        let position = position.parse().map_err(|_| CheckpointError)?;
        if position < 1 || seal.is_empty() || seal.len() > 128 {
            return Err(CheckpointError);
        }
        Ok(Self {
            position,
            seal: seal.to_owned(),
        })
    }
}

/// The file's name in the data directory.
const FILE: &str = "record.end";

impl AuditLog {
    /// Goes on from the end that is kept in this directory, and keeps it there. A file that cannot be read is none.
    #[must_use]
    pub fn kept_in(self, directory: &Path) -> Self {
        let file = directory.join(FILE);
        let seen = match fs::read_to_string(&file) {
            Ok(text) => text.trim().parse().ok(),
            Err(_) => None,
        };
        self.memory(|memory| {
            memory.seen = seen;
            memory.file = Some(Arc::new(file));
        });
        self
    }

    /// Where the chain was seen to end, by this process or by one before it that kept its file in the same place.
    #[must_use]
    pub fn seen(&self) -> Option<Checkpoint> {
        self.memory(|memory| memory.seen.clone())
    }

    /// Remembers where the chain ends, here and in the file.
    pub(crate) async fn remember(&self, chain: &ChainRow) {
        let Some(end) = Checkpoint::of(chain) else {
            return;
        };
        let file = self.memory(|memory| {
            memory.seen = Some(end.clone());
            memory.file.clone()
        });
        let Some(file) = file else { return };
        let written = tokio::task::spawn_blocking(move || write(&file, &end)).await;
        if let Ok(Err(error)) = written {
            // Once: it is tried again a second later.
            if !self.memory(|memory| std::mem::replace(&mut memory.unkept, true)) {
                tracing::warn!(%error, "where the record ends cannot be kept in the data directory: an old copy of the database would not show");
            }
        }
    }
}

/// Puts another file in the place of the one before: a reader finds one or the other.
fn write(file: &PathBuf, end: &Checkpoint) -> io::Result<()> {
    let mut unfinished = file.clone().into_os_string();
    unfinished.push(format!(".{}", std::process::id()));
    fs::write(&unfinished, format!("{end}\n"))?;
    fs::rename(&unfinished, file)
}
