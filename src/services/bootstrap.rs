//! [`Services`], the state that all rules share, and [`Services::start`], the only place that builds it: for the server, the
//! CLI and the tests alike.

use std::sync::{Arc, atomic::AtomicBool};

use arc_swap::ArcSwap;

use crate::clock::Clock;
use crate::config::{Config, LoginConfig, RolesConfig, SmtpConfig};
use crate::delivery::{Channel, Delivery, DeliveryError};
use crate::services::audit::log;
use crate::services::audit::refusal_throttle::RefusalThrottle;
use crate::services::audit_chain::chain::AuditChain;
use crate::services::audit_chain::verification::LastVerification;
use crate::services::auth::access_token_usage;
use crate::services::deliveries::Deliveries;
use crate::services::error::Error;
use crate::services::ignored_proxies::IgnoredProxies;
use crate::services::limits::state;
use crate::services::maintenance::background::Jobs;
use crate::services::metrics::counters::Metrics;
use crate::services::passwords::{Passwords, PasswordsError};
use crate::services::service::last_use::LastUse;
use crate::services::signing_keys::ring::KeyFollower;
use crate::services::status_lists::state::StatusLists;
use crate::services::webhooks::background::Webhooks;
use crate::services::{dashboard, revocations};
use crate::store::{Store, StoreError, django_tokens};
use crate::tokens::status_list::StatusListUris;
use crate::tokens::{DjangoKey, KeyRing, MasterKeys, Tokens};
use crate::traces::{Tracer, TracerError, TracerSettings};

/// Maximum number of messages that wait for delivery.
const DELIVERY_QUEUE: usize = 1000;

/// Shared state of all rules; built once at the start.
pub struct Services {
    /// The current time.
    pub clock: Clock,
    /// The settings of the start.
    pub config: Config,
    /// The settings in effect: those of the start, except the few that change while the server runs.
    pub current: ArcSwap<Config>,
    /// The roles of internal users.
    pub roles: Arc<RolesConfig>,
    /// The database.
    pub store: Store,
    /// The master keys: the keys for everything but tokens are derived from them.
    pub master_keys: MasterKeys,
    /// Signs and verifies tokens.
    pub tokens: Arc<Tokens>,
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
    /// What became of the messages to the owners of accounts.
    pub deliveries: Deliveries,
    /// The revocation cache. Until [`Services::follow`] is called every check asks the database.
    pub revocations: revocations::Revocations,
    /// The status lists.
    pub status_lists: StatusLists,
    /// First uses of access tokens, for `tokens.recover_lost_answer`.
    pub access_token_usage: access_token_usage::AccessTokenUsage,
    /// The state of sending webhooks for events.
    pub webhooks: Webhooks,
    /// When services last authenticated.
    pub service_last_use: LastUse,
    /// Counters for the metrics endpoint.
    pub metrics: Metrics,
    /// Traces requests, if a collector is configured.
    pub traces: Option<Tracer>,
    /// Whether the server got a signal to stop, so that it is not ready for further requests.
    pub is_stopping: AtomicBool,
}

/// The keys of a server.
pub struct Keys {
    /// The master keys.
    pub master: MasterKeys,
    /// The keys that sign and verify tokens.
    pub ring: KeyRing,
    /// The key of Django, if there is one.
    pub django: Option<DjangoKey>,
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
    /// The settings of the collector of traces cannot be used.
    #[error(transparent)]
    Traces(#[from] TracerError),
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
        keys: Keys,
        login: &LoginConfig,
        channel: Channel,
        mail: Option<SmtpConfig>,
    ) -> Result<Self, StartError> {
        let passwords = Passwords::start(login)?;
        let audit_chain = audit_chain(&config, &keys.master);
        let deliveries = Deliveries::default();
        let observer = Some(deliveries.observer(clock.clone()));
        Ok(Self {
            audit_log: audit_chain.log().clone(),
            audit_chain,
            last_verification: LastVerification::default(),
            refusal_throttle: RefusalThrottle::of_accounts(),
            unknown_name_throttle: RefusalThrottle::of_unknown_names(),
            tokens: Arc::new(
                Tokens::new(config.tokens.clone(), keys.ring)
                    .with_lifetimes(config.lifetimes())
                    .with_simplejwt(config.simplejwt.clone())
                    .with_django(keys.django)
                    .with_status_lists(status_list_uris(&config))
                    .issued_by(config.issuer()),
            ),
            status_lists: StatusLists::default(),
            delivery: Delivery::start(channel, mail, observer, DELIVERY_QUEUE, clock.clone())?,
            revocations: revocations::Revocations::new(config.tokens.revocation_max_lag.get()),
            dashboard: dashboard::Dashboard::starting(&clock),
            ignored_proxies: IgnoredProxies::default(),
            limits: state::Limits::default(),
            jobs: Jobs::default(),
            access_token_usage: access_token_usage::AccessTokenUsage::default(),
            service_last_use: LastUse::default(),
            webhooks: Webhooks::new(config.event_webhooks.clone()),
            metrics: Metrics::default(),
            traces: tracer(&config, &clock)?,
            is_stopping: AtomicBool::new(false),
            master_keys: keys.master,
            roles: Arc::new(config.roles.clone()),
            passwords,
            deliveries,
            clock,
            current: ArcSwap::from_pointee(config.clone()),
            config,
            store,
        })
    }

    /// Lets wrong passwords cost what those of Django cost if a hash of Django is stored.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn expect_django_hashes(&self) -> Result<(), Error> {
        let found = self
            .store
            .read(|connection| Ok::<_, Error>(django_tokens::any_django_hash(connection)?));
        if found.await? {
            self.passwords.expect_django();
        }
        Ok(())
    }

    /// Reads the revocation events and the signing keys, and follows both from then on. Blocks until they have been read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when they cannot be read.
    pub fn follow(&self) -> Result<(), StoreError> {
        let keys = KeyFollower::new(self.master_keys.clone(), Arc::clone(&self.tokens));
        self.revocations
            .follow(&self.store, move |rows| keys.apply(&rows))
    }
}

/// The tracer of these settings; `None` if traces are off.
fn tracer(config: &Config, clock: &Clock) -> Result<Option<Tracer>, TracerError> {
    let traces = &config.traces;
    let Some(endpoint) = traces.endpoint.clone() else {
        return Ok(None);
    };
    let settings = TracerSettings {
        endpoint,
        headers: traces.header_list().ok_or(TracerError::Header)?,
        sample_ratio: traces.sample_ratio,
    };
    Tracer::start(settings, clock.clone()).map(Some)
}

/// The addresses of the status lists; `None` if `tokens.status_list` is off.
fn status_list_uris(config: &Config) -> Option<StatusListUris> {
    let public_url = config.server.public_url.as_ref();
    let public_url = public_url.filter(|_| config.tokens.status_list);
    public_url.map(StatusListUris::new)
}

/// The audit chain of these settings, with MACs made by the master key in use.
#[must_use]
pub fn audit_chain(config: &Config, keys: &MasterKeys) -> AuditChain {
    let log = log::AuditLog::new(log::AuditKey::of(keys));
    AuditChain::new(log).with_checkpoint_in(&config.server.data_dir)
}
