//! How long rows are kept after they have expired.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::config::MAX_LEEWAY;
use crate::store::flush::ExpiringTable;

/// How long ended jobs are kept.
const JOBS_KEPT_FOR: Duration = Duration::from_hours(24 * 90);

/// The time at or before which a token must have expired to be deleted.
///
/// A blacklisted token whose row was deleted is refused only because it has expired. Its row is kept for the greatest leeway
/// that can be configured, so that a higher leeway never makes a revoked token valid again.
#[must_use]
pub fn cutoff(now: Timestamp) -> Timestamp {
    now - MAX_LEEWAY.get()
}

/// How long a row of a table is kept after the time in its row.
pub(crate) fn kept_for(table: ExpiringTable) -> Duration {
    match table {
        ExpiringTable::Jobs => JOBS_KEPT_FOR,
        _ => MAX_LEEWAY.get(),
    }
}
