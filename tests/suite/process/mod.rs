//! The real binary as a process: how it starts, what it refuses, how it stops and is killed, what it logs, and what other
//! programs make of its tokens, hashes and schema. What can be asked of the server inside the test's own process is not
//! here.
//!
//! The database is SQLite, or Postgres where `TEST_DATABASE_URL` is set; the few tests that are of one only say so.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its ground is missing"
)]

mod accounts;
mod audit;
mod check;
mod client;
mod cluster;
mod command_line;
mod crash;
mod database;
mod diesel_cli;
mod faults;
mod load;
mod log;
mod metrics;
mod other_programs;
pub mod place;
mod receiver;
mod refusals;
pub mod server;
mod shutdown;
mod start;
mod tokens;
pub mod tools;
