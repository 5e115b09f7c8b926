//! What a process keeps in memory about webhooks: the HTTP client, the endpoints that events are being sent to, and
//! figures for the metrics.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::clock::Timestamp;
use crate::config::EventWebhooksConfig;
use crate::delivery::{EventSender, PublicAddresses};
use crate::domain::principal::UserSeq;
use crate::services::error::Error;
use crate::services::mutex::lock;
use crate::store::webhook_deliveries::Backlog;

/// The figures of the metrics.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebhookCounts {
    /// Events that an endpoint accepted.
    pub delivered: u64,
    /// Attempts after which another one follows.
    pub failed: u64,
    /// Events that became dead letters.
    pub dead: u64,
    /// Waiting events of all instances, when they were counted last.
    pub backlog: Backlog,
}

/// What a process keeps in memory about webhooks.
pub struct Webhooks {
    settings: EventWebhooksConfig,
    addresses: PublicAddresses,
    /// Made with the first event: reading the certificates of the system takes a while.
    sender: OnceLock<Result<EventSender, String>>,
    running: Arc<Mutex<HashSet<UserSeq>>>,
    pub(super) delivered: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) dead: AtomicU64,
    backlog: Mutex<Backlog>,
}

impl Webhooks {
    /// With these settings. Does not connect.
    #[must_use]
    pub fn new(settings: EventWebhooksConfig) -> Self {
        Self {
            addresses: PublicAddresses::and(settings.allowed_networks.clone()),
            settings,
            sender: OnceLock::new(),
            running: Arc::default(),
            delivered: AtomicU64::default(),
            failed: AtomicU64::default(),
            dead: AtomicU64::default(),
            backlog: Mutex::default(),
        }
    }

    /// The addresses that may be called.
    #[must_use]
    pub fn addresses(&self) -> &PublicAddresses {
        &self.addresses
    }

    pub(super) fn sender(&self) -> Result<&EventSender, Error> {
        let made = self.sender.get_or_init(|| {
            let sender = EventSender::new(self.addresses.clone(), self.settings.timeout.get());
            sender.map_err(|error| error.to_string())
        });
        made.as_ref()
            .map_err(|error| Error::Internal(error.clone()))
    }

    /// Marks an endpoint as one that events are being sent to, until the guard is dropped. `None` if it is one already.
    #[must_use]
    pub fn begin(&self, endpoint: UserSeq) -> Option<Running> {
        let is_new = lock(&self.running).insert(endpoint);
        is_new.then(|| Running {
            running: Arc::clone(&self.running),
            endpoint,
        })
    }

    pub(super) fn set_backlog(&self, backlog: Backlog) {
        *lock(&self.backlog) = backlog;
    }

    /// The figures of the metrics.
    #[must_use]
    pub fn counts(&self) -> WebhookCounts {
        WebhookCounts {
            delivered: self.delivered.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            dead: self.dead.load(Ordering::Relaxed),
            backlog: *lock(&self.backlog),
        }
    }
}

impl WebhookCounts {
    /// The age of the oldest waiting event in seconds; 0 if none is waiting.
    #[must_use]
    pub fn oldest_age(&self, now: Timestamp) -> f64 {
        let oldest = self.backlog.oldest;
        oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64())
    }
}

/// The mark of an endpoint that events are being sent to.
pub struct Running {
    running: Arc<Mutex<HashSet<UserSeq>>>,
    endpoint: UserSeq,
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.running).remove(&self.endpoint);
    }
}
