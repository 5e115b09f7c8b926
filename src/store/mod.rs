//! The only room that knows SQL: opening, migrating, reading and writing, and one file per table.
//!
//! [`Store::read`] and [`Store::write`] take a closure. The write closure *is* the transaction: several store functions
//! inside it are atomic, and it cannot be forgotten. A store function is one query with one meaning. Nothing slow (no
//! hashing, no network) runs inside a closure. Rules live in the services.

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

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
    time::Duration,
};

use diesel::r2d2::Pool;

pub use crate::store::engine::connection::{Db, Target};
pub use crate::store::error::{StoreError, StoreFailure};

use crate::store::{
    engine::{
        concurrency_limit::ConcurrencyLimit,
        connection::Manager,
        pool::{Connections, in_transaction, undone_again},
        readers::{Crew, Readers},
        writer::Writer,
    },
    revocation_feed::{Feed, Listener},
};

/// How many requests may wait for a connection before the next is turned away at once.
const MAX_WAITING: usize = 2048;
/// The same for lists and searches: each may take long, so whoever comes late would wait for nothing.
const MAX_WAITING_LISTS: usize = 64;

/// How a store is opened.
#[derive(Clone)]
pub struct StoreSettings {
    /// Which database.
    pub target: Target,
    /// How many connections the pool holds.
    pub pool_size: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
}

/// The database: cheap to clone, shared by all.
#[derive(Clone)]
pub struct Store {
    pool: Connections,
    gate: ConcurrencyLimit,
    /// Lets fewer lists and searches through than there are connections.
    list_gate: ConcurrencyLimit,
    target: Target,
    feed: Arc<OnceLock<Feed>>,
    /// SQLite's only.
    readers: Option<Readers>,
    /// SQLite's only: who looks through many rows.
    list_readers: Option<Readers>,
    /// SQLite's only.
    writer: Option<Writer>,
}

impl Store {
    /// Opens the pool (and SQLite's writer) on a database whose schema is ready.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection can be made; it blocks until that is known.
    pub fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        let writer = match &settings.target {
            Target::Sqlite { .. } => Some(Writer::start(settings.target.clone())?),
            Target::Postgres { .. } => None,
        };
        let manager = Manager::new(settings.target.clone());
        let (timeout, size) = (settings.acquire_timeout, settings.pool_size);
        let lists = Crew::of_lists(size);
        let (readers, list_readers, at_once) = match &settings.target {
            Target::Sqlite { .. } => (
                Some(Readers::start(&manager, &Crew::of_look_ups(size), timeout)?),
                Some(Readers::start(&manager, &lists, timeout)?),
                lists.threads(),
            ),
            Target::Postgres { .. } => (None, None, (size as usize / 2).max(1)),
        };
        let pool = Pool::builder()
            .max_size(settings.pool_size)
            .min_idle(Some(1))
            // A query per check-out would cost a fifth of the speed; broken connections are dropped when they fail.
            .test_on_check_out(false)
            .connection_timeout(settings.acquire_timeout)
            .error_handler(Box::new(QuietHandler))
            .build(manager.clone())
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let pool = Connections { pool, manager };
        Ok(Self {
            pool,
            gate: ConcurrencyLimit::new(size as usize, MAX_WAITING, timeout),
            list_gate: ConcurrencyLimit::new(at_once, MAX_WAITING_LISTS, timeout),
            target: settings.target.clone(),
            feed: Arc::default(),
            writer,
            readers,
            list_readers,
        })
    }

    /// The database's name for people: `SQLite` or `Postgres`.
    #[must_use]
    pub fn backend(&self) -> &'static str {
        if self.writer.is_some() {
            "SQLite"
        } else {
            "Postgres"
        }
    }

    /// Runs a closure that only reads. Each statement sees the database as it is at that moment.
    ///
    /// # Errors
    /// What the closure gives; [`StoreError::Overloaded`] when no connection comes free in time;
    /// [`StoreError::Unavailable`] when the database cannot be reached.
    pub async fn read<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        match &self.readers {
            Some(readers) => readers.run(f).await,
            None => self.on_pool(move |pool| pool.run(f)).await,
        }
    }

    /// Runs a closure that looks through many rows: a list, a search, a count. However many are asked for, they keep
    /// nobody else waiting: SQLite has threads of low priority for them, on Postgres they get half of the pool.
    ///
    /// # Errors
    /// As [`Store::read`]; a much smaller crowd may wait.
    pub async fn read_list<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        let turn = self.list_gate.enter().await?;
        let held = move |connection: &mut Db| {
            // It lasts as long as the work, even where nobody waits for its result any more.
            let _turn = &turn;
            f(connection)
        };
        match &self.list_readers {
            Some(readers) => readers.run(held).await,
            None => self.read(held).await,
        }
    }

    /// Runs a closure as one transaction: all of it is stored, or nothing.
    ///
    /// On Postgres it may run more than once (after a deadlock), so it must have no effect outside the database.
    ///
    /// # Errors
    /// What the closure gives, after a roll-back; the errors of [`Store::read`] besides.
    pub async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        let f = move |connection: &mut Db| {
            let (result, has_news) = revocations::with_change_flag(|| f(connection));
            result.map(|value| (value, has_news))
        };
        let (value, has_news) = if let Some(writer) = &self.writer {
            writer.write(f).await?
        } else {
            self.on_pool(move |pool| pool.run(|connection| in_transaction(connection, &f)))
                .await?
        };
        if has_news && let Some(feed) = self.feed.get() {
            feed.catch_up().await;
        }
        Ok(value)
    }

    /// Reads all news of revocations, tells them to `listener`, and follows them from now on. It blocks until the first
    /// are told. A transaction of [`Store::write`] that writes news is answered when the listener has heard them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when they cannot be read.
    pub fn follow_revocations(&self, listener: Listener) -> Result<(), StoreError> {
        let feed = Feed::start(self.target.clone(), listener)?;
        // A second listener has nobody to tell it: there is one store for each server.
        self.feed
            .set(feed)
            .map_err(|_| StoreError::Query("the revocations are followed already".into()))
    }

    /// Runs one statement that is atomic by itself, without a transaction round it on Postgres: one round trip. On
    /// SQLite it is a [`Store::write`].
    ///
    /// # Errors
    /// As [`Store::write`]; when the connection breaks, nobody knows whether the statement was done, and it is not
    /// run again: [`StoreError::Unavailable`]. After a deadlock it is: nothing was done then.
    pub async fn write_statement<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        if let Some(writer) = &self.writer {
            return writer.write(f).await;
        }
        self.on_pool(move |pool| pool.run_once(|connection| undone_again(connection, &f)))
            .await
    }

    /// Whether the database answers a question about its rows. A `SELECT 1` alone would not touch SQLite's file.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn ask(&self) -> Result<(), StoreError> {
        self.read(|connection| users::any_active_admin(connection).map(|_| ()))
            .await
    }

    /// Runs `f` on a blocking thread once there is a connection for it.
    async fn on_pool<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&Connections) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        let permit = self.gate.enter().await?;
        let pool = self.pool.clone();
        run_blocking(move || {
            let _permit = permit;
            f(&pool)
        })
        .await
    }
}

/// r2d2 reports every failed connection attempt; the requests that wait for one report it already.
#[derive(Debug)]
struct QuietHandler;

impl diesel::r2d2::HandleError<diesel::r2d2::Error> for QuietHandler {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        tracing::debug!(error = %error, "cannot open a database connection");
    }
}

async fn run_blocking<T, E, F>(f: F) -> Result<T, E>
where
    F: FnOnce() -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: StoreFailure + Send + 'static,
{
    tokio::task::spawn_blocking(move || {
        catch_unwind(AssertUnwindSafe(f))
            .unwrap_or_else(|_| Err(StoreError::Query("a panic in a database job".into()).into()))
    })
    .await
    .unwrap_or_else(|_| Err(StoreError::Unavailable("the server is stopping".into()).into()))
}
