//! What an import reads: batches, sent from the thread that reads the source to the one that writes.

use std::sync::Arc;

use crate::domain::import::SourceToken;
use crate::domain::principal::UserType;
use crate::services::import::candidate::Candidate;
use crate::services::import::error::ImportError;
use crate::services::import::report::Line;

/// What is read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Accounts of this type.
    Accounts(UserType),
    /// Tokens.
    Tokens,
}

/// A row that was read: the account, or the problems for which it is not imported.
pub type Parsed = Result<Candidate, Vec<Line>>;

/// A step of reading.
pub enum Message {
    /// A part begins, with this many rows if the number is known. Numbers up to `greatest` are taken by the source.
    /// `origin` is by what the source is known again.
    Begin {
        phase: Phase,
        origin: Arc<str>,
        rows: u64,
        greatest: u64,
    },
    /// Accounts.
    Accounts(UserType, Vec<Parsed>),
    /// Tokens of accounts of this type, and how many rows were read for them.
    Tokens(UserType, Vec<SourceToken>, u64),
}

/// A source. It can be read more than once, with the same result.
pub trait Input: Send {
    /// Sends everything. `send` returns `false` when no more is wanted.
    fn read(&mut self, send: &mut dyn FnMut(Message) -> bool) -> Result<(), ImportError>;
}
