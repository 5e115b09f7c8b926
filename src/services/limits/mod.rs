//! Limits on failed attempts and on requests: counters, locks, and who they apply to.

pub mod addresses;
pub mod attempts;
pub mod locks;
pub mod pending_attempts;
pub mod requests;
pub mod rules;
