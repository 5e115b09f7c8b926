//! The result of a verification.

use crate::clock::Timestamp;
use crate::services::audit_chain::checkpoint::Checkpoint;

/// The kind of a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViolationKind {
    /// The event does not match its MAC.
    Changed,
    /// The event is missing.
    Deleted,
    /// The event has no MAC, or its link is outside of the chain: it was not written with the key.
    Unauthenticated,
    /// The link does not follow from the previous one.
    BrokenLink,
    /// The row with the ends of the chain is missing, or its MAC is not valid.
    Ends,
    /// The chain does not contain the checkpoint.
    CheckpointMismatch,
}

impl ViolationKind {
    /// The word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Deleted => "deleted",
            Self::Unauthenticated => "unauthenticated",
            Self::BrokenLink => "broken_link",
            Self::Ends => "ends",
            Self::CheckpointMismatch => "checkpoint_mismatch",
        }
    }
}

/// A place where the audit log is not intact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The kind.
    pub kind: ViolationKind,
    /// The id of the event; of deleted events the id of the last event before them, if there is one.
    pub event: Option<i64>,
    /// The time of that event, if its row can be read.
    pub happened_at: Option<Timestamp>,
    /// The number of consecutive events concerned.
    pub events: i64,
}

/// The result of verifying the whole audit log.
#[derive(Clone, Debug, Default)]
pub struct ChainReport {
    /// How many events are linked.
    pub linked: i64,
    /// How many events have a MAC but no link yet.
    pub pending: i64,
    /// Whether events from before the chain was restarted are still to be added to it.
    pub to_adopt: bool,
    /// The id and time of the first event of the chain.
    pub first: Option<(i64, Timestamp)>,
    /// The id and time of the last event of the chain.
    pub last: Option<(i64, Timestamp)>,
    /// Whether the chain was compared with a checkpoint. Without one an old copy of the database is not detected.
    pub is_compared: bool,
    /// The end of the chain, to be stored elsewhere.
    pub checkpoint: Option<Checkpoint>,
    /// The first hundred violations, in order.
    pub violations: Vec<Violation>,
    /// The number of all violations.
    pub violation_count: u64,
}

/// How many violations are listed.
const LISTED: usize = 100;

impl ChainReport {
    /// Whether there is no violation.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.violation_count == 0
    }

    pub(crate) fn add(&mut self, violation: Violation) {
        self.violation_count += 1;
        if self.violations.len() < LISTED {
            self.violations.push(violation);
        }
    }
}
