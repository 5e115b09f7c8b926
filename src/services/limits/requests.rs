//! Limits on requests for one-time codes. A known device has counters of its own in the database, so that others cannot
//! use up those of the account's owner.
//!
//! Other requests are counted in memory, in the same way whether or not the account exists: a flood of them writes
//! nothing, and its responses do not show which accounts exist. Only the total of an existing account is in the database
//! as well, because all instances must share it.

use std::{net::IpAddr, time::Duration};

use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::domain::limits::LimitKind;
use crate::services::audit::log::AuditContext;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::counting::count;
use crate::services::limits::login_name::LoginName;
use crate::services::limits::name_hash::NameHash;
use crate::services::limits::networks::{networks, widest_network};
use crate::services::limits::quota::{Policy, Quota};
use crate::services::limits::rules::{Delay, HOUR, Rule};
use crate::store::Transaction;
use crate::store::rate_limits::Bucket;

/// The codes of one account for all networks together, as a multiple of those for one network.
const ALL_NETWORKS: u32 = 4;

/// Counts a request without a known device: for its address, for the login name from its network, and for the login
/// name from everywhere. Returns what is left for the address.
///
/// # Errors
/// [`Error::RateLimited`] if one of the limits is used up.
pub(in crate::services) fn admit(
    services: &Services,
    name: NameHash,
    address: Option<IpAddr>,
    now: Timestamp,
) -> Result<Option<Quota>, Error> {
    let (settings, counters) = (&services.config.otp, &services.limits.counters);
    let max = settings.requests_per_account;
    let network = widest_network(address);
    let pause = settings.resend_after.get();
    let mut limits = vec![
        counters.limit(("pause", name, &network), pause_policy(pause)),
        counters.limit(("network", name, &network), account_policy(max)),
        counters.limit(("all networks", name), account_policy(max * ALL_NETWORKS)),
    ];
    let of_account = limits.len();
    for (network, factor) in address.map(networks).into_iter().flatten() {
        let policy = Policy {
            name: "address-codes",
            quota: settings.requests_per_address * factor,
            window: HOUR,
        };
        limits.push(counters.limit(("address", network), policy));
    }
    counters.admit(&limits, now)?;
    let of_address = limits[of_account..].iter();
    let left = of_address.map(|limit| counters.quota(limit, now));
    Ok(left.min_by_key(|quota| quota.remaining))
}

/// The limit of one code within the pause between two.
fn pause_policy(pause: Duration) -> Policy {
    Policy {
        name: "code-pause",
        quota: 1,
        window: pause,
    }
}

/// The limit of the codes for an account in an hour.
fn account_policy(quota: u32) -> Policy {
    Policy {
        name: "account-codes",
        quota,
        window: HOUR,
    }
}

/// Counts a request for a code that will be sent; part of its transaction.
///
/// # Errors
/// [`Error::RateLimited`] if the account or the known device is locked, or the device's last request is too recent; and
/// the store's.
pub(in crate::services) fn count_sent(
    connection: &mut Transaction<'_>,
    settings: &OtpConfig,
    login_name: &LoginName,
    audit_context: &AuditContext,
) -> Result<(), Error> {
    let mut max = settings.requests_per_account;
    if login_name.device.is_some() {
        // Without a kind: the pause between two requests is not listed or recorded as a lock.
        let pause = bucket_of("resend", login_name, None);
        let resend_after = settings.resend_after.get();
        count_in(connection, pause, pause_policy(resend_after), audit_context)?;
    } else {
        max *= ALL_NETWORKS;
    }
    count_in(
        connection,
        hourly_bucket(login_name),
        account_policy(max),
        audit_context,
    )
}

fn count_in(
    connection: &mut Transaction<'_>,
    bucket: Bucket,
    policy: Policy,
    audit_context: &AuditContext,
) -> Result<(), Error> {
    let rule = Rule {
        bucket,
        policy,
        delay: Delay::Window,
    };
    let hit = count(connection, &rule, audit_context.now)?;
    if hit.locked_until.is_some() && rule.bucket.kind.is_some() {
        hit.record_lock(connection, audit_context)?;
    }
    Ok(())
}

/// The bucket of the codes that an account, or one of its known devices, gets in an hour.
pub(in crate::services) fn hourly_bucket(login_name: &LoginName) -> Bucket {
    bucket_of("account", login_name, Some(LimitKind::CodeRequest))
}

/// A bucket of one-time codes for an account, or for one of its known devices.
pub(in crate::services) fn bucket_of(
    what: &str,
    login_name: &LoginName,
    kind: Option<LimitKind>,
) -> Bucket {
    let name = match &login_name.device {
        Some(device) => format!("otp:{what}-of-device:{device}"),
        None => format!("otp:{what}:{}", login_name.stored()),
    };
    Bucket {
        name,
        kind,
        user_type: Some(login_name.user_type),
        subject: Some(login_name.stored().to_owned()),
    }
}
