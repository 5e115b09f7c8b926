//! The connection of an import that writes. An import into a new database is one transaction, in which the indexes are
//! dropped first and built again at its end; otherwise each batch is a transaction.

use crate::store::engine::connection::{Db, Target};
use crate::store::engine::postgres_pool::with_retries;
use crate::store::engine::transaction::{Action, Transaction};
use crate::store::engine::writer::{begin, commit, roll_back};
use crate::store::error::{StoreError, StoreFailure};
use crate::store::imports::bulk_load::{self, DroppedIndexes};

/// The connection.
pub struct Destination {
    connection: Db,
    /// The transaction over everything, if there is one.
    bulk: Option<Bulk>,
}

struct Bulk {
    dropped: DroppedIndexes,
    after_commit: Vec<Action>,
}

impl Destination {
    /// Opens the connection. If nobody has used the database yet, everything that follows is one transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(target: &Target) -> Result<Self, StoreError> {
        let mut connection = target.connect().map_err(StoreError::unavailable)?;
        bulk_load::prepare(&mut connection)?;
        let bulk = if bulk_load::is_new(&mut connection)? {
            bulk_load::use_rollback_journal(&mut connection);
            begin(&mut connection)?;
            let dropped = bulk_load::drop_indexes(&mut connection)?;
            let after_commit = Vec::new();
            Some(Bulk {
                dropped,
                after_commit,
            })
        } else {
            None
        };
        Ok(Self { connection, bulk })
    }

    /// Whether everything is one transaction.
    #[must_use]
    pub fn is_bulk(&self) -> bool {
        self.bulk.is_some()
    }

    /// Runs a closure that reads.
    ///
    /// # Errors
    /// The closure's.
    pub fn read<T>(
        &mut self,
        f: impl FnOnce(&mut Db) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        f(&mut self.connection)
    }

    /// Runs a closure as a transaction, or in the transaction over everything.
    ///
    /// # Errors
    /// The closure's, after a rollback.
    pub fn write<T, E: StoreFailure>(
        &mut self,
        f: impl Fn(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(bulk) = &mut self.bulk {
            let (value, after_commit) = run(&mut self.connection, &f)?;
            bulk.after_commit.extend(after_commit);
            return Ok(value);
        }
        let connection = &mut self.connection;
        let (value, after_commit) = with_retries(|| {
            begin(connection)?;
            let done = run(connection, &f).inspect_err(|_| {
                // When this fails the connection is broken, and the database rolls back.
                let _ = roll_back(connection);
            })?;
            commit(connection)?;
            Ok::<_, E>(done)
        })?;
        for action in after_commit {
            action();
        }
        Ok(value)
    }

    /// Gives up the transaction over everything.
    pub fn abandon(&mut self) {
        if self.bulk.take().is_some() {
            // When this fails the connection is broken, and the database rolls back.
            let _ = roll_back(&mut self.connection);
            bulk_load::use_write_ahead_log(&mut self.connection);
        }
    }

    /// Ends the transaction over everything: builds the indexes again and commits.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub fn finish(&mut self) -> Result<(), StoreError> {
        if let Some(bulk) = &self.bulk {
            bulk.dropped.create_again(&mut self.connection)?;
            commit(&mut self.connection)?;
            bulk_load::use_write_ahead_log(&mut self.connection);
        }
        if let Some(bulk) = self.bulk.take() {
            for action in bulk.after_commit {
                action();
            }
        }
        Ok(())
    }
}

fn run<T, E: StoreFailure>(
    connection: &mut Db,
    f: &impl Fn(&mut Transaction<'_>) -> Result<T, E>,
) -> Result<(T, Vec<Action>), E> {
    let mut transaction = Transaction {
        connection,
        has_revocation_events: false,
        // Events of a command are logged by a server.
        has_audit_outbox: true,
        after_commit: Vec::new(),
    };
    let value = f(&mut transaction)?;
    Ok((value, transaction.after_commit))
}
