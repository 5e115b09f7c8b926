//! Throttling of refused accesses: the same refusal of the same account is recorded once a minute, so that repeated
//! requests cannot flood the audit log.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use crate::clock::Timestamp;
use crate::domain::principal::Principal;
use crate::services::mutex::lock;

/// How long a refusal is not recorded again.
const INTERVAL: Duration = Duration::from_mins(1);
/// The maximum number of refusals that are remembered. Beyond it further refusals are recorded each time.
const CAPACITY: usize = 10_000;

/// The refusals of the last minute, by account and request.
#[derive(Default)]
pub struct RefusalThrottle(Mutex<HashMap<(Principal, String), Timestamp>>);

impl RefusalThrottle {
    /// Whether this refusal is to be recorded. If so, the next ones like it are not, for a minute.
    pub(crate) fn admit(&self, principal: Principal, request: &str, now: Timestamp) -> bool {
        let mut recent = lock(&self.0);
        let key = (principal, request.to_owned());
        if recent.get(&key).is_some_and(|last| now < *last + INTERVAL) {
            return false;
        }
        if recent.len() >= CAPACITY {
            recent.retain(|_, last| now < *last + INTERVAL);
        }
        if recent.len() < CAPACITY {
            recent.insert(key, now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::principal::UserSeq;

    #[test]
    fn the_same_refusal_is_admitted_once_a_minute() {
        let (refused, now) = (RefusalThrottle::default(), Timestamp::EPOCH);
        let ann = Principal::user(UserSeq::new(1).unwrap());
        let acme = Principal::client(UserSeq::new(1).unwrap());
        assert!(refused.admit(ann, "GET /a", now));
        assert!(!refused.admit(ann, "GET /a", now + Duration::from_secs(59)));
        assert!(refused.admit(ann, "GET /b", now) && refused.admit(acme, "GET /a", now));
        assert!(refused.admit(ann, "GET /a", now + INTERVAL));
    }
}
