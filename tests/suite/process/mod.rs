//! The real binary as a process: start, refusals, shutdown and kill, its log, the CLI, and whether other programs accept its
//! tokens, hashes and schema. Tests of the server inside the test's own process are elsewhere.
//!
//! The database is SQLite, or Postgres if `TEST_DATABASE_URL` is set. The few tests for only one of them have its name at the
//! end of theirs, and `tests/run` skips them on the other.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where its setup fails"
)]

mod access_log;
mod accounts;
mod audit;
mod backup;
mod certificate;
mod check;
mod client;
mod client_guides;
mod cluster;
mod command_line;
mod crash;
mod database;
mod deadlines;
mod deploy;
mod diesel_cli;
mod django_move;
mod django_site;
mod encoding;
mod failover;
mod faults;
mod files;
mod forward_auth;
mod from_simplejwt;
mod health;
mod import;
mod key_revocation;
mod keys;
mod load;
mod log;
mod mail;
mod metrics;
mod monitoring;
mod openapi;
mod other_programs;
mod packaging;
mod panel_listener;
pub mod place;
mod pooler;
mod proxies;
mod read_only;
mod receiver;
mod refusals;
mod reload;
mod rename_role;
mod restore;
mod roles;
mod second_factor;
pub mod server;
mod service_manager;
mod shutdown;
mod simplejwt_replay;
mod start;
mod tls;
mod tokens;
pub mod tools;
mod upgrade;
mod verifying_services;
mod waiting;
mod webhooks;
