//! Log-ins and refused log-ins per hour, for the dashboard's chart.
//!
//! They are counted in memory and written together: a refused log-in must not cost a write, which could be felt in its time
//! and would give a flood of them the database's disk. What was counted since the last writing is lost with a crash.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    clock::Timestamp,
    domain::principal::UserType,
    store::{Store, StoreError, login_counts},
};

type Counts = HashMap<(Timestamp, UserType, &'static str), i64>;

/// The counts that are not written yet.
#[derive(Default)]
pub struct LoginCounts(Mutex<Counts>);

/// How long a count is kept; the flush takes it out then.
pub(super) const KEPT_FOR: Duration = Duration::from_hours(24 * 60);

impl LoginCounts {
    /// A log-in that was let in.
    pub const ACCEPTED: &'static str = "accepted";
    /// A log-in that was refused.
    pub const REFUSED: &'static str = "refused";
    /// How often the counts are written.
    pub const WRITE_EVERY: Duration = Duration::from_secs(10);

    /// Counts a log-in.
    pub fn note(&self, at: Timestamp, user_type: UserType, outcome: &'static str) {
        let hour = at.unix_seconds().div_euclid(3600) * 3600;
        let hour = Timestamp::from_unix_seconds(hour).unwrap_or(at);
        *self.lock().entry((hour, user_type, outcome)).or_default() += 1;
    }

    /// Writes what was counted since the last time. What cannot be written is counted on.
    ///
    /// # Errors
    /// The store's.
    pub async fn write(&self, store: &Store) -> Result<(), StoreError> {
        let counts = std::mem::take(&mut *self.lock());
        if counts.is_empty() {
            return Ok(());
        }
        // In one order, so that two instances do not wait for each other crosswise.
        let mut rows: Vec<_> = counts.iter().map(|(key, hits)| (*key, *hits)).collect();
        rows.sort_unstable();
        let written = store
            .write(move |connection| {
                for ((hour, user_type, outcome), hits) in &rows {
                    login_counts::add(connection, *hour, *user_type, outcome, *hits)?;
                }
                Ok::<_, StoreError>(())
            })
            .await;
        if written.is_err() {
            let mut lock = self.lock();
            for (key, hits) in counts {
                *lock.entry(key).or_default() += hits;
            }
        }
        written
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
