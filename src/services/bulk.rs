//! A change of many accounts: activating, deactivating, ending sessions, deleting.

use serde::{Deserialize, Serialize};

use crate::domain::{job::BulkAction, principal::UserType};

/// What became of many accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkReport {
    /// Of which population.
    pub user_type: UserType,
    /// What was done to them.
    pub action: BulkAction,
    /// How many were changed.
    pub changed: u64,
    /// How many were so already.
    pub unchanged: u64,
    /// How many were gone when it was their turn.
    pub gone: u64,
    /// Whether whoever began it was left out.
    pub skipped_self: bool,
    /// The last administrator, who was left out.
    pub skipped_last_administrator: Option<String>,
}
