//! The pool of Postgres connections. Idle connections are checked before they are used, broken ones and those to a server that
//! only accepts reads are replaced, and work runs once more when its connection was replaced before the commit.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use diesel::connection::TransactionManager;
use diesel::r2d2::{HandleError, ManageConnection, Pool, PooledConnection};

use crate::store::engine::concurrency_limit::ConcurrencyLimit;
use crate::store::engine::connection::{Db, StoreSettings, Target, accepts_writes, ping};
use crate::store::error::{StoreError, StoreFailure};
use crate::worker_pool::PoolFigures;

/// How long an idle connection is trusted. A check before each use would cost a fifth of the throughput; no check at all
/// would give the first requests after an idle period connections that a firewall has cut.
const TRUSTED_FOR: Duration = Duration::from_secs(2);

/// How old a connection must be to be replaced because the server behind it only accepts reads. When no server accepts writes,
/// a new connection is no better, so connections are replaced this often at most.
const REPLACED_AFTER: Duration = Duration::from_secs(2);

/// How often a transaction is repeated after a deadlock or a serialisation failure.
const MAX_RETRIES: u32 = 5;

/// The message of a commit, or of a statement that is its own commit, whose answer was never received.
const IN_DOUBT: &str = "the connection broke before the database had answered";

/// The pool, and the limit on the callers that use it. Clones share both.
#[derive(Clone)]
pub(crate) struct PostgresPool {
    pool: Pool<ConnectionManager>,
    manager: ConnectionManager,
    limit: ConcurrencyLimit,
}

impl PostgresPool {
    /// Opens the pool; blocks until the first connection is open. At most `max_waiting` callers wait for a connection.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection can be opened.
    pub(crate) fn open(settings: &StoreSettings, max_waiting: usize) -> Result<Self, StoreError> {
        let manager = ConnectionManager {
            target: settings.target.clone(),
            broken_count: Arc::default(),
        };
        let pool = Pool::builder()
            .max_size(settings.pool_size)
            .min_idle(Some(1))
            // `ConnectionManager::check` does this when it is needed.
            .test_on_check_out(false)
            .connection_timeout(settings.acquire_timeout)
            .error_handler(Box::new(DebugLog))
            .build(manager.clone())
            .map_err(StoreError::unavailable)?;
        let (size, timeout) = (settings.pool_size as usize, settings.acquire_timeout);
        Ok(Self {
            pool,
            manager,
            limit: ConcurrencyLimit::new(size, max_waiting, timeout),
        })
    }

    /// How the pool is used, for metrics.
    pub(crate) fn figures(&self) -> PoolFigures {
        self.limit.figures()
    }

    /// Waits until the limit admits the caller, then runs `f` on a blocking thread.
    ///
    /// # Errors
    /// The closure's; [`StoreError::Overloaded`] when the limit does not admit the caller in time.
    pub(crate) async fn spawn_blocking<T: Send + 'static, E: StoreFailure, F>(
        &self,
        f: F,
    ) -> Result<T, E>
    where
        F: FnOnce(&Self) -> Result<T, E> + Send + 'static,
    {
        let permit = self.limit.acquire().await?;
        let pool = self.clone();
        let job = move || {
            let _permit = permit;
            catch_unwind(AssertUnwindSafe(|| f(&pool)))
                .unwrap_or_else(|_| Err(StoreError::panicked().into()))
        };
        tokio::task::spawn_blocking(job)
            .await
            .unwrap_or_else(|_| Err(StoreError::unavailable("the server is stopping").into()))
    }

    /// Runs `f` on a connection, and once more on another one when the connection broke.
    ///
    /// Idle connections break when the server restarts. What failed before its commit had no effect; what failed in its
    /// commit may have had one, and does not run again.
    pub(crate) fn run<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E>,
        E: StoreFailure,
    {
        let mut pooled = self.get()?;
        let result = f(&mut pooled.connection);
        if !self.broke(&result, &mut pooled) {
            return result;
        }
        drop(pooled);
        let error = result.as_ref().err().and_then(StoreFailure::store_error);
        if matches!(error, Some(StoreError::Unavailable(message)) if message == IN_DOUBT) {
            return result;
        }
        let mut pooled = self.get()?;
        let result = f(&mut pooled.connection);
        self.broke(&result, &mut pooled);
        result
    }

    /// Runs `f`, a single statement that is its own commit, on one connection only.
    pub(crate) fn run_once<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut Db) -> Result<T, E>,
        E: StoreFailure,
    {
        let mut pooled = self.get()?;
        let result = f(&mut pooled.connection);
        if !self.broke(&result, &mut pooled) {
            return result;
        }
        match result.as_ref().err().and_then(StoreFailure::store_error) {
            Some(StoreError::Unavailable(_)) => result,
            _ => Err(StoreError::unavailable(IN_DOUBT).into()),
        }
    }

    /// A connection that is alive; broken ones are dropped.
    fn get(&self) -> Result<PooledConnection<ConnectionManager>, StoreError> {
        for _ in 0..=self.pool.max_size() {
            let mut pooled = self.pool.get().map_err(StoreError::unavailable)?;
            if self.manager.check(&mut pooled) {
                return Ok(pooled);
            }
        }
        Err(StoreError::unavailable("no connection answers"))
    }

    /// Whether work failed and its connection can no longer be used.
    fn broke<T, E: StoreFailure>(&self, result: &Result<T, E>, pooled: &mut Pooled) -> bool {
        result.as_ref().is_err_and(StoreFailure::is_failure)
            && !self.manager.check_after_failure(pooled)
    }
}

/// A connection of the pool, and what is known about its health.
struct Pooled {
    connection: Db,
    /// It cannot be used: r2d2 drops it instead of keeping it.
    is_broken: bool,
    /// The manager's `broken_count` when the connection last answered.
    broken_count: u64,
    opened: Instant,
    last_used: Instant,
}

impl Pooled {
    /// Asks the server. A connection that answers but leads to a server that only accepts reads is usable only while it is
    /// new: after a failover the next connection may lead to the server that accepts writes.
    fn is_usable(&mut self) -> bool {
        match accepts_writes(&mut self.connection) {
            Ok(accepts_writes) => accepts_writes || self.opened.elapsed() < REPLACED_AFTER,
            Err(_) => false,
        }
    }
}

/// Opens and checks the connections.
#[derive(Clone)]
struct ConnectionManager {
    target: Target,
    /// How many connections have broken so far. When one breaks, the others are checked before their next use.
    broken_count: Arc<AtomicU64>,
}

impl ConnectionManager {
    /// Whether a connection that was taken from the pool can be used.
    fn check(&self, pooled: &mut Pooled) -> bool {
        let broken_count = self.broken_count.load(Ordering::Relaxed);
        if pooled.broken_count != broken_count || pooled.last_used.elapsed() > TRUSTED_FOR {
            pooled.is_broken = !pooled.is_usable();
            pooled.broken_count = broken_count;
        }
        pooled.last_used = Instant::now();
        !pooled.is_broken
    }

    /// Whether a connection can still be used after work on it failed.
    fn check_after_failure(&self, pooled: &mut Pooled) -> bool {
        pooled.is_broken = !pooled.is_usable();
        if pooled.is_broken {
            self.broken_count.fetch_add(1, Ordering::Relaxed);
        }
        !pooled.is_broken
    }
}

impl ManageConnection for ConnectionManager {
    type Connection = Pooled;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Pooled, diesel::r2d2::Error> {
        let broken_count = self.broken_count.load(Ordering::Relaxed);
        let connection = self
            .target
            .connect()
            .map_err(diesel::r2d2::Error::ConnectionError)?;
        Ok(Pooled {
            connection,
            is_broken: false,
            broken_count,
            opened: Instant::now(),
            last_used: Instant::now(),
        })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), diesel::r2d2::Error> {
        ping(&mut pooled.connection).map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        use diesel::r2d2::R2D2Connection;
        pooled.is_broken || std::thread::panicking() || pooled.connection.is_broken()
    }
}

/// r2d2 reports every failed attempt to connect; the requests that wait for the connection report it as well.
#[derive(Debug)]
struct DebugLog;

impl HandleError<diesel::r2d2::Error> for DebugLog {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        tracing::debug!(error = %error, "cannot open a database connection");
    }
}

/// BEGIN, the closure, COMMIT; repeated after a deadlock or a serialisation failure.
pub(crate) fn in_transaction<T, E, F>(connection: &mut Db, f: &F) -> Result<T, E>
where
    F: Fn(&mut Db) -> Result<T, E>,
    E: StoreFailure,
{
    with_retries(|| {
        Db::begin_transaction(connection).map_err(StoreError::from)?;
        let value = f(connection).inspect_err(|_| {
            // When this fails the connection is broken, and the server rolls back.
            let _ = Db::rollback_transaction(connection);
        })?;
        match Db::commit_transaction(connection).map_err(StoreError::from) {
            Ok(()) => Ok(value),
            Err(StoreError::Unavailable(_)) => Err(StoreError::unavailable(IN_DOUBT).into()),
            Err(error) => Err(error.into()),
        }
    })
}

/// Repeats `f` after a deadlock or a serialisation failure, after which Postgres has rolled it back.
pub(crate) fn with_retries<T, E, F>(mut f: F) -> Result<T, E>
where
    F: FnMut() -> Result<T, E>,
    E: StoreFailure,
{
    for retry in 1..=MAX_RETRIES {
        match f() {
            Err(error) if error.store_error().is_some_and(StoreError::is_retryable) => {}
            result => return result,
        }
        thread::sleep(Duration::from_millis(1 << retry));
    }
    f()
}
