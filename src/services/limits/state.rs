//! What a process keeps in memory about limits. Except for the requests and the refused tokens it only saves queries:
//! every other limit is enforced by the database.

use crate::services::limits::locked_addresses::LockedAddresses;
use crate::services::limits::memory_counters::MemoryCounters;
use crate::services::limits::pending_attempts::PendingAttempts;

/// The attempts that are being verified, the addresses that are locked, the requests for codes without a known device, and
/// the sessions whose refused refresh tokens are presented again.
#[derive(Default)]
pub struct Limits {
    pub(super) pending: PendingAttempts,
    pub(super) locked_addresses: LockedAddresses,
    /// Of requests for codes, and of refused refresh tokens.
    pub(super) counters: MemoryCounters,
}
