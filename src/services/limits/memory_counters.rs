//! Counters in memory, for requests that must cost no database write. They take a fixed space, however many things
//! are counted: when a place is needed, the counter that ends first is dropped.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hash},
    sync::Mutex,
    time::Duration,
};

use crate::clock::Timestamp;
use crate::services::mutex::lock;

/// The number of counters that a key can have its place among.
const WAYS: usize = 4;
/// 65,536 counters of 24 bytes.
const SETS: usize = 16_384;

/// A counted thing, and how often it may happen within a time.
pub(super) struct MemoryLimit {
    key: u64,
    max: u32,
    window: Duration,
}

/// One counter; unused if it has ended.
#[derive(Clone, Copy)]
struct Counter {
    key: u64,
    hits: u32,
    ends_at: Timestamp,
}

/// The counters of this process.
pub(super) struct MemoryCounters {
    /// Has random keys, so that nobody can choose names that share a place.
    hasher: RandomState,
    sets: Mutex<Vec<[Counter; WAYS]>>,
}

impl Default for MemoryCounters {
    fn default() -> Self {
        let unused = Counter {
            key: 0,
            hits: 0,
            ends_at: Timestamp::EPOCH,
        };
        Self {
            hasher: RandomState::new(),
            sets: Mutex::new(vec![[unused; WAYS]; SETS]),
        }
    }
}

impl MemoryCounters {
    /// A limit of what `key` names.
    pub(super) fn limit(&self, key: impl Hash, max: u32, window: Duration) -> MemoryLimit {
        MemoryLimit {
            key: self.hasher.hash_one(key),
            max,
            window,
        }
    }

    /// Counts an event for each limit or, if one of them is used up, for none.
    ///
    /// # Errors
    /// The time until no limit is used up.
    pub(super) fn admit(&self, limits: &[MemoryLimit], now: Timestamp) -> Result<(), Duration> {
        let mut sets = lock(&self.sets);
        let waits = limits
            .iter()
            .filter_map(|limit| wait(&mut sets, limit, now));
        if let Some(wait) = waits.max() {
            return Err(wait);
        }
        for limit in limits {
            count(&mut sets, limit, now);
        }
        Ok(())
    }

    /// The time until a limit is not used up any more; `None` if it is not.
    pub(super) fn wait(&self, limit: &MemoryLimit, now: Timestamp) -> Option<Duration> {
        wait(&mut lock(&self.sets), limit, now)
    }

    /// Counts an event, also beyond the limit.
    pub(super) fn count(&self, limit: &MemoryLimit, now: Timestamp) {
        count(&mut lock(&self.sets), limit, now);
    }
}

fn wait(sets: &mut [[Counter; WAYS]], limit: &MemoryLimit, now: Timestamp) -> Option<Duration> {
    let counter = live(sets, limit.key, now)?;
    (counter.hits >= limit.max).then(|| counter.ends_at.since(now))
}

fn set_of(sets: &mut [[Counter; WAYS]], key: u64) -> &mut [Counter; WAYS] {
    let index = usize::try_from(key % SETS as u64).unwrap_or(0);
    &mut sets[index]
}

fn live(sets: &mut [[Counter; WAYS]], key: u64, now: Timestamp) -> Option<Counter> {
    let set = set_of(sets, key);
    set.iter()
        .find(|counter| counter.key == key && counter.ends_at > now)
        .copied()
}

fn count(sets: &mut [[Counter; WAYS]], limit: &MemoryLimit, now: Timestamp) {
    let set = set_of(sets, limit.key);
    let place = set
        .iter()
        .position(|counter| counter.key == limit.key)
        .or_else(|| (0..WAYS).min_by_key(|place| set[*place].ends_at));
    let Some(counter) = place.map(|place| &mut set[place]) else {
        return;
    };
    if counter.key != limit.key || counter.ends_at <= now {
        *counter = Counter {
            key: limit.key,
            hits: 0,
            ends_at: now + limit.window,
        };
    }
    counter.hits = counter.hits.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_limit_admits_its_number_of_events_within_its_window() {
        let (counters, now) = (MemoryCounters::default(), Timestamp::from_unix_micros(1));
        let admit = |key, at| counters.admit(&[counters.limit(key, 2, MINUTE)], at);
        assert_eq!(admit("a", now), Ok(()));
        let later = now + MINUTE / 2;
        assert_eq!(admit("a", later), Ok(()));
        assert_eq!(admit("a", later), Err(MINUTE / 2));
        assert_eq!(admit("b", later), Ok(()));
        assert_eq!(admit("a", now + MINUTE), Ok(()));
    }

    #[test]
    fn an_event_is_counted_for_all_limits_or_for_none() {
        let (counters, now) = (MemoryCounters::default(), Timestamp::from_unix_micros(1));
        let both = || {
            [
                counters.limit("a", 1, MINUTE),
                counters.limit("b", 2, MINUTE * 2),
            ]
        };
        assert_eq!(counters.admit(&both(), now), Ok(()));
        for _ in 0..5 {
            assert_eq!(counters.admit(&both(), now), Err(MINUTE));
        }
        assert_eq!(
            counters.admit(&[counters.limit("b", 2, MINUTE * 2)], now),
            Ok(())
        );
    }

    #[test]
    fn millions_of_keys_take_no_more_space_and_none_is_refused() {
        let (counters, now) = (MemoryCounters::default(), Timestamp::from_unix_micros(1));
        for number in 0..1_000_000_u32 {
            assert_eq!(
                counters.admit(&[counters.limit(number, 1, MINUTE)], now),
                Ok(())
            );
        }
        assert_eq!(lock(&counters.sets).len(), SETS);
    }
}
