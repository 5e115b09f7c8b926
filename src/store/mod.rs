//! The only layer that knows SQL: opening, migrating, reading and writing, and one file per table.
//!
//! [`Store::read`] and [`Store::write`] take a closure. The write closure *is* the transaction: the store functions called
//! in it are atomic together. A store function is one query with one meaning. Nothing slow (no hashing, no network) runs
//! inside a closure. The rules are in the services.

pub mod account_list;
pub mod account_pages;
pub mod audit_chain_links;
pub mod audit_events;
pub mod audit_list;
pub mod blacklisted_tokens;
pub mod browser_sessions;
pub mod checklist;
pub mod client_users;
pub mod engine;
mod error;
pub mod flush;
pub mod jobs;
pub mod login_history;
pub mod otp_challenges;
pub mod otp_deliveries;
pub mod outstanding_tokens;
pub mod pagination;
pub mod panel_preferences;
pub mod rate_limits;
pub mod raw_audit_events;
pub mod revocation_feed;
pub mod revocations;
pub mod rotation;
mod schema;
pub mod sessions;
pub mod set_up_links;
pub mod token_owners;
pub mod totals;
pub mod users;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use crate::store::engine::{
    connection::{Db, StoreSettings, Target},
    transaction::Transaction,
};
pub use crate::store::error::{StoreError, StoreFailure};

use crate::store::engine::Engine;
use crate::store::revocation_feed::{Feed, UpdateHandler};

/// The pause before a read of background work that found the queue full is repeated.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// The database. Clones share it.
#[derive(Clone)]
pub struct Store {
    /// Before the engine, so that its connection is closed first.
    feed: Arc<OnceLock<Feed>>,
    target: Target,
    engine: Engine,
}

impl Store {
    /// Opens a database whose schema is up to date; blocks until a connection is open.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection can be opened.
    pub fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        Ok(Self {
            feed: Arc::default(),
            target: settings.target.clone(),
            engine: Engine::open(settings)?,
        })
    }

    /// Opens one connection that can only read. Creates nothing; every [`Store::write`] fails.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database does not exist or no connection can be opened.
    pub fn open_read_only(settings: &StoreSettings) -> Result<Self, StoreError> {
        Ok(Self {
            feed: Arc::default(),
            target: settings.target.clone(),
            engine: Engine::open_read_only(settings)?,
        })
    }

    /// The database's name as shown to people: `SQLite` or `Postgres`.
    #[must_use]
    pub fn backend(&self) -> &'static str {
        match &self.target {
            Target::Sqlite { .. } => "SQLite",
            Target::Postgres { .. } => "Postgres",
        }
    }

    /// Runs a closure that reads a few rows by a key. Each statement sees the database at the time it runs.
    ///
    /// # Errors
    /// The closure's; [`StoreError::Overloaded`] when no connection is free in time; [`StoreError::Unavailable`] when the
    /// database cannot be reached.
    pub async fn read<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        self.engine.read(f).await
    }

    /// Runs a closure that reads many rows: a list, a search, a count. It does not delay reads by key: SQLite has
    /// separate threads of low priority for lists, on Postgres they use at most half of the pool.
    ///
    /// # Errors
    /// As [`Store::read`]; the queue is much shorter.
    pub async fn read_list<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        self.engine.read_list(f).await
    }

    /// Like [`Store::read_list`], for background work: while the queue is full, it waits instead of failing.
    ///
    /// # Errors
    /// The closure's; [`StoreError::Unavailable`] when the database cannot be reached.
    pub async fn read_list_when_free<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        let f = Arc::new(f);
        loop {
            let read = Arc::clone(&f);
            match self.read_list(move |connection| read(connection)).await {
                Err(error) if matches!(error.store_error(), Some(StoreError::Overloaded)) => {
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                result => return result,
            }
        }
    }

    /// Runs a closure as one transaction: all of it is stored, or nothing. When it inserted revocation events, this
    /// returns after the handler of [`Store::follow_revocations`] has got them.
    ///
    /// On Postgres the closure may run more than once (after a deadlock), so it must have no effect outside the database.
    ///
    /// # Errors
    /// The closure's, after a rollback; the errors of [`Store::read`].
    pub async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        let work = move |connection: &mut Db| {
            let mut transaction = Transaction::new(connection);
            let value = f(&mut transaction)?;
            Ok::<_, E>((value, transaction.has_revocation_events()))
        };
        let (value, has_revocation_events) = self.engine.write(work).await?;
        if has_revocation_events && let Some(feed) = self.feed.get() {
            feed.catch_up().await;
        }
        Ok(value)
    }

    /// Runs a closure with one statement that is atomic by itself. On Postgres it is one round trip: no transaction is
    /// opened around it. The closure gets no [`Transaction`], so it cannot insert revocation events.
    ///
    /// # Errors
    /// As [`Store::write`]. When the connection breaks it is unknown whether the statement took effect, and it does not
    /// run again: [`StoreError::Unavailable`]. After a deadlock it runs again.
    pub async fn write_statement<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        self.engine.write_statement(f).await
    }

    /// Reads all revocation events, passes them to `handler`, and follows them from then on. Blocks until the first have
    /// been passed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when they cannot be read; [`StoreError::Query`] when they are followed already.
    pub fn follow_revocations(&self, handler: UpdateHandler) -> Result<(), StoreError> {
        let feed = Feed::start(self.target.clone(), handler)?;
        self.feed.set(feed).map_err(|_| {
            StoreError::Query("the revocation events of this store are followed already".into())
        })
    }

    /// Checks that the database can read its tables. A `SELECT 1` would not touch SQLite's file.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn check_connection(&self) -> Result<(), StoreError> {
        self.read(|connection| users::any_active_admin(connection).map(|_| ()))
            .await
    }
}
