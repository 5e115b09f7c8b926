//! Counters of what happens: logins, refreshes, refusals, backups.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use crate::clock::Timestamp;
use crate::domain::principal::UserType;
use crate::services::error::Error;
use crate::services::metrics::requests::Requests;
use crate::store::StoreError;
use crate::tokens::TokenError;

type Labels = Vec<(&'static str, &'static str)>;
type Counters = Family<Labels, Counter>;

/// What is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A login to the API.
    Login,
    /// The exchange of a refresh token.
    Refresh,
    /// The use of an access token.
    Access,
}

impl Operation {
    const ALL: [Self; 3] = [Self::Login, Self::Refresh, Self::Access];

    fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::Access => "access",
        }
    }
}

/// The metrics that this process counts.
pub struct Metrics {
    /// The requests.
    pub requests: Requests,
    registry: Registry,
    refreshes: Counters,
    retried: Counters,
    reused: Counters,
    logins: Counters,
    refusals: Counters,
    last_backup: Gauge,
    last_backup_size: Gauge,
    backup_failures: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("munjigi");
        let mut counters = |name, help| {
            let counters = Counters::default();
            registry.register(name, help, counters.clone());
            counters
        };
        let refreshes = counters("refreshes", "Refresh tokens exchanged for a new pair");
        let retried = counters(
            "refresh_retries",
            "Used refresh tokens presented again within the grace period",
        );
        let reused = counters(
            "refresh_tokens_reused",
            "Reused refresh tokens that ended their session",
        );
        let logins = counters("logins", "Logins by password and by one-time code");
        let refusals = counters("refusals", "Refused logins, refreshes and access tokens");
        let backup_failures = Counter::default();
        let help = "Backups at intervals that failed";
        registry.register("backup_failures", help, backup_failures.clone());
        let mut gauge = |name, help, unit| {
            let gauge = Gauge::default();
            registry.register_with_unit(name, help, unit, gauge.clone());
            gauge
        };
        let help = "Time of the last good backup at intervals, in Unix time; 0 if there is none";
        let last_backup = gauge("last_backup_timestamp", help, Unit::Seconds);
        let help = "Size of the last good backup at intervals";
        let last_backup_size = gauge("last_backup_size", help, Unit::Bytes);
        for user_type in UserType::NAMES {
            // Exported from the start as zero, so that the first increase is visible to `rate()`.
            drop(refreshes.get_or_create(&vec![("user_type", user_type)]));
            drop(reused.get_or_create(&vec![("user_type", user_type)]));
            for outcome in ["accepted", "refused"] {
                let labels = vec![("user_type", *user_type), ("outcome", outcome)];
                drop(logins.get_or_create(&labels));
                drop(retried.get_or_create(&labels));
            }
        }
        for operation in Operation::ALL {
            drop(refusals.get_or_create(&refusal(operation, "rate_limited")));
        }
        Self {
            requests: Requests::default(),
            registry,
            refreshes,
            retried,
            reused,
            logins,
            refusals,
            last_backup,
            last_backup_size,
            backup_failures,
        }
    }
}

impl Metrics {
    /// Counts a refreshed session.
    pub fn refreshed(&self, user_type: UserType) {
        let labels = vec![("user_type", user_type.as_str())];
        self.refreshes.get_or_create(&labels).inc();
    }

    /// Counts a used refresh token that was presented again within the grace period; `outcome` is `accepted` or `refused`.
    pub fn refresh_retried(&self, user_type: UserType, outcome: &'static str) {
        let labels = vec![("user_type", user_type.as_str()), ("outcome", outcome)];
        self.retried.get_or_create(&labels).inc();
    }

    /// Counts a reused refresh token.
    pub fn refresh_token_reused(&self, user_type: UserType) {
        let labels = vec![("user_type", user_type.as_str())];
        self.reused.get_or_create(&labels).inc();
    }

    /// Counts a login; `outcome` is `accepted` or `refused`.
    pub fn logged_in(&self, user_type: UserType, outcome: &'static str) {
        let labels = vec![("user_type", user_type.as_str()), ("outcome", outcome)];
        self.logins.get_or_create(&labels).inc();
    }

    /// Counts what was refused, by the reason.
    pub fn refused(&self, operation: Operation, error: &Error) {
        if let Some(reason) = reason(error) {
            let labels = refusal(operation, reason);
            self.refusals.get_or_create(&labels).inc();
        }
    }

    /// Sets the time and the size of the last good backup.
    pub fn backed_up(&self, at: Timestamp, bytes: u64) {
        self.last_backup.set(at.unix_seconds());
        self.last_backup_size
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Counts a backup that failed.
    pub fn backup_failed(&self) {
        self.backup_failures.inc();
    }

    /// The counters, but not those of requests.
    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }
}

fn refusal(operation: Operation, reason: &'static str) -> Labels {
    vec![("operation", operation.as_str()), ("reason", reason)]
}

/// The reason of a refusal, which is the code of the API in small letters; `None` for what is not refused but continued.
fn reason(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::SecondFactorRequired(_) => return None,
        Error::InvalidCredentials => "invalid_credentials",
        Error::InvalidOtp => "invalid_otp",
        Error::InvalidSecondFactor => "invalid_second_factor",
        Error::Token(TokenError::Expired) => "token_expired",
        Error::Token(_) => "invalid_token",
        Error::TokenBlacklisted => "token_blacklisted",
        Error::TokenReused => "token_reused",
        Error::SessionRevoked => "session_revoked",
        Error::UserInactive => "user_inactive",
        Error::TokenUserNotFound => "user_not_found",
        Error::Forbidden => "forbidden",
        Error::RateLimited { .. } => "rate_limited",
        Error::Overloaded | Error::Store(StoreError::Overloaded) => "overloaded",
        Error::Unavailable(_) | Error::Store(StoreError::Unavailable(_)) => "unavailable",
        Error::Internal(_) | Error::Store(_) => "internal_error",
        _ => "other",
    })
}
