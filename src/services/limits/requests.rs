//! How often one-time codes are asked for: per address, per account, and with a pause between two. A device that has logged
//! in before has counts of its own, so that nobody can use up its owner's.

use std::time::Duration;

use crate::{
    config::OtpConfig,
    domain::limits::LimitKind,
    services::{
        audit::log::AuditContext,
        error::Error,
        limits::{
            attempts::{count, record_lock},
            rules::{Delay, HOUR, LoginName, Rule, key, network, subject},
        },
    },
    store::{Db, rate_limits::Bucket},
};

/// Counts a request in its transaction, and refuses it when its address or its account has had enough, or too soon after
/// the last one. `device` is what a known device is counted by.
pub(in crate::services) fn admit(
    connection: &mut Db,
    settings: &OtpConfig,
    account: LoginName<'_>,
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
    // The pause is no lock that anybody has to know of.
    let pause = bucket_of("resend", account, device, None);
    admit_to(
        connection,
        pause,
        (1, settings.resend_after.get()),
        audit_context,
    )?;
    let hourly = bucket_of("account", account, device, kind);
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
        enough: i64::from(max),
        window,
        delay: Delay::Window,
    };
    let counted = count(connection, &rule, audit_context.now)?;
    if counted.locked_until.is_some() && rule.bucket.kind.is_some() {
        record_lock(connection, audit_context, &counted)?;
    }
    Ok(())
}

/// A bucket of one-time codes for an account, or for one of its devices.
pub(in crate::services) fn bucket_of(
    what: &str,
    account: LoginName<'_>,
    device: Option<&str>,
    kind: Option<LimitKind>,
) -> Bucket {
    let name = match device {
        Some(device) => format!("otp:{what}-of-device:{device}"),
        // What was typed may be a password in the wrong field.
        None => format!("otp:{what}:{}", key(account)),
    };
    Bucket {
        name,
        kind,
        user_type: Some(account.user_type),
        subject: subject(account),
    }
}
