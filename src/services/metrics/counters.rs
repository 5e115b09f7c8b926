//! Counters of what happens: logins, refreshes, refusals.

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

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
