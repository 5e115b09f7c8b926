//! [`Services`], the state that all rules share, and [`Services::start`], the only place that builds it: for the server, the
//! CLI and the tests alike.

use std::sync::atomic::AtomicBool;

use crate::clock::Clock;
use crate::config::{Config, LoginConfig, SmtpConfig};
use crate::delivery::{Channel, Delivery, DeliveryError};
use crate::services::audit::log;
use crate::services::audit::refusal_throttle::RefusalThrottle;
use crate::services::audit_chain::chain::AuditChain;
use crate::services::audit_chain::verification::LastVerification;
use crate::services::auth::{access_token_usage, otp_deliveries};
use crate::services::ignored_proxies::IgnoredProxies;
use crate::services::limits::state;
use crate::services::maintenance::background::Jobs;
use crate::services::passwords::{Passwords, PasswordsError};
use crate::services::{dashboard, metrics, revocations};
use crate::store::Store;
use crate::tokens::{SigningKey, Tokens};

/// Maximum number of messages that wait for delivery.
const DELIVERY_QUEUE: usize = 1000;

/// Shared state of all rules; built once at the start.
pub struct Services {
    /// The current time.
    pub clock: Clock,
    /// The settings.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// Signs and verifies tokens.
    pub tokens: Tokens,
    /// Writes audit events.
    pub audit_log: log::AuditLog,
    /// The audit chain over it.
    pub audit_chain: AuditChain,
    /// The last verification of the audit chain.
    pub last_verification: LastVerification,
    /// Limits how often a refused access is recorded.
    pub refusal_throttle: RefusalThrottle,
    /// Limits how often an event about a login name that no account has is recorded.
    pub unknown_name_throttle: RefusalThrottle,
    /// Hashes passwords on its own threads.
    pub passwords: Passwords,
    /// Sends one-time codes, links and notices.
    pub delivery: Delivery,
    /// Peers whose forwarded headers were ignored.
    pub ignored_proxies: IgnoredProxies,
    /// Rate limits of login attempts.
    pub limits: state::Limits,
    /// Background jobs.
    pub jobs: Jobs,
    /// Cached figures of the dashboard.
    pub dashboard: dashboard::Dashboard,
    /// Delivery outcomes of one-time codes.
    pub otp_deliveries: otp_deliveries::OtpDeliveries,
    /// The revocation cache. Until [`revocations::Revocations::follow`] is called every check asks the database.
    pub revocations: revocations::Revocations,
    /// First uses of access tokens, for `tokens.recover_lost_answer`.
    pub access_token_usage: access_token_usage::AccessTokenUsage,
    /// Counters for the metrics endpoint.
    pub metrics: metrics::Metrics,
    /// Whether the server got a signal to stop, so that it is not ready for further requests.
    pub is_stopping: AtomicBool,
}

/// Why the services could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gave no threads, the bcrypt cost is outside of 4 to 31, or the list of breached passwords cannot be used.
    #[error(transparent)]
    Passwords(#[from] PasswordsError),
    /// The settings of a delivery channel cannot be used.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
}

impl Services {
    /// Builds the services over an open store. Passwords are hashed as `login` says; it is a parameter so that tests can set
    /// a lower cost than the configuration allows. One-time codes are sent through `channel`, links through `mail`.
    ///
    /// It needs a Tokio runtime. The revocation feed is not followed yet, and no background task runs.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(
        config: Config,
        clock: Clock,
        store: Store,
        key: SigningKey,
        login: &LoginConfig,
        channel: Channel,
        mail: Option<SmtpConfig>,
    ) -> Result<Self, StartError> {
        let passwords = Passwords::start(login)?;
        let audit_chain = audit_chain(&config, &key);
        let otp_deliveries = otp_deliveries::OtpDeliveries::default();
        let observer = Some(otp_deliveries.observer(clock.clone()));
        Ok(Self {
            audit_log: audit_chain.log().clone(),
            audit_chain,
            last_verification: LastVerification::default(),
            refusal_throttle: RefusalThrottle::of_accounts(),
            unknown_name_throttle: RefusalThrottle::of_unknown_names(),
            tokens: Tokens::new(config.tokens.clone(), key),
            delivery: Delivery::start(channel, mail, observer, DELIVERY_QUEUE, clock.clone())?,
            revocations: revocations::Revocations::new(config.tokens.revocation_max_lag.get()),
            dashboard: dashboard::Dashboard::starting(&clock),
            ignored_proxies: IgnoredProxies::default(),
            limits: state::Limits::default(),
            jobs: Jobs::default(),
            access_token_usage: access_token_usage::AccessTokenUsage::default(),
            metrics: metrics::Metrics::default(),
            is_stopping: AtomicBool::new(false),
            passwords,
            otp_deliveries,
            clock,
            config,
            store,
        })
    }
}

/// The audit chain of these settings, with MACs made by this key.
#[must_use]
pub fn audit_chain(config: &Config, key: &SigningKey) -> AuditChain {
    let log = log::AuditLog::new(log::AuditKey::of(key));
    AuditChain::new(log).with_checkpoint_in(&config.server.data_dir)
}
