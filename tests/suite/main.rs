//! The test suite. Each test has its own server and database; `support/mod.rs` describes what a new test can use.
//!
//! `cargo test` runs it on SQLite. With `TEST_DATABASE_URL` (the URL of a Postgres superuser, for example
//! `postgres://postgres@127.0.0.1:5432/postgres`) it runs on Postgres. `tests/run` does both.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where its setup fails"
)]

mod admin;
mod api;
mod audit_chain;
mod config;
mod delivery;
mod docs;
mod faults;
mod http_server;
mod layers;
mod locales;
mod migrations;
mod passkeys;
mod process;
mod properties;
mod races;
mod simplejwt;
mod store;
mod support;
mod webhooks;
