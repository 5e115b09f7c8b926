//! The argument of write closures, and their result.

use std::ops::{Deref, DerefMut};

use crate::store::engine::connection::Db;

/// A connection inside a transaction of [`Store::write`](crate::store::Store::write).
///
/// It dereferences to [`Db`], so every store function accepts it. The functions that insert revocation events require it:
/// the store has to know of them to wait for the revocation feed after the commit.
pub struct Transaction<'a> {
    pub(in crate::store) connection: &'a mut Db,
    /// Whether it has inserted a revocation event.
    pub(in crate::store) has_revocation_events: bool,
    /// Whether a server is to log its audit events, because this process is a command.
    pub(in crate::store) has_audit_outbox: bool,
    /// What is done after the commit.
    pub(in crate::store) after_commit: Vec<Action>,
}

/// Something that is done after a commit. It must not use the database.
pub(in crate::store) type Action = Box<dyn FnOnce() + Send>;

impl Deref for Transaction<'_> {
    type Target = Db;

    fn deref(&self) -> &Db {
        self.connection
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Db {
        self.connection
    }
}

/// The result of a transaction.
pub(crate) struct Written {
    pub(in crate::store) has_revocation_events: bool,
    pub(in crate::store) after_commit: Vec<Action>,
}

impl Written {
    /// Runs what was to be done after the commit.
    pub(in crate::store) fn committed(&mut self) {
        for action in self.after_commit.drain(..) {
            action();
        }
    }
}
