//! The only layer that knows SQL: opening, migrating, reading and writing, and one file per table.
//!
//! [`Store::read`] and [`Store::write`] take a closure. The write closure *is* the transaction: the store functions called
//! in it are atomic together. A store function is one query with one meaning. Nothing slow (no hashing, no network) runs
//! inside a closure. The rules are in the services.

mod account_cursors;
pub mod account_list;
pub mod account_pages;
mod account_queries;
pub mod account_search;
pub mod account_sessions;
pub mod audit_chain_links;
pub mod audit_events;
pub mod audit_history;
pub mod audit_list;
pub mod audit_outbox;
pub mod blacklist_list;
pub mod blacklisted_tokens;
pub mod browser_sessions;
pub mod checklist;
pub mod client_users;
pub mod deliveries;
pub mod device_tokens;
pub mod django_tokens;
pub mod engine;
mod error;
pub mod flush;
pub mod idempotency_keys;
pub mod imports;
pub mod jobs;
pub mod login_history;
pub mod one_time_secrets;
pub mod otp_challenges;
pub mod outstanding_tokens;
pub mod pagination;
pub mod panel_preferences;
pub mod passkeys;
pub mod rate_limits;
pub mod raw_audit_events;
pub mod recovery_codes;
pub mod reset_recipients;
pub mod revocation_feed;
pub mod revocation_positions;
pub mod revocations;
pub mod rotation;
pub mod rotation_batch;
mod schema;
pub mod second_factor_challenges;
pub mod services;
pub mod session_list;
pub mod sessions;
pub mod set_up_links;
pub mod signing_keys;
pub mod status_indexes;
pub mod token_owners;
pub mod totals;
pub mod totp_factors;
pub mod users;
pub mod webhook_deliveries;
pub mod webhook_endpoints;
mod write_probe;

use std::fs::File;
use std::io::ErrorKind;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::spawn_blocking;

pub use crate::store::engine::{
    StoreFigures,
    connection::{Db, StoreSettings, Target},
    transaction::Transaction,
};
pub use crate::store::error::{StoreError, StoreFailure};

use crate::store::engine::Engine;
use crate::store::engine::erased::{Failure, Kept, TransactionWork};
use crate::store::engine::file_access::with_suffix;
use crate::store::engine::other_work::OtherWork;
use crate::store::engine::read_only::ReadOnly;
use crate::store::engine::traced::Traced;
use crate::store::engine::transaction::Written;
use crate::store::engine::write_health::WriteHealth;
use crate::store::revocation_feed::{Feed, UpdateHandler};
use crate::store::rotation::{Rotated, Rotation};
use crate::store::rotation_batch::rotate_alone;

/// The pause before a read of background work that found the queue full is repeated.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// The database. Clones share it.
#[derive(Clone)]
pub struct Store {
    /// Before the engine, so that its connection is closed first.
    feed: Arc<OnceLock<Feed>>,
    target: Target,
    engine: Engine,
    /// Whether a server is to log the audit events, because this process is a command.
    has_audit_outbox: bool,
    write_health: Arc<WriteHealth>,
    other_work: OtherWork,
}

impl Store {
    /// Opens a database whose schema is up to date; blocks until a connection is open.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection can be opened.
    pub fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        let first = settings.target.connect().map_err(StoreError::unavailable)?;
        Self::open_with(settings, first)
    }

    /// The same with a connection that is open already. It is used further: SQLite reads the whole schema for each.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no other connection can be opened.
    pub fn open_with(settings: &StoreSettings, first: Db) -> Result<Self, StoreError> {
        let engine = Engine::open(settings, first)?;
        Ok(Self::new(settings, engine))
    }

    /// Opens one connection that can only read. Creates nothing; every [`Store::write`] fails.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database does not exist or no connection can be opened.
    pub fn open_read_only(settings: &StoreSettings) -> Result<Self, StoreError> {
        ReadOnly::open(&settings.target)
            .map(|connection| Self::new(settings, Engine::ReadOnly(connection)))
    }

    fn new(settings: &StoreSettings, engine: Engine) -> Self {
        Self {
            feed: Arc::default(),
            target: settings.target.clone(),
            engine,
            has_audit_outbox: false,
            write_health: Arc::default(),
            other_work: OtherWork::default(),
        }
    }

    /// The same store for a command: a server logs the audit events that it writes.
    #[must_use]
    pub fn with_audit_outbox(self) -> Self {
        Self {
            has_audit_outbox: true,
            ..self
        }
    }

    /// The same store for a background job, which can then ask whether others use the database.
    #[must_use]
    pub fn for_job(&self) -> Self {
        Self {
            other_work: self.other_work.for_job(),
            ..self.clone()
        }
    }

    /// Whether others have written since the last call, or another process used the database during a transaction of the job.
    #[must_use]
    pub fn saw_other_work(&self) -> bool {
        self.other_work.was_seen()
    }

    /// Whether this process is a command, and no server.
    pub(crate) fn is_of_command(&self) -> bool {
        self.has_audit_outbox
    }

    /// Where the database is.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// The database's name as shown to people: `SQLite` or `Postgres`.
    #[must_use]
    pub fn backend(&self) -> &'static str {
        match &self.target {
            Target::Sqlite { .. } => "SQLite",
            Target::Postgres { .. } => "Postgres",
        }
    }

    /// How the connections are used, for metrics.
    #[must_use]
    pub fn figures(&self) -> StoreFigures {
        self.engine.figures()
    }

    /// Runs a closure that reads a few rows by a key. Each statement sees the database at the time it runs.
    ///
    /// # Errors
    /// The closure's; [`StoreError::Overloaded`] when no connection is free in time; [`StoreError::Unavailable`] when the
    /// database cannot be reached.
    pub async fn read<T: Send + 'static, E: StoreFailure, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
    {
        let (work, result) = Kept::of(f);
        let span = Traced::begin(&self.target, "read");
        result.take(span.end(self.engine.read(work).await))
    }

    /// Runs a closure that reads many rows: a list, a search, a count. It does not delay reads by key: SQLite has
    /// separate threads of low priority for lists, on Postgres they use at most half of the pool.
    ///
    /// # Errors
    /// As [`Store::read`]; the queue is much shorter.
    pub async fn read_list<T: Send + 'static, E: StoreFailure, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
    {
        let (work, result) = Kept::of(f);
        let span = Traced::begin(&self.target, "list");
        result.take(span.end(self.engine.read_list(work).await))
    }

    /// Like [`Store::read_list`], for background work: while the queue is full, it waits instead of failing.
    ///
    /// # Errors
    /// The closure's; [`StoreError::Unavailable`] when the database cannot be reached.
    pub async fn read_list_when_free<T: Send + 'static, E: StoreFailure, F>(
        &self,
        f: F,
    ) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + Sync + 'static,
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
    pub async fn write<T: Send + 'static, E: StoreFailure, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (work, result) = Kept::of_transaction(f);
        result.take(self.run_transaction(work).await)
    }

    async fn run_transaction(&self, work: TransactionWork) -> Result<(), Failure> {
        let (has_audit_outbox, job) = (self.has_audit_outbox, self.other_work.begin_write());
        let in_transaction = move |connection: &mut Db| {
            let mut transaction = Transaction {
                connection,
                has_revocation_events: false,
                has_audit_outbox,
                after_commit: Vec::new(),
            };
            work(&mut transaction)?;
            if let Some(job) = &job {
                job.look(transaction.connection)?;
            }
            Ok(Written {
                has_revocation_events: transaction.has_revocation_events,
                after_commit: transaction.after_commit,
            })
        };
        let span = Traced::begin(&self.target, "write");
        let result = span.end(self.engine.write(in_transaction).await);
        self.write_health.record(&result);
        if result?.has_revocation_events
            && let Some(feed) = self.feed.get()
        {
            feed.catch_up().await;
        }
        Ok(())
    }

    /// Runs a closure with one statement that is atomic by itself. On Postgres it is one round trip: no transaction is
    /// opened around it. The closure gets no [`Transaction`], so it cannot insert revocation events.
    ///
    /// # Errors
    /// As [`Store::write`]. When the connection breaks it is unknown whether the statement took effect, and it does not
    /// run again: [`StoreError::Unavailable`]. After a deadlock it runs again.
    pub async fn write_statement<T: Send + 'static, E: StoreFailure, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
    {
        let (work, result) = Kept::of(f);
        self.other_work.begin_write();
        let span = Traced::begin(&self.target, "write");
        let ended = self.engine.write_statement(work).await;
        self.write_health.record(&ended);
        result.take(span.end(ended))
    }

    /// Rotates a refresh token for [`RotationPolicy::SingleUse`](crate::config::RotationPolicy::SingleUse). On Postgres many
    /// requests share one statement. Returns `None` if the account does not exist.
    ///
    /// # Errors
    /// As [`Store::write_statement`].
    pub async fn rotate(&self, rotation: Rotation) -> Result<Option<Rotated>, StoreError> {
        self.other_work.begin_write();
        let span = Traced::begin(&self.target, "rotate");
        let result = match &self.engine {
            Engine::Sqlite { writer, .. } => {
                let rotate = move |connection: &mut Db| rotate_alone(connection, &rotation);
                writer.write_without_savepoint(rotate).await
            }
            Engine::Postgres { rotations, .. } => rotations.run(rotation).await,
            Engine::ReadOnly(_) => Err(ReadOnly::error()),
        };
        self.write_health.record(&result);
        span.end(result)
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

    /// Waits until everything that was committed is on the disk, after [`Db::defer_sync`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the system cannot write to the disk.
    pub async fn sync(&self) -> Result<(), StoreError> {
        let Target::Sqlite { path, .. } = &self.target else {
            return Ok(());
        };
        let log = with_suffix(path, "-wal");
        let sync = move || File::open(log).and_then(|log| log.sync_data());
        match spawn_blocking(sync).await {
            Ok(Ok(())) => Ok(()),
            // What is not in it any more is in the database, and on the disk.
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => Ok(()),
            Ok(Err(error)) => Err(StoreError::unavailable(error)),
            Err(_) => Err(StoreError::panicked()),
        }
    }

    /// Checks that tables can be read and that writes succeed. Cheap: it writes only where no write has just succeeded.
    ///
    /// # Errors
    /// As [`Store::read`] and [`Store::write`].
    pub async fn check_ready(&self) -> Result<(), StoreError> {
        // A `SELECT 1` would not touch SQLite's file.
        self.read(|connection| users::any_active(connection, &[]).map(|_| ()))
            .await?;
        let probe = async {
            match &self.engine {
                Engine::Sqlite { writer, .. } => writer.write(write_probe::write, |()| ()).await,
                Engine::Postgres { pool, .. } => {
                    pool.spawn_blocking(|pool| pool.run(write_probe::write))
                        .await
                }
                Engine::ReadOnly(_) => Err(ReadOnly::error()),
            }
        };
        self.write_health.check(probe).await
    }
}
