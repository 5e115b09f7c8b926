//! What is counted together, how much of it is enough, and how long it is locked then.

use std::{net::IpAddr, time::Duration};

use crate::{
    clock::Timestamp,
    config::LimitsConfig,
    domain::{
        account::{Email, Username},
        limits::LimitKind,
        principal::UserType,
    },
    services::{auth::device_tokens, bootstrap::Services, limits::attempts::LoginContext, secret},
    store::rate_limits::{Bucket, Count},
};

/// How long failures are remembered after the last one.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(24);
/// The window in which what comes from one address is counted.
pub(super) const HOUR: Duration = Duration::from_hours(1);

/// An account by its population and the name that was typed, normalised, whether it exists or not.
#[derive(Clone, Copy, Debug)]
pub struct LoginName<'a> {
    /// The population.
    pub user_type: UserType,
    /// The name.
    pub name: &'a str,
}

/// A bucket and its rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(super) bucket: Bucket,
    /// With this many events it is locked.
    pub(super) enough: i64,
    /// How long events are remembered.
    pub(super) window: Duration,
    pub(super) delay: Delay,
}

/// How long a bucket that has had enough is locked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Delay {
    /// Until its window ends.
    Window,
    /// So long at first, twice as long after each event that follows, up to a longest.
    Growing { first: Duration, longest: Duration },
}

impl Rule {
    /// Whether each event keeps those before it in memory.
    pub(super) fn slides(&self) -> bool {
        matches!(self.delay, Delay::Growing { .. })
    }

    /// Whether it counts what comes from an address, for whichever account.
    pub(super) fn is_of_address(&self) -> bool {
        self.bucket.user_type.is_none()
    }

    /// Until when the bucket is locked after this event, if it has had enough.
    pub(super) fn lock_of(&self, count: &Count, now: Timestamp) -> Option<Timestamp> {
        if count.hits < self.enough {
            return None;
        }
        let (first, longest) = match self.delay {
            Delay::Window => return Some(count.expires_at),
            Delay::Growing { first, longest } => (first, longest),
        };
        let doublings = u32::try_from(count.hits - self.enough).unwrap_or(u32::MAX);
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        Some(now + first.saturating_mul(factor).min(longest))
    }
}

/// The failures of an account; of a device that has logged in to it before, its own.
pub(super) fn of_account(
    services: &Services,
    kind: LimitKind,
    account: LoginName<'_>,
    login_context: &LoginContext,
) -> Rule {
    let settings: &LimitsConfig = &services.config.limits;
    let name = match device_key(services, account, login_context) {
        Some(device) => format!("{kind}:device:{device}"),
        None => format!("{kind}:account:{}:{}", account.user_type, key(account)),
    };
    Rule {
        bucket: Bucket {
            name,
            kind: Some(kind),
            user_type: Some(account.user_type),
            subject: subject(account),
        },
        enough: i64::from(settings.failures),
        window: FORGOTTEN_AFTER,
        delay: Delay::Growing {
            first: settings.first_delay.get(),
            longest: settings.longest_delay.get(),
        },
    }
}

/// What a device is counted by that shows a device token of this account.
pub(in crate::services) fn device_key(
    services: &Services,
    account: LoginName<'_>,
    login_context: &LoginContext,
) -> Option<String> {
    let token = login_context.device_token.as_deref()?;
    device_tokens::nonce_of(services, token, account)
}

/// The failures of one kind from an address; none where it is not known, or they are not counted.
pub(super) fn of_address(
    services: &Services,
    kind: LimitKind,
    address: Option<IpAddr>,
) -> Option<Rule> {
    let enough = i64::from(services.config.limits.failures_per_address);
    let network = network(address?);
    (enough > 0).then(|| Rule {
        bucket: Bucket {
            name: format!("{kind}:address:{network}"),
            kind: Some(kind),
            user_type: None,
            subject: Some(network),
        },
        enough,
        window: HOUR,
        delay: Delay::Window,
    })
}

/// What is told of an account. What was typed may be a password in the wrong field: only what can be a name is kept.
pub(super) fn subject(account: LoginName<'_>) -> Option<String> {
    let can_be_a_name = match account.user_type {
        UserType::User => Email::parse(account.name).is_ok(),
        UserType::Client => Username::parse(account.name).is_ok(),
    };
    can_be_a_name.then(|| account.name.to_owned())
}

/// The account in the name of its bucket.
pub(super) fn key(account: LoginName<'_>) -> String {
    subject(account).unwrap_or_else(|| format!("#{}", secret::hash(account.name)))
}

/// What counts as one address: an IPv4 address, or the /64 of an IPv6 one (a household has at least that much).
pub(super) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock_after(hits: i64) -> Option<u64> {
        let rule = Rule {
            bucket: Bucket {
                name: String::new(),
                kind: None,
                user_type: Some(UserType::User),
                subject: None,
            },
            enough: 5,
            window: FORGOTTEN_AFTER,
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
        let until = rule.lock_of(&count, Timestamp::EPOCH)?;
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

    #[test]
    fn a_household_is_one_address() {
        for (address, counted) in [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8::1", "2001:db8:0:0::/64"),
            ("2001:db8:0:1:ffff::1", "2001:db8:0:1::/64"),
        ] {
            assert_eq!(network(address.parse().unwrap()), counted);
        }
    }
}
