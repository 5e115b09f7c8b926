//! The flush: taking out what has expired, in small batches of short transactions, so that logins and refreshes go on
//! undisturbed meanwhile.

use std::time::{Duration, Instant};

use crate::{
    clock::{Clock, Timestamp},
    config::MAX_LEEWAY,
    store::{
        Store, StoreError,
        flush::{ExpiringTable, count_expired, delete_expired},
    },
};

/// How many rows of each table were taken out, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct FlushCounts {
    /// Refresh tokens that were issued.
    pub outstanding_tokens: u64,
    /// Refresh tokens that were refused.
    pub blacklisted_tokens: u64,
    /// One-time codes.
    pub otp_challenges: u64,
    /// Counted events.
    pub rate_limits: u64,
    /// Sessions.
    pub sessions: u64,
}

impl FlushCounts {
    /// The rows of all tables.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.outstanding_tokens
            + self.blacklisted_tokens
            + self.otp_challenges
            + self.rate_limits
            + self.sessions
    }

    fn of(&mut self, table: ExpiringTable) -> &mut u64 {
        match table {
            ExpiringTable::OutstandingTokens => &mut self.outstanding_tokens,
            ExpiringTable::BlacklistedTokens => &mut self.blacklisted_tokens,
            ExpiringTable::OtpChallenges => &mut self.otp_challenges,
            ExpiringTable::RateLimits => &mut self.rate_limits,
            ExpiringTable::Sessions => &mut self.sessions,
        }
    }
}

/// Up to when a row must have expired to be taken out.
///
/// A blacklisted token whose row is gone is refused only because it has expired. So its row stays for the greatest leeway
/// that can be configured, not for the one that is: raising the leeway later must not make a refused token good again.
#[must_use]
pub fn cutoff(now: Timestamp) -> Timestamp {
    now - MAX_LEEWAY.get()
}

/// How many rows the flush would take out now.
///
/// # Errors
/// The store's.
pub async fn count(store: &Store, clock: &Clock) -> Result<FlushCounts, StoreError> {
    let cutoff = cutoff(clock.now());
    store
        .read(move |connection| {
            let mut counts = FlushCounts::default();
            for table in ExpiringTable::ALL {
                *counts.of(table) =
                    u64::try_from(count_expired(connection, table, cutoff)?).unwrap_or(0);
            }
            Ok(counts)
        })
        .await
}

/// Takes out what has expired; `progress` is told after each batch how many rows went with it.
///
/// After each batch it rests as long as the batch took, so that others get at least half of the database's time.
///
/// # Errors
/// The store's; what was taken out before stays out.
pub async fn flush(
    store: &Store,
    clock: &Clock,
    batch_size: u32,
    mut progress: impl FnMut(u64),
) -> Result<FlushCounts, StoreError> {
    let cutoff = cutoff(clock.now());
    let mut counts = FlushCounts::default();
    for table in ExpiringTable::ALL {
        loop {
            let started = Instant::now();
            let deleted = store
                .write(move |connection| {
                    delete_expired(connection, table, cutoff, i64::from(batch_size))
                })
                .await?;
            let deleted = u64::try_from(deleted).unwrap_or(u64::MAX);
            *counts.of(table) += deleted;
            progress(deleted);
            if deleted < u64::from(batch_size) {
                break;
            }
            tokio::time::sleep(started.elapsed().min(Duration::from_secs(1))).await;
        }
    }
    Ok(counts)
}
