//! Imports of accounts and tokens: from the database of a Django site, or from a file; and the export of accounts in the same
//! form.
//!
//! A row of the source is read by `candidate.rs`, compared with what is here by `plan.rs`, and written by `apply.rs`. `run.rs`
//! does this batch after batch.

mod access;
mod apply;
mod candidate;
pub mod django;
mod duplicates;
pub mod error;
mod existing;
pub mod export;
mod fields;
pub mod file;
mod input;
mod last_administrator;
pub mod mapping;
mod plan;
pub mod report;
pub mod roles;
pub mod run;
mod tokens;
mod values;
