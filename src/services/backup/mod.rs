//! Backups of a SQLite database with its keys and its audit checkpoint, and what a restore does.
//!
//! A backup is one file: a tar archive that is the content of a data directory, encrypted with age
//! (<https://age-encryption.org/v1>).

pub mod archive;
pub mod create;
pub mod encryption;
pub mod error;
pub mod keys;
pub mod restored;
pub mod schedule;
pub mod workspace;
