//! Connections, transactions and migrations: how a query runs on either database.

pub(crate) mod batches;
pub mod column_types;
pub mod concurrency_limit;
pub(crate) mod connection;
pub(crate) mod erased;
pub mod file_access;
pub mod insert;
pub mod migrations;
pub(crate) mod other_work;
pub mod postgres_pool;
pub mod preconditions;
pub mod read_only;
pub mod readers;
pub mod search_indexes;
pub mod snapshot;
pub(crate) mod traced;
pub mod transaction;
pub(crate) mod write_health;
pub mod writer;

use crate::store::engine::batches::Batches;
use crate::store::engine::concurrency_limit::ConcurrencyLimit;
use crate::store::engine::connection::{Db, StoreSettings, Target};
use crate::store::engine::erased::{Failure, Work};
use crate::store::engine::postgres_pool::{PostgresPool, in_transaction, with_retries};
use crate::store::engine::read_only::ReadOnly;
use crate::store::engine::readers::Readers;
use crate::store::engine::transaction::Written;
use crate::store::engine::writer::{Writer, WriterFigures};
use crate::store::error::StoreError;
use crate::store::rotation::{Rotated, Rotation};
use crate::store::rotation_batch;
use crate::worker_pool::{PoolFigures, PoolSettings, cores};

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
        /// Rotations, which share statements.
        rotations: Batches<Rotation, Option<Rotated>>,
    },
    /// Either database, on one connection that can only read.
    ReadOnly(ReadOnly),
}

/// How the database is used, for metrics.
#[derive(Clone, Debug, Default)]
pub struct StoreFigures {
    /// The pools of connections, by name.
    pub pools: Vec<(&'static str, PoolFigures)>,
    /// The writer of SQLite.
    pub writer: Option<WriterFigures>,
}

impl Engine {
    /// How the database is used.
    pub(crate) fn figures(&self) -> StoreFigures {
        match self {
            Self::Sqlite {
                readers,
                list_readers,
                writer,
            } => StoreFigures {
                pools: vec![
                    ("reads", readers.figures()),
                    ("lists", list_readers.figures()),
                ],
                writer: Some(writer.figures()),
            },
            Self::Postgres {
                pool, list_limit, ..
            } => StoreFigures {
                pools: vec![("all", pool.figures()), ("lists", list_limit.figures())],
                writer: None,
            },
            Self::ReadOnly(_) => StoreFigures::default(),
        }
    }

    /// Runs a read by key.
    pub(crate) async fn read(&self, work: Work) -> Result<(), Failure> {
        match self {
            Self::Sqlite { readers, .. } => readers.run(work).await,
            Self::Postgres { pool, .. } => pool.spawn_blocking(move |pool| pool.run(work)).await,
            Self::ReadOnly(connection) => connection.run(work).await,
        }
    }

    /// Runs a read of many rows.
    pub(crate) async fn read_list(&self, work: Work) -> Result<(), Failure> {
        match self {
            Self::Sqlite { list_readers, .. } => list_readers.run(work).await,
            Self::Postgres {
                pool, list_limit, ..
            } => {
                let permit = list_limit.acquire().await?;
                pool.spawn_blocking(move |pool| {
                    // Held until the work has finished, even when the caller has stopped waiting for it.
                    let _permit = permit;
                    pool.run(work)
                })
                .await
            }
            Self::ReadOnly(connection) => connection.run(work).await,
        }
    }

    /// Runs work in a transaction.
    pub(crate) async fn write<F>(&self, work: F) -> Result<Written, Failure>
    where
        F: Fn(&mut Db) -> Result<Written, Failure> + Send + 'static,
    {
        match self {
            Self::Sqlite { writer, .. } => writer.write(work, Written::committed).await,
            Self::Postgres { pool, .. } => {
                pool.spawn_blocking(move |pool| {
                    let mut written = pool.run(|connection| in_transaction(connection, &work))?;
                    written.committed();
                    Ok(written)
                })
                .await
            }
            Self::ReadOnly(_) => Err(ReadOnly::error().into()),
        }
    }

    /// Runs one statement that is atomic by itself.
    pub(crate) async fn write_statement(&self, work: Work) -> Result<(), Failure> {
        match self {
            Self::Sqlite { writer, .. } => writer.write(work, |()| ()).await,
            Self::Postgres { pool, .. } => {
                pool.spawn_blocking(move |pool| {
                    pool.run_once(|connection| with_retries(|| work(connection)))
                })
                .await
            }
            Self::ReadOnly(_) => Err(ReadOnly::error().into()),
        }
    }

    /// Opens a database. On SQLite `first` becomes the writing connection.
    pub(crate) fn open(settings: &StoreSettings, first: Db) -> Result<Self, StoreError> {
        let (size, timeout) = (settings.pool_size as usize, settings.acquire_timeout);
        let target = match &settings.target {
            Target::Postgres { .. } => {
                let pool = PostgresPool::open(settings, MAX_WAITING)?;
                return Ok(Self::Postgres {
                    rotations: Batches::new(pool.clone(), rotation_batch::WORK),
                    pool,
                    list_limit: ConcurrencyLimit::new(
                        (size / 2).max(1),
                        MAX_WAITING_LISTS,
                        timeout,
                    ),
                });
            }
            target @ Target::Sqlite { .. } => target,
        };
        let for_reads = PoolSettings {
            name: "store-reader",
            threads: cores().max(2).min(size),
            max_waiting: MAX_WAITING,
            timeout,
            low_priority: false,
        };
        let for_lists = PoolSettings {
            name: "store-lists",
            max_waiting: MAX_WAITING_LISTS,
            low_priority: true,
            ..for_reads
        };
        Ok(Self::Sqlite {
            writer: Writer::start(target.clone(), first)?,
            readers: Readers::start(target, for_reads)?,
            list_readers: Readers::start(target, for_lists)?,
        })
    }
}
