//! Connections, pools and threads, transactions, migrations: what runs a query on either database.

pub mod column_types;
pub mod concurrency_limit;
pub(crate) mod connection;
pub mod insert;
pub mod migrations;
pub mod pool;
pub mod readers;
pub mod writer;
