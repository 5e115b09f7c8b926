//! What the panel's first page tells: how much there is, how many log in, what happened last, and how the server is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{Days, NaiveDate, TimeZone};
use chrono_tz::Tz;
use tokio::sync::watch;

use crate::{
    clock::{Clock, Timestamp},
    services::{audit::events::AuditEvent, bootstrap::Services, error::Error},
    store::{Store, StoreError, audit_list, login_counts, totals},
};

/// How much there is of everything.
#[derive(Clone, Debug)]
pub struct Totals {
    /// Internal users who may log in.
    pub users: i64,
    /// Clients who may log in.
    pub clients: i64,
    /// Sessions that are neither ended nor expired.
    pub sessions: i64,
    /// Refresh tokens that have not expired.
    pub outstanding: i64,
    /// Refresh tokens that are refused, and have not expired.
    pub blacklisted: i64,
    /// How many bytes the database takes.
    pub database_size: i64,
    /// The version of the database.
    pub database_version: String,
    /// When this was counted.
    pub counted_at: Timestamp,
    /// How long that took.
    cost: Duration,
}

/// The log-ins of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginDay {
    /// The day, in the zone that was asked for.
    pub day: NaiveDate,
    /// How many were let in.
    pub accepted: i64,
    /// How many were refused.
    pub refused: i64,
}

/// How many days of log-ins are told.
pub const DAYS: u64 = 30;
/// How many events are told.
const LATEST: i64 = 8;

/// What is counted in less time is counted each time.
const CHEAP: Duration = Duration::from_millis(20);
/// What was counted is told again while it is younger than so many times what it cost: so counting never takes more than
/// a fiftieth of the database's time, however often the page is opened.
const WORTH: u32 = 50;
/// How long a page waits for a new count when there is an old one to tell, and when there is none.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// When the server started, and what was counted last. Clones share it.
#[derive(Clone)]
pub struct Dashboard(Arc<Inner>);

struct Inner {
    started_at: Timestamp,
    is_counting: AtomicBool,
    totals: watch::Sender<Option<Arc<Totals>>>,
}

impl Dashboard {
    /// For a server that starts now.
    #[must_use]
    pub fn starting(clock: &Clock) -> Self {
        Self(Arc::new(Inner {
            started_at: clock.now(),
            is_counting: AtomicBool::new(false),
            totals: watch::Sender::new(None),
        }))
    }

    /// How long the server has been running.
    #[must_use]
    pub fn uptime(&self, now: Timestamp) -> Duration {
        now.since(self.0.started_at)
    }

    fn kept(&self) -> Option<Arc<Totals>> {
        self.0.totals.borrow().clone()
    }

    /// Counts in the background, unless somebody does already.
    fn count(&self, store: &Store, clock: &Clock) {
        if self.0.is_counting.swap(true, Ordering::AcqRel) {
            return;
        }
        let (own, store, clock) = (self.clone(), store.clone(), clock.clone());
        tokio::spawn(async move {
            let counted = count(&store, &clock).await;
            own.0.is_counting.store(false, Ordering::Release);
            match counted {
                Ok(totals) => {
                    own.0.totals.send_replace(Some(Arc::new(totals)));
                }
                Err(error) => {
                    tracing::warn!(%error, "the dashboard's numbers cannot be counted");
                    // Whoever waits need not wait longer.
                    own.0.totals.send_modify(|_| ());
                }
            }
        });
    }
}

async fn count(store: &Store, clock: &Clock) -> Result<Totals, StoreError> {
    let (begun, now) = (Instant::now(), clock.now());
    let mut totals = store
        .read_list(move |connection| {
            Ok::<_, StoreError>(Totals {
                users: totals::active_users(connection)?,
                clients: totals::active_clients(connection)?,
                sessions: totals::live_sessions(connection, now)?,
                outstanding: totals::outstanding_tokens(connection, now)?,
                blacklisted: totals::blacklisted_tokens(connection, now)?,
                database_size: totals::database_size(connection)?,
                database_version: totals::database_version(connection)?,
                counted_at: now,
                cost: Duration::ZERO,
            })
        })
        .await?;
    totals.cost = begun.elapsed();
    Ok(totals)
}

/// How much there is; none when that is not known yet. A count that is costly is told for a while, see
/// [`Totals::counted_at`].
pub async fn totals(services: &Services) -> Option<Arc<Totals>> {
    let own = &services.dashboard;
    let kept = own.kept();
    let is_fresh = |totals: &Totals| {
        let age = services.clock.now().since(totals.counted_at);
        totals.cost >= CHEAP && age < totals.cost * WORTH
    };
    if kept.as_deref().is_some_and(is_fresh) {
        return kept;
    }
    let mut counted = own.0.totals.subscribe();
    counted.mark_unchanged();
    own.count(&services.store, &services.clock);
    let patience = if kept.is_some() {
        PATIENCE.0
    } else {
        PATIENCE.1
    };
    // Too late: the last one is told, and the new one to whoever comes next.
    let _ = tokio::time::timeout(patience, counted.changed()).await;
    own.kept()
}

/// The log-ins of the last [`DAYS`] days in a zone, today's last.
///
/// They were counted by hours of UTC: where a zone's day begins within one, that hour belongs to the day it began in.
///
/// # Errors
/// The store's.
pub async fn logins(services: &Services, zone: Tz) -> Result<Vec<LoginDay>, Error> {
    let now = services.clock.now();
    services.login_counts.write(&services.store).await?;
    let since = now - Duration::from_hours(24 * (DAYS + 1));
    let hours = services
        .store
        .read_list(move |connection| login_counts::list_since(connection, since))
        .await?;
    let day_of = |at: Timestamp| zone.from_utc_datetime(at.naive_utc()).date_naive();
    let today = day_of(now);
    let mut days: Vec<LoginDay> = (0..DAYS)
        .rev()
        .filter_map(|back| today.checked_sub_days(Days::new(back)))
        .map(|day| LoginDay {
            day,
            accepted: 0,
            refused: 0,
        })
        .collect();
    for (hour, was_accepted, hits) in hours {
        let day = day_of(hour);
        if let Some(entry) = days.iter_mut().find(|entry| entry.day == day) {
            if was_accepted {
                entry.accepted += hits;
            } else {
                entry.refused += hits;
            }
        }
    }
    Ok(days)
}

/// What happened last.
///
/// # Errors
/// The store's.
pub async fn latest(services: &Services) -> Result<Vec<AuditEvent>, Error> {
    let rows = services
        .store
        .read_list(|connection| audit_list::latest(connection, LATEST))
        .await?;
    Ok(rows.into_iter().map(AuditEvent::from).collect())
}
