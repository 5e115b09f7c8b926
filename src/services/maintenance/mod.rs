//! Background jobs, and the flush of expired rows.

pub mod background;
pub mod clock_skew;
pub mod flush;
pub mod flush_counts;
pub mod job_report;
pub mod job_runner;
pub mod jobs;
pub mod retention;
