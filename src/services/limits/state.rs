//! What a process keeps in memory about limits. It only saves queries: every limit is enforced by the database.

use crate::services::limits::locked_addresses::LockedAddresses;
use crate::services::limits::pending_attempts::PendingAttempts;

/// The attempts that are being verified, and the addresses that are locked.
#[derive(Default)]
pub struct Limits {
    pub(super) pending: PendingAttempts,
    pub(super) locked_addresses: LockedAddresses,
}
