//! The rules. A transaction begins and ends here; the doors (HTTP, command line) make one call and shape one answer.
//!
//! Row structs of the store stop here or are turned into views without secrets. What can be refused or go wrong is one
//! [`Error`].

pub mod account;
pub mod account_lists;
pub mod audit;
pub mod bearer;
pub mod blacklist;
pub mod browser_sessions;
pub mod bulk;
pub mod checklist;
pub mod client_users;
pub mod dashboard;
pub mod device_tokens;
mod error;
pub mod first_uses;
pub mod flush;
pub mod inspector;
pub mod jobs;
pub mod limits;
pub mod links;
pub mod locks;
pub mod login;
pub mod login_counts;
pub mod logout;
pub mod metrics;
pub mod otp;
pub mod otp_deliveries;
pub mod passwords;
pub mod refresh;
mod reuse;
pub mod revocations;
pub mod search_text;
pub mod secret;
pub mod sessions;
pub mod tokens;
pub mod users;

use crate::{
    clock::Clock, config::Config, delivery::Delivery, services::passwords::Passwords, store::Store,
    tokens::Tokens,
};

pub use error::{Error, Missing};

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
    pub recorder: audit::Recorder,
    /// Hashes passwords on threads of their own.
    pub passwords: Passwords,
    /// Sends codes.
    pub delivery: Delivery,
    /// What is remembered of tries to be let in.
    pub limits: limits::Limits,
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
    pub first_uses: first_uses::FirstUses,
    /// Counts what an operator watches.
    pub metrics: metrics::Metrics,
}
