//! Limits on requests for one-time codes: per address, per account, and a pause between two. A known device has
//! counters of its own, so that others cannot use up those of the account's owner.

use std::time::Duration;

use crate::config::OtpConfig;
use crate::domain::limits::LimitKind;
use crate::services::audit::log::AuditContext;
use crate::services::error::Error;
use crate::services::limits::counting::count;
use crate::services::limits::login_name::LoginName;
use crate::services::limits::rules::{Delay, HOUR, Rule, network};
use crate::store::Db;
use crate::store::rate_limits::Bucket;

/// Counts a request; part of its transaction. `device` is the key of a known device.
///
/// # Errors
/// [`Error::RateLimited`] if the address or the account is locked, or the last request is too recent; and the store's.
pub(in crate::services) fn admit(
    connection: &mut Db,
    settings: &OtpConfig,
    login_name: &LoginName,
    device: Option<&str>,
    audit_context: &AuditContext,
) -> Result<(), Error> {
    let kind = Some(LimitKind::CodeRequest);
    if let Some(address) = audit_context.actor.ip_address.map(network) {
        let bucket = Bucket {
            name: format!("otp:address:{address}"),
            kind,
            user_type: None,
            subject: Some(address),
        };
        let max = settings.requests_per_address;
        admit_to(connection, bucket, (max, HOUR), audit_context)?;
    }
    // Without a kind: the pause between two requests is not listed or recorded as a lock.
    let pause = bucket_of("resend", login_name, device, None);
    let resend_after = settings.resend_after.get();
    admit_to(connection, pause, (1, resend_after), audit_context)?;
    let hourly = bucket_of("account", login_name, device, kind);
    let max = settings.requests_per_account;
    admit_to(connection, hourly, (max, HOUR), audit_context)
}

fn admit_to(
    connection: &mut Db,
    bucket: Bucket,
    (max, window): (u32, Duration),
    audit_context: &AuditContext,
) -> Result<(), Error> {
    let rule = Rule {
        bucket,
        threshold: i64::from(max),
        window,
        delay: Delay::Window,
    };
    let hit = count(connection, &rule, audit_context.now)?;
    if hit.locked_until.is_some() && rule.bucket.kind.is_some() {
        hit.record_lock(connection, audit_context)?;
    }
    Ok(())
}

/// A bucket of one-time codes for an account, or for one of its devices.
pub(in crate::services) fn bucket_of(
    what: &str,
    login_name: &LoginName,
    device: Option<&str>,
    kind: Option<LimitKind>,
) -> Bucket {
    let name = match device {
        Some(device) => format!("otp:{what}-of-device:{device}"),
        None => format!("otp:{what}:{}", login_name.bucket_key()),
    };
    Bucket {
        name,
        kind,
        user_type: Some(login_name.user_type),
        subject: login_name.valid_name(),
    }
}
