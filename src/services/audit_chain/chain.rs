//! The chain over the audit log. An event gets its position and its link shortly after it was committed, so that no request
//! waits for another one. The first and last link are in one row with a MAC of its own, so that events cut off at the end
//! are detected too. Old events are removed from the beginning.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use crate::services::audit::log::{AuditKey, AuditLog};
use crate::services::audit_chain::checkpoint::{Checkpoint, file_in};
use crate::services::mutex::lock;
use crate::store::audit_chain_links::ChainRow;
use crate::store::{Db, StoreError, audit_chain_links as table, raw_audit_events as contents};

/// How many positions a restarted chain leaves out: more than any instance can have seen of the old one.
pub(crate) const RESTART_GAP: i64 = 1_000_000;

/// Why no further links are added: they would cover up what was done to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The row with the ends of the chain is missing.
    #[error("the row with the ends of the chain is missing")]
    Missing,
    /// The chain has not begun, although there are events without a MAC. Only the operator can have them added to it.
    #[error(
        "there are events that were not written with the master key, and the chain over them has not begun"
    )]
    Unmarked,
    /// The MAC of that row is not valid.
    #[error("the row with the ends of the chain was not written with this server's key")]
    InvalidMac,
    /// That row was written with a master key that is not known here.
    #[error("the row with the ends of the chain was written with another master key")]
    AnotherKey,
    /// There is a link at a position outside of the chain.
    #[error("a position outside of the chain is taken")]
    PositionTaken,
    /// The chain ends before the checkpoint, or has another link there.
    #[error("the chain ends before the checkpoint")]
    RolledBack,
    /// An event that is to be pruned was changed.
    #[error("an event that is old enough to be removed was changed")]
    OldEventChanged,
}

impl ChainError {
    /// The word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unmarked => "unmarked",
            Self::InvalidMac => "invalid_mac",
            Self::AnotherKey => "another_key",
            Self::PositionTaken => "position_taken",
            Self::RolledBack => "rolled_back",
            Self::OldEventChanged => "old_event_changed",
        }
    }
}

/// The result of an operation on the chain within a transaction.
pub(crate) type Attempt<T> = Result<Result<T, ChainError>, StoreError>;

/// The audit chain: the audit log, and what this process knows of its chain. Clones share it.
#[derive(Clone)]
pub struct AuditChain {
    log: AuditLog,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    checkpoint: Option<Checkpoint>,
    /// The file of the checkpoint.
    file: Option<Arc<PathBuf>>,
    /// The checkpoint could not be written to its file, which was logged.
    is_unwritable: bool,
    /// When all events were last found to be linked.
    linked_at: Option<Instant>,
    linking_error: Option<ChainError>,
    pruning_error: Option<ChainError>,
}

impl AuditChain {
    /// The chain of an audit log, without a checkpoint file.
    #[must_use]
    pub fn new(log: AuditLog) -> Self {
        Self {
            log,
            memory: Arc::default(),
        }
    }

    /// Reads the checkpoint from the file in this directory, and writes later ones to it. A file that cannot be read is
    /// ignored.
    #[must_use]
    pub fn with_checkpoint_in(self, directory: &Path) -> Self {
        let file = file_in(directory);
        let checkpoint = Checkpoint::read(&file);
        self.memory(|memory| {
            memory.checkpoint = checkpoint;
            memory.file = Some(Arc::new(file));
        });
        self
    }

    /// The audit log.
    #[must_use]
    pub fn log(&self) -> &AuditLog {
        &self.log
    }

    pub(crate) fn key(&self) -> &AuditKey {
        self.log.key()
    }

    fn memory<T>(&self, f: impl FnOnce(&mut Memory) -> T) -> T {
        f(&mut lock(&self.memory))
    }

    /// The end of the chain as this process saw it last, or an earlier process with the same checkpoint file.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.memory(|memory| memory.checkpoint.clone())
    }

    /// Sets the checkpoint to the end of the chain, in memory and in the file.
    pub(crate) async fn remember(&self, chain: &ChainRow) {
        let Some(end) = Checkpoint::of(chain) else {
            return;
        };
        let file = self.memory(|memory| {
            memory.checkpoint = Some(end.clone());
            memory.file.clone()
        });
        let Some(file) = file else { return };
        let written = tokio::task::spawn_blocking(move || end.write(&file)).await;
        if let Ok(Ok(())) = written {
            self.memory(|memory| memory.is_unwritable = false);
        } else if let Ok(Err(error)) = written {
            // Logged once: the next link tries again.
            if !self.memory(|memory| std::mem::replace(&mut memory.is_unwritable, true)) {
                tracing::warn!(
                    %error,
                    "the checkpoint of the audit chain cannot be written to the data directory: an old copy of the database would not be detected"
                );
            }
        }
    }

    /// Whether the checkpoint is kept outside the database: whether its file can be read now, and later ones were written to it.
    #[must_use]
    pub fn keeps_checkpoint(&self) -> bool {
        let (file, is_unwritable) =
            self.memory(|memory| (memory.file.clone(), memory.is_unwritable));
        !is_unwritable && file.is_some_and(|file| Checkpoint::read(&file).is_some())
    }

    /// How long ago all events were last found to be linked; `None` if they never were.
    #[must_use]
    pub fn lag(&self) -> Option<Duration> {
        self.memory(|memory| memory.linked_at)
            .map(|at| at.elapsed())
    }

    pub(crate) fn set_linked(&self) {
        self.memory(|memory| memory.linked_at = Some(Instant::now()));
    }

    /// The error that stopped linking or pruning, if any.
    #[must_use]
    pub fn known_error(&self) -> Option<ChainError> {
        self.memory(|memory| memory.linking_error.or(memory.pruning_error))
    }

    pub(crate) fn set_linking_error(&self, error: Option<ChainError>) {
        let known = self.memory(|memory| std::mem::replace(&mut memory.linking_error, error));
        log_new(known, error);
    }

    pub(crate) fn set_pruning_error(&self, error: Option<ChainError>) {
        let known = self.memory(|memory| std::mem::replace(&mut memory.pruning_error, error));
        log_new(known, error);
    }

    /// Forgets the errors, because the chain was restarted.
    pub(crate) fn clear_errors(&self) {
        self.memory(|memory| {
            memory.linking_error = None;
            memory.pruning_error = None;
        });
    }

    /// Checks the MAC of the row with the ends, and that the chain does not end before the checkpoint. The checkpoint must be
    /// read before the row.
    pub(crate) fn check_ends(
        &self,
        chain: &ChainRow,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<(), ChainError> {
        let is_rolled_back = checkpoint.is_some_and(|checkpoint| ends_before(chain, checkpoint));
        if is_new(chain) || self.key().has_valid_mac(chain) {
            return if is_rolled_back {
                Err(ChainError::RolledBack)
            } else {
                Ok(())
            };
        }
        Err(match self.key().is_of_unknown_key(&chain.mac) {
            true if is_rolled_back => ChainError::RolledBack,
            true => ChainError::AnotherKey,
            false => ChainError::InvalidMac,
        })
    }

    /// The ends of the chain, if their row is valid and the checkpoint is still in the chain.
    pub(crate) fn intact(
        &self,
        connection: &mut Db,
        chain: Option<ChainRow>,
        checkpoint: Option<&Checkpoint>,
    ) -> Attempt<ChainRow> {
        let Some(chain) = chain else {
            return Ok(Err(ChainError::Missing));
        };
        if let Err(error) = self.check_ends(&chain, checkpoint) {
            return Ok(Err(error));
        }
        if is_new(&chain) && !contents::list_without_mac(connection, 0, 1)?.is_empty() {
            return Ok(Err(ChainError::Unmarked));
        }
        let is_rolled_back = match checkpoint {
            Some(checkpoint) => is_replaced(connection, &chain, checkpoint)?,
            None => false,
        };
        Ok(if is_rolled_back {
            Err(ChainError::RolledBack)
        } else {
            Ok(chain)
        })
    }
}

/// Whether a chain ends before a checkpoint, or at another link than the checkpoint's.
fn ends_before(chain: &ChainRow, checkpoint: &Checkpoint) -> bool {
    let ends_at_it = chain.last_position == checkpoint.position;
    chain.last_position < checkpoint.position
        || (ends_at_it && chain.last_link_mac != checkpoint.link)
}

/// Whether a chain that includes the position of a checkpoint has another link there.
fn is_replaced(
    connection: &mut Db,
    chain: &ChainRow,
    checkpoint: &Checkpoint,
) -> Result<bool, StoreError> {
    if !(chain.first_position..=chain.last_position).contains(&checkpoint.position) {
        return Ok(false);
    }
    let link = table::find_link_mac(connection, checkpoint.position)?;
    // It is missing if another instance has pruned it meanwhile.
    Ok(link.is_some_and(|link| link != checkpoint.link))
}

/// Whether a checkpoint shows that a chain is one of an old copy of the database.
pub(crate) fn is_old_copy(
    connection: &mut Db,
    chain: &ChainRow,
    checkpoint: &Checkpoint,
) -> Result<bool, StoreError> {
    Ok(ends_before(chain, checkpoint) || is_replaced(connection, chain, checkpoint)?)
}

/// Logs an error once.
fn log_new(known: Option<ChainError>, error: Option<ChainError>) {
    if let Some(error) = error.filter(|_| known != error) {
        tracing::error!(
            %error,
            "the audit chain is damaged, and no further links are added; run `munjigi audit verify` for details"
        );
    }
}

/// Whether a position outside of these ends is taken. The ends must be locked, or read between the two bounds.
pub(crate) fn is_outside((least, greatest): (Option<i64>, Option<i64>), chain: &ChainRow) -> bool {
    least.is_some_and(|least| least < chain.first_position)
        || greatest.is_some_and(|greatest| greatest > chain.last_position)
}

/// Whether the chain has never had a link.
pub(crate) fn is_new(chain: &ChainRow) -> bool {
    chain.mac.is_empty()
        && chain.first_position == 1
        && chain.last_position == 0
        && chain.backfilled_id == 0
        && chain.backfill_end_id == 0
        && chain.base_link_mac.is_empty()
        && chain.last_link_mac.is_empty()
}
