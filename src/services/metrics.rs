//! Metrics: counters and gauges in the OpenMetrics text format. They contain no names, addresses or tokens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use crate::clock::Timestamp;
use crate::delivery::Counts;
use crate::domain::principal::UserType;
use crate::log_writer::dropped_lines;
use crate::services::audit_chain::chain::AuditChain;
use crate::services::revocations::Revocations;
use crate::services::webhooks::background::WebhookCounts;

type Labels = Vec<(&'static str, &'static str)>;
type Counters = Family<Labels, Counter>;

/// The metrics of this process.
pub struct Metrics {
    registry: Registry,
    refreshes: Counters,
    retried: Counters,
    reused: Counters,
    logins: Counters,
    deliveries: Counters,
    pending_deliveries: Gauge,
    webhooks: WebhookMetrics,
    revocations: Gauge,
    lag: Gauge<f64, AtomicU64>,
    audit_chain_broken: Gauge,
    audit_chain_lag: Gauge<f64, AtomicU64>,
    dropped_log_lines: Counter,
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
        let deliveries = counters("deliveries", "One-time codes, links and notices by outcome");
        let webhooks = WebhookMetrics::new(&mut registry);
        let dropped_log_lines = Counter::default();
        registry.register(
            "dropped_log_lines",
            "Lines of the log that standard output did not take",
            dropped_log_lines.clone(),
        );
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
        Self {
            webhooks,
            refreshes,
            retried,
            reused,
            logins,
            deliveries,
            pending_deliveries: gauge(
                &mut registry,
                "pending_deliveries",
                "One-time codes, links and notices that are neither sent nor failed yet",
            ),
            revocations: gauge(
                &mut registry,
                "revocations",
                "Revocations in the cache of this instance",
            ),
            lag: gauge_of_seconds(
                &mut registry,
                "revocation_lag",
                "Age of the revocation cache; infinite if it was never filled",
            ),
            audit_chain_broken: gauge(
                &mut registry,
                "audit_chain_broken",
                "1 if the audit chain is damaged, so that no further events are linked, otherwise 0",
            ),
            audit_chain_lag: gauge_of_seconds(
                &mut registry,
                "audit_chain_lag",
                "Time since all audit events were linked; infinite if they never were",
            ),
            dropped_log_lines,
            registry,
        }
    }
}

/// The metrics of webhooks for events.
struct WebhookMetrics {
    deliveries: Counters,
    waiting: Gauge,
    oldest: Gauge<f64, AtomicU64>,
}

impl WebhookMetrics {
    fn new(registry: &mut Registry) -> Self {
        let deliveries = Counters::default();
        registry.register(
            "webhook_deliveries",
            "Attempts to send events to endpoints by outcome; dead: the last one",
            deliveries.clone(),
        );
        Self {
            deliveries,
            waiting: gauge(
                registry,
                "webhooks_waiting",
                "Events that wait for an endpoint, of all instances; counted every 30 seconds",
            ),
            oldest: gauge_of_seconds(
                registry,
                "webhooks_oldest_waiting",
                "Age of the oldest event that waits for an endpoint; 0 without one",
            ),
        }
    }

    fn set(&self, counts: &WebhookCounts, now: Timestamp) {
        for (outcome, count) in [
            ("delivered", counts.delivered),
            ("failed", counts.failed),
            ("dead", counts.dead),
        ] {
            let counter = self.deliveries.get_or_create(&vec![("outcome", outcome)]);
            counter.inner().store(count, Ordering::Relaxed);
        }
        self.waiting.set(counts.backlog.waiting);
        self.oldest.set(counts.oldest_age(now));
    }
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    let gauge = Gauge::default();
    registry.register(name, help, gauge.clone());
    gauge
}

fn gauge_of_seconds(registry: &mut Registry, name: &str, help: &str) -> Gauge<f64, AtomicU64> {
    let gauge = Gauge::default();
    registry.register_with_unit(name, help, Unit::Seconds, gauge.clone());
    gauge
}

impl Metrics {
    /// Counts a refreshed session.
    pub fn refreshed(&self, user_type: UserType) {
        let labels = vec![("user_type", user_type.as_str())];
        self.refreshes.get_or_create(&labels).inc();
    }

    /// Counts a used refresh token that was presented again within the grace period; `outcome` is `accepted` or
    /// `refused`.
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

    /// All metrics in the OpenMetrics text format, with the current state of the revocation cache, the deliveries, the
    /// audit chain and the webhooks.
    #[must_use]
    pub fn text(
        &self,
        revocations: &Revocations,
        deliveries: Counts,
        chain: &AuditChain,
        (webhooks, now): (WebhookCounts, Timestamp),
    ) -> String {
        self.webhooks.set(&webhooks, now);
        for (outcome, count) in [("sent", deliveries.sent), ("failed", deliveries.failed)] {
            let counter = self.deliveries.get_or_create(&vec![("outcome", outcome)]);
            counter.inner().store(count, Ordering::Relaxed);
        }
        let pending = i64::try_from(deliveries.queued).unwrap_or(i64::MAX);
        self.pending_deliveries.set(pending);
        let entries = i64::try_from(revocations.entries()).unwrap_or(i64::MAX);
        self.revocations.set(entries);
        let seconds = |lag: Option<Duration>| lag.map_or(f64::INFINITY, |lag| lag.as_secs_f64());
        self.lag.set(seconds(revocations.lag()));
        self.audit_chain_broken
            .set(i64::from(chain.known_error().is_some()));
        self.audit_chain_lag.set(seconds(chain.lag()));
        self.dropped_log_lines
            .inner()
            .store(dropped_lines(), Ordering::Relaxed);
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}
