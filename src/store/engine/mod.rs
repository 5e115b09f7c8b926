//! Connections, transactions and migrations: how a query runs on either database.

pub mod column_types;
pub mod concurrency_limit;
pub(crate) mod connection;
pub mod file_access;
pub mod insert;
pub mod migrations;
pub mod postgres_pool;
pub mod preconditions;
pub mod read_only;
pub mod readers;
pub mod search_indexes;
pub mod transaction;
pub(crate) mod write_health;
pub mod writer;

use crate::store::engine::concurrency_limit::ConcurrencyLimit;
use crate::store::engine::postgres_pool::PostgresPool;
use crate::store::engine::read_only::ReadOnly;
use crate::store::engine::readers::Readers;
use crate::store::engine::writer::Writer;

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
