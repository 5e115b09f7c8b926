//!

pub mod column_types;
pub mod concurrency_limit;
pub(crate) mod connection;
pub mod insert;
pub mod migrations;
pub mod pool;
pub mod readers;
pub mod writer;
