//! What an operator watches: counters and gauges, written out in the OpenMetrics text format. No name, address or token
//! is in them.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use crate::{domain::principal::UserType, services::revocations::Revocations};

type Labels = Vec<(&'static str, &'static str)>;
type Counters = Family<Labels, Counter>;

/// The counters, and the gauges as they were read last.
pub struct Metrics {
    registry: Registry,
    refreshes: Counters,
    reused: Counters,
    logins: Counters,
    revocations: Gauge,
    lag: Gauge<f64, AtomicU64>,
}

impl Default for Metrics {
    /// All at zero.
    fn default() -> Self {
        let mut registry = Registry::with_prefix("munjigi");
        let (refreshes, reused, logins) = (
            Counters::default(),
            Counters::default(),
            Counters::default(),
        );
        for user_type in UserType::NAMES {
            // Zero is said too: who watches for a rise must see where it began.
            drop(refreshes.get_or_create(&vec![("user_type", user_type)]));
            drop(reused.get_or_create(&vec![("user_type", user_type)]));
            for outcome in ["accepted", "refused"] {
                drop(logins.get_or_create(&vec![("user_type", user_type), ("outcome", outcome)]));
            }
        }
        let (revocations, lag) = (Gauge::default(), Gauge::default());
        registry.register(
            "refreshes",
            "Refresh tokens that bought a new pair",
            refreshes.clone(),
        );
        registry.register(
            "refresh_tokens_reused",
            "Used refresh tokens that came again and ended their session",
            reused.clone(),
        );
        registry.register(
            "logins",
            "Log-ins by password and by one-time code",
            logins.clone(),
        );
        registry.register(
            "revocations",
            "Revocations that this instance keeps in memory",
            revocations.clone(),
        );
        registry.register_with_unit(
            "revocation_lag",
            "How old the news of revocations are; infinite where none were heard",
            Unit::Seconds,
            lag.clone(),
        );
        Self {
            registry,
            refreshes,
            reused,
            logins,
            revocations,
            lag,
        }
    }
}

impl Metrics {
    /// A session was refreshed.
    pub fn refreshed(&self, user_type: UserType) {
        let labels = vec![("user_type", user_type.as_str())];
        self.refreshes.get_or_create(&labels).inc();
    }

    /// A used refresh token came again.
    pub fn refresh_token_reused(&self, user_type: UserType) {
        let labels = vec![("user_type", user_type.as_str())];
        self.reused.get_or_create(&labels).inc();
    }

    /// Somebody was let in, or not.
    pub fn logged_in(&self, user_type: UserType, outcome: &'static str) {
        let labels = vec![("user_type", user_type.as_str()), ("outcome", outcome)];
        self.logins.get_or_create(&labels).inc();
    }

    /// All of them in the OpenMetrics text format, with the revocations as they are known now.
    #[must_use]
    pub fn text(&self, revocations: &Revocations) -> String {
        let entries = i64::try_from(revocations.entries()).unwrap_or(i64::MAX);
        self.revocations.set(entries);
        let lag = revocations.lag();
        self.lag
            .set(lag.map_or(f64::INFINITY, |lag| lag.as_secs_f64()));
        let mut text = String::new();
        // A string takes whatever is written to it.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}
