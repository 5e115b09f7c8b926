//! The admin API: what the panel can do, for services whose access tokens have the scopes for it. `granted` is the extractor of
//! the caller, `idempotent` reads `Idempotency-Key`, `list` is what all lists
//! share; then one file for each noun.

pub(in crate::http) mod audit_events;
pub(super) mod blacklist;
pub(super) mod bulk;
pub(in crate::http) mod bulk_items;
mod granted;
mod idempotent;
pub(super) mod jobs;
pub(super) mod keys;
pub(super) mod list;
pub(super) mod locks;
pub(super) mod services;
pub(super) mod sessions;
pub(super) mod tokens;
