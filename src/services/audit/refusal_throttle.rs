//! Throttling of events that a caller could otherwise record without limit: the same refusal of the same account is
//! recorded once a minute, and so is an event about unknown names from the same network.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::clock::Timestamp;
use crate::services::mutex::lock;

/// How long an event is not recorded again.
const INTERVAL: Duration = Duration::from_mins(1);
/// The maximum number of refusals of accounts that are remembered.
const ACCOUNTS: usize = 10_000;
/// The maximum number of events about unknown names in a minute, from all networks together.
const UNKNOWN_NAMES: usize = 100;

/// The events of the last minute. Clones share them.
#[derive(Clone)]
pub struct RefusalThrottle {
    recent: Arc<Mutex<HashMap<String, Timestamp>>>,
    capacity: usize,
    /// Whether events beyond the capacity are recorded.
    records_beyond: bool,
}

impl RefusalThrottle {
    /// For accounts. With too many to remember, each refusal is recorded.
    #[must_use]
    pub fn of_accounts() -> Self {
        Self::new(ACCOUNTS, true)
    }

    /// For callers without an account. With too many to remember, no further event is recorded.
    #[must_use]
    pub fn of_unknown_names() -> Self {
        Self::new(UNKNOWN_NAMES, false)
    }

    fn new(capacity: usize, records_beyond: bool) -> Self {
        Self {
            recent: Arc::default(),
            capacity,
            records_beyond,
        }
    }

    /// Whether this event is to be recorded. If so, the next ones like it are not, for a minute.
    pub(crate) fn admit(&self, event: String, now: Timestamp) -> bool {
        let mut recent = lock(&self.recent);
        let is_recent = |last: &Timestamp| now < *last + INTERVAL;
        if recent.get(&event).is_some_and(is_recent) {
            return false;
        }
        if recent.len() >= self.capacity {
            recent.retain(|_, last| is_recent(last));
        }
        if recent.len() >= self.capacity && !recent.contains_key(&event) {
            return self.records_beyond;
        }
        recent.insert(event, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_refusal_is_admitted_once_a_minute() {
        let (refused, now) = (RefusalThrottle::of_accounts(), Timestamp::EPOCH);
        let admit = |event: &str, at| refused.admit(event.to_owned(), at);
        assert!(admit("user:1 GET /a", now));
        assert!(!admit("user:1 GET /a", now + Duration::from_secs(59)));
        assert!(admit("user:1 GET /b", now) && admit("client:1 GET /a", now));
        assert!(admit("user:1 GET /a", now + INTERVAL));
    }

    #[test]
    fn events_about_unknown_names_have_a_limit_over_all_networks() {
        let (throttle, now) = (RefusalThrottle::of_unknown_names(), Timestamp::EPOCH);
        let admitted = |at| {
            let events = (0..1_000).map(|number| format!("log_in_refused 192.0.2.{number}"));
            events
                .filter(|event| throttle.admit(event.clone(), at))
                .count()
        };
        assert_eq!((admitted(now), admitted(now)), (UNKNOWN_NAMES, 0));
        assert_eq!(admitted(now + INTERVAL), UNKNOWN_NAMES);
    }
}
