//! The rules: what is counted in one bucket, its threshold, and how long it is locked.

use std::{net::IpAddr, time::Duration};

use crate::clock::Timestamp;
use crate::config::LimitsConfig;
use crate::domain::limits::LimitKind;
use crate::services::bootstrap::Services;
use crate::services::limits::login_name::LoginName;
use crate::services::limits::networks::networks;
use crate::services::limits::quota::Policy;
use crate::store::rate_limits::{Bucket, Count};

/// How long failures of an account count after the last one.
const FAILURE_WINDOW: Duration = Duration::from_hours(24);
/// The window of the counters per address.
pub(super) const HOUR: Duration = Duration::from_hours(1);

/// A bucket and its limit.
#[derive(Clone, Debug)]
pub(in crate::services) struct Rule {
    pub(in crate::services) bucket: Bucket,
    /// The number of hits that locks the bucket, and how long hits count.
    pub(super) policy: Policy,
    pub(super) delay: Delay,
}

/// How long a bucket is locked.
#[derive(Clone, Copy, Debug)]
pub(in crate::services) enum Delay {
    /// Until its window ends.
    Window,
    /// Doubled with each hit after the first lock, up to a maximum.
    Growing { first: Duration, longest: Duration },
}

impl Rule {
    /// The number of hits that locks the bucket.
    pub(super) fn threshold(&self) -> i64 {
        i64::from(self.policy.quota)
    }

    /// Whether each hit extends the window.
    pub(super) fn slides(&self) -> bool {
        matches!(self.delay, Delay::Growing { .. })
    }

    /// Whether it counts per address, over all accounts.
    pub(super) fn is_of_address(&self) -> bool {
        self.bucket.user_type.is_none()
    }

    /// The end of the lock that this hit starts; `None` below the threshold.
    pub(super) fn locked_until(&self, count: &Count, now: Timestamp) -> Option<Timestamp> {
        if count.hits < self.threshold() {
            return None;
        }
        let (first, longest) = match self.delay {
            Delay::Window => return Some(count.expires_at),
            Delay::Growing { first, longest } => (first, longest),
        };
        let doublings = u32::try_from(count.hits - self.threshold()).unwrap_or(u32::MAX);
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        Some(now + first.saturating_mul(factor).min(longest))
    }
}

/// The rule for the failures of an account, or of one of its known devices.
pub(in crate::services) fn account_rule(
    services: &Services,
    kind: LimitKind,
    login_name: &LoginName,
) -> Rule {
    let settings: &LimitsConfig = &services.config.limits;
    let (user_type, stored) = (login_name.user_type, login_name.stored());
    let name = match &login_name.device {
        Some(device) => format!("{kind}:device:{device}"),
        None => format!("{kind}:account:{user_type}:{}", login_name.hash),
    };
    Rule {
        bucket: Bucket {
            name,
            kind: Some(kind),
            user_type: Some(user_type),
            subject: Some(stored.to_owned()),
        },
        policy: Policy {
            name: "account-failures",
            quota: settings.failures,
            window: FAILURE_WINDOW,
        },
        delay: Delay::Growing {
            first: settings.first_delay.get(),
            longest: settings.longest_delay.get(),
        },
    }
}

/// The rules for the failures of one kind from an address, one for each of its networks; none if the address is unknown
/// or such failures have no limit.
pub(super) fn address_rules(
    services: &Services,
    kind: LimitKind,
    address: Option<IpAddr>,
) -> Vec<Rule> {
    let threshold = services.config.limits.failures_per_address;
    let networks = address.filter(|_| threshold > 0).map(networks);
    let rule = |(network, factor): (String, u32)| Rule {
        bucket: Bucket {
            name: format!("{kind}:address:{network}"),
            kind: Some(kind),
            user_type: None,
            subject: Some(network),
        },
        policy: Policy {
            name: "address-failures",
            quota: threshold.saturating_mul(factor),
            window: HOUR,
        },
        delay: Delay::Window,
    };
    networks.into_iter().flatten().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::principal::UserType;

    fn lock_after(hits: i64) -> Option<u64> {
        let rule = Rule {
            bucket: Bucket {
                name: String::new(),
                kind: None,
                user_type: Some(UserType::User),
                subject: None,
            },
            policy: Policy {
                name: "",
                quota: 5,
                window: FAILURE_WINDOW,
            },
            delay: Delay::Growing {
                first: Duration::from_mins(1),
                longest: Duration::from_hours(1),
            },
        };
        let count = Count {
            hits,
            expires_at: Timestamp::EPOCH,
            locked_until: None,
        };
        let until = rule.locked_until(&count, Timestamp::EPOCH)?;
        Some(until.since(Timestamp::EPOCH).as_secs() / 60)
    }

    #[test]
    fn a_delay_doubles_up_to_its_longest_and_never_overflows() {
        assert_eq!(lock_after(4), None);
        let minutes: Vec<_> = (5..=13).filter_map(lock_after).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        for hits in [40, 100, i64::MAX] {
            assert_eq!(lock_after(hits), Some(60));
        }
    }
}
