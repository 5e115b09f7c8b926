//! Connections, transactions and migrations: how a query runs on either database.

pub mod column_types;
pub mod concurrency_limit;
pub(crate) mod connection;
pub mod insert;
pub mod migrations;
pub mod postgres_pool;
pub mod read_only;
pub mod readers;
pub mod transaction;
pub mod writer;

use crate::store::engine::concurrency_limit::ConcurrencyLimit;
use crate::store::engine::connection::{Db, StoreSettings, Target};
use crate::store::engine::postgres_pool::PostgresPool;
use crate::store::engine::read_only::ReadOnly;
use crate::store::engine::readers::Readers;
use crate::store::engine::transaction::{in_transaction, with_retries};
use crate::store::engine::writer::Writer;
use crate::store::error::{StoreError, StoreFailure};

/// How many reads by key, or uses of Postgres's pool, may wait for a connection; one more is rejected at once.
const MAX_WAITING: usize = 2048;
/// The same for lists and searches. Each may take long, so those at the end of a long queue would only time out.
const MAX_WAITING_LISTS: usize = 64;

/// The open database: its connections and the threads that use them.
#[derive(Clone)]
pub(crate) enum Engine {
    /// SQLite: a thread that writes, and threads that read.
    Sqlite {
        /// For reads by key.
        readers: Readers,
        /// For lists and searches.
        list_readers: Readers,
        /// The last field, so that it is dropped last: all accepted writes are committed then.
        writer: Writer,
    },
    /// Postgres: a pool of connections.
    Postgres {
        /// For everything.
        pool: PostgresPool,
        /// Lets lists and searches use half of the pool.
        list_limit: ConcurrencyLimit,
    },
    /// Either database, on one connection that can only read.
    ReadOnly(ReadOnly),
}

impl Engine {
    /// Opens the database; blocks until a connection is open.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection can be opened.
    pub(crate) fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        let (size, timeout) = (settings.pool_size, settings.acquire_timeout);
        match &settings.target {
            target @ Target::Sqlite { .. } => Ok(Self::Sqlite {
                writer: Writer::start(target.clone())?,
                readers: Readers::start(target, size, MAX_WAITING, timeout)?,
                list_readers: Readers::start_for_lists(target, size, MAX_WAITING_LISTS, timeout)?,
            }),
            Target::Postgres { .. } => Ok(Self::Postgres {
                pool: PostgresPool::open(settings, MAX_WAITING)?,
                list_limit: ConcurrencyLimit::new(
                    (size as usize / 2).max(1),
                    MAX_WAITING_LISTS,
                    timeout,
                ),
            }),
        }
    }

    /// Opens one connection that can only read, and creates nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database does not exist or no connection can be opened.
    pub(crate) fn open_read_only(settings: &StoreSettings) -> Result<Self, StoreError> {
        ReadOnly::open(&settings.target).map(Self::ReadOnly)
    }

    /// See [`Store::read`](crate::store::Store::read).
    pub(crate) async fn read<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        match self {
            Self::Sqlite { readers, .. } => readers.run(f).await,
            Self::Postgres { pool, .. } => pool.spawn_blocking(move |pool| pool.run(f)).await,
            Self::ReadOnly(connection) => connection.run(f).await,
        }
    }

    /// See [`Store::read_list`](crate::store::Store::read_list).
    pub(crate) async fn read_list<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        match self {
            Self::Sqlite { list_readers, .. } => list_readers.run(f).await,
            Self::Postgres { pool, list_limit } => {
                let permit = list_limit.acquire().await?;
                pool.spawn_blocking(move |pool| {
                    // Held until the work has finished, even when the caller has stopped waiting for it.
                    let _permit = permit;
                    pool.run(f)
                })
                .await
            }
            Self::ReadOnly(connection) => connection.run(f).await,
        }
    }

    /// Runs `f` in a transaction.
    pub(crate) async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        match self {
            Self::Sqlite { writer, .. } => writer.write(f).await,
            Self::Postgres { pool, .. } => {
                pool.spawn_blocking(move |pool| {
                    pool.run(|connection| in_transaction(connection, &f))
                })
                .await
            }
            Self::ReadOnly(_) => Err(ReadOnly::error().into()),
        }
    }

    /// See [`Store::write_statement`](crate::store::Store::write_statement).
    pub(crate) async fn write_statement<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: Fn(&mut Db) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        match self {
            Self::Sqlite { writer, .. } => writer.write(f).await,
            Self::Postgres { pool, .. } => {
                pool.spawn_blocking(move |pool| {
                    pool.run_once(|connection| with_retries(|| f(connection)))
                })
                .await
            }
            Self::ReadOnly(_) => Err(ReadOnly::error().into()),
        }
    }
}
