//! The rules. A transaction begins and ends here; the doors (HTTP, command line) make one call and shape one answer.
//!
//! Row structs of the store stop here or are turned into views without secrets. What can be refused or go wrong is one
//! [`Error`].

use crate::{
    clock::Clock,
    config::Config,
    delivery::Delivery,
    services::{
        audit::log,
        auth::{access_token_usage, otp_deliveries},
        dashboard,
        limits::state,
        login_counts,
        maintenance::jobs,
        metrics,
        passwords::Passwords,
        revocations,
    },
    store::Store,
    tokens::Tokens,
};

/// What the rules need to work with; made once at the start, shared by all requests.
pub struct Services {
    /// The time.
    pub clock: Clock,
    /// The settings.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// Makes and reads tokens.
    pub tokens: Tokens,
    /// Writes the record of what is done.
    pub audit_log: log::AuditLog,
    /// Hashes passwords on threads of their own.
    pub passwords: Passwords,
    /// Sends codes.
    pub delivery: Delivery,
    /// What is remembered of tries to be let in.
    pub limits: state::Limits,
    /// Counts log-ins for the dashboard.
    pub login_counts: login_counts::LoginCounts,
    /// The work in the background.
    pub jobs: jobs::Jobs,
    /// What the dashboard tells.
    pub dashboard: dashboard::Dashboard,
    /// Keeps what became of the codes that were sent.
    pub otp_deliveries: otp_deliveries::OtpDeliveries,
    /// What is known of revocations.
    pub revocations: revocations::Revocations,
    /// Notes which access tokens were used.
    pub access_token_usage: access_token_usage::AccessTokenUsage,
    /// Counts what an operator watches.
    pub metrics: metrics::Metrics,
}
