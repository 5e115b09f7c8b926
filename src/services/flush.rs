//! The flush: taking out what has expired, in small batches of short transactions, so that logins and refreshes go on
//! undisturbed meanwhile. One runs at a time, over all instances, and each is recorded as a job.

mod clock_watch;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{
    Error, Services,
    audit::Event,
    jobs::{self, Batch, Begun, Job, Report, Started, Work},
    login_counts,
};
use crate::{
    clock::{Clock, Timestamp},
    config::MAX_LEEWAY,
    domain::{
        audit::{Action, Actor},
        job::JobKind,
        paging::Count,
    },
    store::{
        Db, Store, StoreError,
        flush::{count_expired, count_expired_to, delete_expired, first_expired},
    },
};

pub use self::clock_watch::{ClockWatch, Doubt};
pub use crate::store::flush::ExpiringTable;

/// How long jobs that have ended are kept.
const JOBS_KEPT_FOR: Duration = Duration::from_hours(24 * 90);
/// How far the rows that wait are counted, for each table.
const WAITING_COUNTED_TO: i64 = 10_000;

/// How many rows of each table were taken out, or would be. The second half is the panel's, and is told only where there
/// is something to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlushCounts {
    /// Refresh tokens that were issued.
    pub outstanding_tokens: u64,
    /// Refresh tokens that were refused.
    pub blacklisted_tokens: u64,
    /// One-time codes.
    pub otp_challenges: u64,
    /// Counted events.
    pub rate_limits: u64,
    /// Sessions.
    pub sessions: u64,
    /// What the instances had to know of revoked access tokens.
    #[serde(skip_serializing_if = "is_zero")]
    pub revocations: u64,
    /// Browsers' sessions in the panel.
    #[serde(skip_serializing_if = "is_zero")]
    pub browser_sessions: u64,
    /// One-time links.
    #[serde(skip_serializing_if = "is_zero")]
    pub set_up_links: u64,
    /// What became of one-time codes.
    #[serde(skip_serializing_if = "is_zero")]
    pub otp_deliveries: u64,
    /// Log-ins, counted per hour.
    #[serde(skip_serializing_if = "is_zero")]
    pub login_counts: u64,
    /// Work in the background that has ended.
    #[serde(skip_serializing_if = "is_zero")]
    pub jobs: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands the field over so"
)]
fn is_zero(rows: &u64) -> bool {
    *rows == 0
}

impl FlushCounts {
    /// The rows of all tables.
    #[must_use]
    pub fn total(&self) -> u64 {
        let mut counts = *self;
        ExpiringTable::ALL
            .map(|table| *counts.of(table))
            .iter()
            .sum()
    }

    /// Each table with its rows.
    #[must_use]
    pub fn tables(&self) -> [(ExpiringTable, u64); 11] {
        let mut counts = *self;
        ExpiringTable::ALL.map(|table| (table, *counts.of(table)))
    }

    fn of(&mut self, table: ExpiringTable) -> &mut u64 {
        match table {
            ExpiringTable::OutstandingTokens => &mut self.outstanding_tokens,
            ExpiringTable::BlacklistedTokens => &mut self.blacklisted_tokens,
            ExpiringTable::OtpChallenges => &mut self.otp_challenges,
            ExpiringTable::RateLimits => &mut self.rate_limits,
            ExpiringTable::Sessions => &mut self.sessions,
            ExpiringTable::Revocations => &mut self.revocations,
            ExpiringTable::BrowserSessions => &mut self.browser_sessions,
            ExpiringTable::SetUpLinks => &mut self.set_up_links,
            ExpiringTable::OtpDeliveries => &mut self.otp_deliveries,
            ExpiringTable::LoginCounts => &mut self.login_counts,
            ExpiringTable::Jobs => &mut self.jobs,
        }
    }
}

/// Up to when a row must have expired to be taken out.
///
/// A blacklisted token whose row is gone is refused only because it has expired. So its row stays for the greatest leeway
/// that can be configured, not for the one that is: raising the leeway later must not make a refused token good again.
#[must_use]
pub fn cutoff(now: Timestamp) -> Timestamp {
    now - MAX_LEEWAY.get()
}

/// How long a row of a table stays after the time that its row names.
fn kept_for(table: ExpiringTable) -> Duration {
    match table {
        ExpiringTable::LoginCounts => login_counts::KEPT_FOR,
        ExpiringTable::Jobs => JOBS_KEPT_FOR,
        _ => MAX_LEEWAY.get(),
    }
}

/// How many rows the flush would take out now.
///
/// # Errors
/// The store's.
pub async fn count(store: &Store, clock: &Clock) -> Result<FlushCounts, StoreError> {
    let now = clock.now();
    store
        .read(move |connection| count_at(connection, now))
        .await
}

fn count_at(connection: &mut Db, now: Timestamp) -> Result<FlushCounts, StoreError> {
    let mut counts = FlushCounts::default();
    for table in ExpiringTable::ALL {
        let rows = count_expired(connection, table, now - kept_for(table))?;
        *counts.of(table) = u64::try_from(rows).unwrap_or(0);
    }
    Ok(counts)
}

/// The work of a flush: table after table, each in batches. What expires while it runs is the next one's.
struct Sweep {
    began_at: Timestamp,
    batch_size: u32,
    tables: std::slice::Iter<'static, ExpiringTable>,
    counts: FlushCounts,
}

impl Sweep {
    fn new(began_at: Timestamp, batch_size: u32) -> Self {
        Self {
            began_at,
            batch_size,
            tables: ExpiringTable::ALL.iter(),
            counts: FlushCounts::default(),
        }
    }
}

impl Work for Sweep {
    fn report(&self) -> Report {
        Report::Flush(self.counts)
    }

    async fn count(&mut self, store: &Store) -> Result<u64, Error> {
        let now = self.began_at;
        let counts = store
            .read(move |connection| count_at(connection, now))
            .await?;
        Ok(counts.total())
    }

    async fn batch(&mut self, store: &Store, _: &Clock) -> Result<Batch, Error> {
        let Some(&table) = self.tables.as_slice().first() else {
            return Ok(Batch::Last(0));
        };
        let (cutoff, limit) = (self.began_at - kept_for(table), i64::from(self.batch_size));
        let deleted = store
            .write(move |connection| delete_expired(connection, table, cutoff, limit))
            .await?;
        let deleted = u64::try_from(deleted).unwrap_or(u64::MAX);
        *self.counts.of(table) += deleted;
        if deleted < u64::from(self.batch_size) {
            self.tables.next();
        }
        Ok(Batch::Some(deleted))
    }
}

/// Why a flush at the command line did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum NotFlushed {
    /// Another one runs.
    #[error("another flush is running")]
    Busy(Option<Box<Job>>),
    /// It failed; what was taken out before stays out.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// A flush at the command line; `progress` is told after each batch how many rows went with it.
///
/// # Errors
/// [`NotFlushed`].
pub async fn flush(
    store: &Store,
    clock: &Clock,
    batch_size: u32,
    mut progress: impl FnMut(u64) + Send,
) -> Result<FlushCounts, NotFlushed> {
    let actor = Actor::operator();
    let begun = begin(store, clock, &actor, Some(Event::new(Action::FlushStarted))).await?;
    let Begun::New(id) = begun else {
        let job = jobs::find_running(store, clock, JobKind::Flush).await?;
        return Err(NotFlushed::Busy(job.map(Box::new)));
    };
    let (_nobody, stopping) = watch::channel(false);
    let mut work = Sweep::new(clock.now(), batch_size);
    let mut before = 0;
    jobs::run(store, clock, &id, &mut work, stopping, |_, done| {
        progress(done - before);
        before = done;
    })
    .await?;
    Ok(work.counts)
}

async fn begin(
    store: &Store,
    clock: &Clock,
    actor: &Actor,
    event: Option<Event>,
) -> Result<Begun, Error> {
    let report = Report::Flush(FlushCounts::default());
    jobs::begin(store, clock, actor, report, event).await
}

/// The server's own flush, at its time; nothing when another one runs.
///
/// # Errors
/// The store's; what was taken out before stays out.
pub async fn flush_regularly(services: &Services) -> Result<Option<FlushCounts>, Error> {
    let (store, clock) = (&services.store, &services.clock);
    let Begun::New(id) = begin(store, clock, &Actor::server(), None).await? else {
        return Ok(None);
    };
    let mut work = Sweep::new(clock.now(), services.config.flush.batch_size);
    let stopping = services.jobs.stopping();
    jobs::run(store, clock, &id, &mut work, stopping, |_, _| ()).await?;
    Ok(Some(work.counts))
}

/// Begins a flush in the background, or finds the one that runs.
///
/// # Errors
/// The store's.
pub async fn start(services: &Services, actor: &Actor) -> Result<Started, Error> {
    let (store, clock) = (&services.store, &services.clock);
    let event = Event::new(Action::FlushStarted);
    match begin(store, clock, actor, Some(event)).await? {
        Begun::Running(id) => Ok(Started::already(id)),
        Begun::New(id) => {
            let work = Sweep::new(clock.now(), services.config.flush.batch_size);
            let (store, clock) = (store.clone(), clock.clone());
            let running = services.jobs.spawn(store, clock, id.clone(), work);
            Ok(Started::running(id, running))
        }
    }
}

/// The rows that wait for the next flush.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// How many of each table.
    pub tables: Vec<(ExpiringTable, Count)>,
    /// How many in all.
    pub total: Count,
    /// Since when the first of them could have been taken out.
    pub since: Option<Timestamp>,
}

/// The rows that wait for the next flush, counted up to a bound.
///
/// # Errors
/// The store's.
pub async fn waiting(services: &Services) -> Result<Waiting, Error> {
    let now = services.clock.now();
    let waiting = services
        .store
        .read(move |connection| waiting_at(connection, now))
        .await?;
    Ok(waiting)
}

/// The same on a connection.
pub(super) fn waiting_at(connection: &mut Db, now: Timestamp) -> Result<Waiting, StoreError> {
    let mut waiting = Waiting {
        tables: Vec::new(),
        total: Count {
            rows: 0,
            more: false,
        },
        since: None,
    };
    for table in ExpiringTable::ALL {
        let cutoff = now - kept_for(table);
        let count = count_expired_to(connection, table, cutoff, WAITING_COUNTED_TO)?;
        if count.rows == 0 {
            continue;
        }
        waiting.total.rows += count.rows;
        waiting.total.more |= count.more;
        waiting.tables.push((table, count));
        let due = first_expired(connection, table, cutoff)?.map(|at| at + kept_for(table));
        waiting.since = [waiting.since, due].into_iter().flatten().min();
    }
    Ok(waiting)
}

/// The flush that runs now, if one does, whoever began it and on whichever instance.
///
/// # Errors
/// The store's.
pub async fn running_flush(services: &Services) -> Result<Option<Job>, Error> {
    jobs::find_running(&services.store, &services.clock, JobKind::Flush).await
}

/// The last flush that has ended, however it did: when, by whom, and how many rows of each table it took out.
///
/// # Errors
/// The store's.
pub async fn last_flush(services: &Services) -> Result<Option<Job>, Error> {
    jobs::find_last_ended(&services.store, JobKind::Flush).await
}

/// When this process flushes next by itself; none where it does not.
#[must_use]
pub fn next_flush(services: &Services) -> Option<Timestamp> {
    services.jobs.next_flush()
}

/// Notes when this process flushes next by itself.
pub fn announce_next(services: &Services, after: Duration) {
    services.jobs.set_next_flush(services.clock.now() + after);
}
