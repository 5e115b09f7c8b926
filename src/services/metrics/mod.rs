//! Metrics for Prometheus. They contain no names, addresses or tokens. `docs/metrics.md` describes each; a test compares it
//! with what is exported.
//!
//! What happens is counted in [`counters`] and [`requests`]; states are read when the metrics are asked for, in [`figures`].

pub mod counters;
mod database;
pub mod exposition;
pub mod figures;
mod process;
pub mod requests;
