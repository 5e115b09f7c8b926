//! Counters in memory, for requests that must cost no database write. They take no more than a fixed space, however many
//! things are counted: when a place is needed, the counter that ends first is dropped.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hash},
    sync::Mutex,
};

use crate::clock::Timestamp;
use crate::services::limits::quota::{Policy, Quota};
use crate::services::mutex::lock;

/// The number of counters that a key can have its place among.
const WAYS: usize = 4;
/// 65,536 counters of 24 bytes.
const SETS: usize = 16_384;

/// A counted thing, and how often it may happen within a time.
pub(super) struct MemoryLimit {
    key: u64,
    policy: Policy,
}

/// One counter; unused if it has ended.
#[derive(Clone, Copy)]
struct Counter {
    key: u64,
    hits: u32,
    ends_at: Timestamp,
}

const UNUSED: Counter = Counter {
    key: 0,
    hits: 0,
    ends_at: Timestamp::EPOCH,
};

/// The counters of this process.
pub(super) struct MemoryCounters {
    /// Has random keys, so that nobody can choose names that share a place.
    hasher: RandomState,
    sets: Mutex<Sets>,
}

/// A set takes space once something is counted in it.
type Sets = Vec<Option<Box<[Counter; WAYS]>>>;

impl Default for MemoryCounters {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            sets: Mutex::new(vec![None; SETS]),
        }
    }
}

impl MemoryCounters {
    /// A limit of what `key` names.
    pub(super) fn limit(&self, key: impl Hash, policy: Policy) -> MemoryLimit {
        MemoryLimit {
            key: self.hasher.hash_one(key),
            policy,
        }
    }

    /// Counts an event for each limit or, if one of them is used up, for none.
    ///
    /// # Errors
    /// The limit that is used up for the longest time.
    pub(super) fn admit(&self, limits: &[MemoryLimit], now: Timestamp) -> Result<(), Quota> {
        let mut sets = lock(&self.sets);
        if let Some(used_up) = longest_used_up(&mut sets, limits, now) {
            return Err(used_up);
        }
        for limit in limits {
            count(&mut sets, limit, now);
        }
        Ok(())
    }

    /// The limit that is used up for the longest time; `None` if none is.
    pub(super) fn used_up(&self, limits: &[MemoryLimit], now: Timestamp) -> Option<Quota> {
        longest_used_up(&mut lock(&self.sets), limits, now)
    }

    /// What is left of a limit.
    pub(super) fn quota(&self, limit: &MemoryLimit, now: Timestamp) -> Quota {
        quota(&mut lock(&self.sets), limit, now)
    }

    /// Counts an event, also beyond the limit.
    pub(super) fn count(&self, limit: &MemoryLimit, now: Timestamp) {
        count(&mut lock(&self.sets), limit, now);
    }
}

fn longest_used_up(sets: &mut Sets, limits: &[MemoryLimit], now: Timestamp) -> Option<Quota> {
    let quotas = limits.iter().map(|limit| quota(sets, limit, now));
    let used_up = quotas.filter(|quota| quota.remaining == 0);
    used_up.max_by_key(|quota| quota.resets_in)
}

fn quota(sets: &mut Sets, limit: &MemoryLimit, now: Timestamp) -> Quota {
    let policy = limit.policy;
    let counter = live(sets, limit.key, now);
    Quota {
        policy,
        remaining: counter.map_or(policy.quota, |counter| {
            policy.quota.saturating_sub(counter.hits)
        }),
        resets_in: counter.map_or(policy.window, |counter| counter.ends_at.since(now)),
    }
}

fn set_of(sets: &mut Sets, key: u64) -> &mut Option<Box<[Counter; WAYS]>> {
    let index = usize::try_from(key % SETS as u64).unwrap_or(0);
    &mut sets[index]
}

fn live(sets: &mut Sets, key: u64, now: Timestamp) -> Option<Counter> {
    let set = set_of(sets, key).as_ref()?;
    set.iter()
        .find(|counter| counter.key == key && counter.ends_at > now)
        .copied()
}

fn count(sets: &mut Sets, limit: &MemoryLimit, now: Timestamp) {
    let set = set_of(sets, limit.key).get_or_insert_with(|| Box::new([UNUSED; WAYS]));
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
            ends_at: now + limit.policy.window,
        };
    }
    counter.hits = counter.hits.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn policy(quota: u32, window: Duration) -> Policy {
        Policy {
            name: "test",
            quota,
            window,
        }
    }

    /// Counts an event for each limit, or returns the wait.
    fn admit(
        counters: &MemoryCounters,
        limits: &[(&str, u32, Duration)],
        at: Timestamp,
    ) -> Result<(), Duration> {
        let limit = |(key, quota, window): &(&str, u32, Duration)| {
            counters.limit(key, policy(*quota, *window))
        };
        let limits: Vec<MemoryLimit> = limits.iter().map(limit).collect();
        counters
            .admit(&limits, at)
            .map_err(|used_up| used_up.resets_in)
    }

    #[test]
    fn a_limit_admits_its_number_of_events_within_its_window() {
        let (counters, now) = (MemoryCounters::default(), Timestamp::from_unix_micros(1));
        let admit = |key, at| admit(&counters, &[(key, 2, MINUTE)], at);
        assert_eq!(admit("a", now), Ok(()));
        let later = now + MINUTE / 2;
        assert_eq!(admit("a", later), Ok(()));
        assert_eq!(admit("a", later), Err(MINUTE / 2));
        assert_eq!(admit("b", later), Ok(()));
        assert_eq!(admit("a", now + MINUTE), Ok(()));
    }

    #[test]
    fn what_is_left_of_a_limit_is_known_without_counting() {
        let (counters, now) = (MemoryCounters::default(), Timestamp::from_unix_micros(1));
        let limit = || counters.limit("a", policy(2, MINUTE));
        for remaining in [2, 2] {
            assert_eq!(counters.quota(&limit(), now).remaining, remaining);
        }
        counters.count(&limit(), now);
        let quota = counters.quota(&limit(), now + MINUTE / 2);
        assert_eq!((quota.remaining, quota.resets_in), (1, MINUTE / 2));
    }

    #[test]
    fn an_event_is_counted_for_all_limits_or_for_none() {
        let (counters, now) = (MemoryCounters::default(), Timestamp::from_unix_micros(1));
        let both = [("a", 1, MINUTE), ("b", 2, MINUTE * 2)];
        assert_eq!(admit(&counters, &both, now), Ok(()));
        for _ in 0..5 {
            assert_eq!(admit(&counters, &both, now), Err(MINUTE));
        }
        assert_eq!(admit(&counters, &both[1..], now), Ok(()));
    }

    #[test]
    fn millions_of_keys_take_no_more_space_and_none_is_refused() {
        let (counters, now) = (MemoryCounters::default(), Timestamp::from_unix_micros(1));
        for number in 0..1_000_000_u32 {
            let limit = counters.limit(number, policy(1, MINUTE));
            assert_eq!(counters.admit(&[limit], now), Ok(()));
        }
        assert_eq!(lock(&counters.sets).len(), SETS);
    }
}
