//! What a process keeps in memory about limits. Except for [`Limits::requests`] it only saves queries: every other limit
//! is enforced by the database.

use crate::services::limits::locked_addresses::LockedAddresses;
use crate::services::limits::memory_counters::MemoryCounters;
use crate::services::limits::pending_attempts::PendingAttempts;

/// The attempts that are being verified, the addresses that are locked, and the requests without a known device.
#[derive(Default)]
pub struct Limits {
    pub(super) pending: PendingAttempts,
    pub(super) locked_addresses: LockedAddresses,
    pub(super) requests: MemoryCounters,
}
