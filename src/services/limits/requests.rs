//! Limits on requests for one-time codes and for links that people request themselves. A known device has counters of its own in the database, so that others cannot
//! use up those of the account's owner.
//!
//! Other requests are counted in memory, in the same way whether or not the account exists: a flood of them writes
//! nothing, and its responses do not show which accounts exist. Only the total of an existing account is in the database
//! as well, because all instances must share it.

use std::{net::IpAddr, time::Duration};

use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::domain::limits::LimitKind;
use crate::domain::principal::{Principal, UserType};
use crate::services::audit::log::AuditContext;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::counting::count;
use crate::services::limits::device_tokens::presented_nonce;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::login_name::LoginName;
use crate::services::limits::name_hash::NameHash;
use crate::services::limits::networks::{networks, widest_network};
use crate::services::limits::quota::{Policy, Quota};
use crate::services::limits::rules::{Delay, HOUR, Rule};
use crate::store::Transaction;
use crate::store::rate_limits::Bucket;

/// The codes of one account for all networks together, as a multiple of those for one network.
const ALL_NETWORKS: u32 = 4;

/// What is requested. Each kind has counters of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::services) enum Requested {
    /// A one-time code.
    Code,
    /// A link that resets a password.
    ResetLink,
    /// A link that changes the e-mail address of the caller.
    EmailLink,
}

impl Requested {
    /// The beginning of the names of its buckets.
    fn prefix(self) -> &'static str {
        match self {
            Self::Code => "otp",
            Self::ResetLink => "reset",
            Self::EmailLink => "email",
        }
    }

    /// The kind of its locks.
    fn kind(self) -> LimitKind {
        match self {
            Self::Code => LimitKind::CodeRequest,
            Self::ResetLink | Self::EmailLink => LimitKind::ResetRequest,
        }
    }
}

/// A request with a login name, which is counted before it is known whether an account has the name.
pub(in crate::services) struct Admission<'a> {
    services: &'a Services,
    requested: Requested,
    context: &'a LoginContext,
    /// The hash of the name.
    pub(in crate::services) name: NameHash,
    claims_device: bool,
}

impl<'a> Admission<'a> {
    /// Counts the request, unless it has a device token: whether that is still valid is known only with the account.
    ///
    /// # Errors
    /// [`Error::RateLimited`].
    pub(in crate::services) fn begin(
        services: &'a Services,
        requested: Requested,
        user_type: UserType,
        name: &str,
        context: &'a LoginContext,
    ) -> Result<Self, Error> {
        let admission = Self {
            services,
            requested,
            context,
            name: NameHash::of(services, user_type, name),
            claims_device: presented_nonce(services, context, user_type, name).is_some(),
        };
        if !admission.claims_device {
            admission.count()?;
        }
        Ok(admission)
    }

    /// The login name, once it is known whose it is. Counts the request if its device token was not valid.
    ///
    /// # Errors
    /// [`Error::RateLimited`], and the store's.
    pub(in crate::services) async fn login_name(
        &self,
        user_type: UserType,
        owner: Option<Principal>,
        name: String,
    ) -> Result<LoginName, Error> {
        let login_name = match owner {
            Some(owner) => LoginName::known(self.services, owner, name, self.context).await?,
            None => LoginName::unknown(user_type, self.name),
        };
        if self.claims_device && login_name.device.is_none() {
            self.count()?;
        }
        Ok(login_name)
    }

    fn count(&self) -> Result<(), Error> {
        let (address, now) = (self.context.actor.ip_address, self.services.clock.now());
        let left = admit(self.services, self.requested, self.name, address, now)?;
        self.context.quota.note(left);
        Ok(())
    }
}

/// Counts a request without a known device: for its address, for the login name from its network, and for the login
/// name from everywhere. Returns what is left for the address.
///
/// # Errors
/// [`Error::RateLimited`] if one of the limits is used up.
fn admit(
    services: &Services,
    requested: Requested,
    name: NameHash,
    address: Option<IpAddr>,
    now: Timestamp,
) -> Result<Option<Quota>, Error> {
    let (settings, counters) = (&services.config.otp, &services.limits.counters);
    let max = settings.requests_per_account;
    let network = widest_network(address);
    let pause = settings.resend_after.get();
    let mut limits = vec![
        counters.limit((requested, "pause", name, &network), pause_policy(pause)),
        counters.limit((requested, "network", name, &network), account_policy(max)),
        counters.limit(
            (requested, "all networks", name),
            account_policy(max * ALL_NETWORKS),
        ),
    ];
    let of_account = limits.len();
    for (network, factor) in address.map(networks).into_iter().flatten() {
        let policy = Policy {
            name: "address-codes",
            quota: settings.requests_per_address * factor,
            window: HOUR,
        };
        limits.push(counters.limit((requested, "address", network), policy));
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

/// Counts a request for a code or link that will be sent; part of its transaction.
///
/// # Errors
/// [`Error::RateLimited`] if the account or the known device is locked, or the device's last request is too recent; and
/// the store's.
pub(in crate::services) fn count_sent(
    connection: &mut Transaction<'_>,
    requested: Requested,
    settings: &OtpConfig,
    login_name: &LoginName,
    audit_context: &AuditContext,
) -> Result<(), Error> {
    let mut max = settings.requests_per_account;
    if login_name.device.is_some() {
        // Without a kind: the pause between two requests is not listed or recorded as a lock.
        let pause = bucket_of(requested, "resend", login_name, None);
        let resend_after = settings.resend_after.get();
        count_in(connection, pause, pause_policy(resend_after), audit_context)?;
    } else {
        max *= ALL_NETWORKS;
    }
    count_in(
        connection,
        bucket_of(requested, "account", login_name, Some(requested.kind())),
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

/// A bucket of requests for an account, or for one of its known devices.
pub(in crate::services) fn bucket_of(
    requested: Requested,
    what: &str,
    login_name: &LoginName,
    kind: Option<LimitKind>,
) -> Bucket {
    let prefix = requested.prefix();
    let name = match &login_name.device {
        Some(device) => format!("{prefix}:{what}-of-device:{device}"),
        // Codes are for clients only.
        None if requested == Requested::Code => format!("otp:{what}:{}", login_name.stored()),
        None => {
            let (user_type, stored) = (login_name.user_type, login_name.stored());
            format!("{prefix}:{what}:{user_type}:{stored}")
        }
    };
    Bucket {
        name,
        kind,
        user_type: Some(login_name.user_type),
        subject: Some(login_name.stored().to_owned()),
    }
}
