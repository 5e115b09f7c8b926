//! The flush: taking out what has expired, in small batches of short transactions, so that logins and refreshes go on
//! undisturbed meanwhile. One runs at a time, over all instances, and each is recorded as a job.

use std::time::Duration;

use tokio::sync::watch;

use crate::{
    clock::{Clock, Timestamp},
    config::MAX_LEEWAY,
    domain::{
        audit::{Action, Actor},
        job::JobKind,
        paging::Count,
    },
    services::{
        audit::log::{AuditLog, Event},
        audit_chain::chain::{self, Trimmed},
        bootstrap::Services,
        error::Error,
        maintenance::{
            flush_counts::FlushCounts,
            job_runner::{self, Batch, Work},
            jobs::{self, Begun, Job, Report, Started},
        },
    },
    store::{
        Db, Store, StoreError, audit_chain_links,
        flush::{count_expired, count_expired_to, delete_expired, first_expired},
    },
};

pub use crate::store::flush::ExpiringTable;

/// How long jobs that have ended are kept.
const JOBS_KEPT_FOR: Duration = Duration::from_hours(24 * 90);
/// How far the rows that wait are counted, for each table.
const WAITING_COUNTED_TO: i64 = 10_000;

/// What a flush goes by.
#[derive(Clone)]
pub struct FlushRules {
    /// Rows that are taken out in one transaction.
    pub batch_size: u32,
    /// How long the events of the record are kept.
    pub keep_events_for: Duration,
    /// With what the record is written: its chain begins behind what was taken out.
    pub audit_log: AuditLog,
}

impl FlushRules {
    /// The server's own.
    #[must_use]
    pub fn of(services: &Services) -> Self {
        Self {
            batch_size: services.config.flush.batch_size,
            keep_events_for: services.config.audit.keep_for.get(),
            audit_log: services.audit_log.clone(),
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
        ExpiringTable::Jobs => JOBS_KEPT_FOR,
        _ => MAX_LEEWAY.get(),
    }
}

/// How many rows the flush would take out now.
///
/// # Errors
/// The store's.
pub async fn count(
    store: &Store,
    clock: &Clock,
    rules: &FlushRules,
) -> Result<FlushCounts, StoreError> {
    let (now, kept) = (clock.now(), rules.keep_events_for);
    store
        .read(move |connection| count_at(connection, now, kept))
        .await
}

fn count_at(
    connection: &mut Db,
    now: Timestamp,
    events_kept: Duration,
) -> Result<FlushCounts, StoreError> {
    let mut counts = FlushCounts::default();
    for table in ExpiringTable::ALL {
        let rows = count_expired(connection, table, now - kept_for(table))?;
        *counts.of(table) = u64::try_from(rows).unwrap_or(0);
    }
    let events = audit_chain_links::count_old(connection, now - events_kept)?;
    counts.audit_events = u64::try_from(events).unwrap_or(0);
    Ok(counts)
}

/// The work of a flush: table after table, each in batches. What expires while it runs is the next one's.
struct RetentionSweep {
    began_at: Timestamp,
    rules: FlushRules,
    tables: std::slice::Iter<'static, ExpiringTable>,
    counts: FlushCounts,
}

impl RetentionSweep {
    fn new(began_at: Timestamp, rules: FlushRules) -> Self {
        Self {
            began_at,
            rules,
            tables: ExpiringTable::ALL.iter(),
            counts: FlushCounts::default(),
        }
    }

    /// The record's turn, which is the last one: its chain is gone on with where it begins.
    async fn trim(&mut self, store: &Store) -> Result<Batch, Error> {
        let FlushRules {
            batch_size,
            keep_events_for,
            audit_log,
        } = &self.rules;
        let cutoff = self.began_at - *keep_events_for;
        let trimmed = chain::trim(store, audit_log, cutoff, *batch_size).await?;
        let (Trimmed::Some(deleted) | Trimmed::Last(deleted)) = trimmed;
        self.counts.audit_events += deleted;
        if matches!(trimmed, Trimmed::Last(_)) && self.counts.audit_events > 0 {
            let audit_context = audit_log.audit_context(&Actor::server(), self.began_at);
            let event = Event::new(Action::RecordTrimmed)
                .noting("events", self.counts.audit_events)
                .noting("before", cutoff.whole_seconds());
            store
                .write(move |connection| audit_context.record(connection, &event))
                .await?;
        }
        Ok(match trimmed {
            Trimmed::Some(_) => Batch::Some(deleted),
            Trimmed::Last(_) => Batch::Last(deleted),
        })
    }
}

impl Work for RetentionSweep {
    fn report(&self) -> Report {
        Report::Flush(self.counts)
    }

    async fn count(&mut self, store: &Store) -> Result<u64, Error> {
        let (now, kept) = (self.began_at, self.rules.keep_events_for);
        let counts = store
            .read(move |connection| count_at(connection, now, kept))
            .await?;
        Ok(counts.total())
    }

    async fn batch(&mut self, store: &Store, _: &Clock) -> Result<Batch, Error> {
        let Some(&table) = self.tables.as_slice().first() else {
            return self.trim(store).await;
        };
        let cutoff = self.began_at - kept_for(table);
        let limit = i64::from(self.rules.batch_size);
        let deleted = store
            .write(move |connection| delete_expired(connection, table, cutoff, limit))
            .await?;
        let deleted = u64::try_from(deleted).unwrap_or(u64::MAX);
        *self.counts.of(table) += deleted;
        if deleted < u64::from(self.rules.batch_size) {
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
    rules: FlushRules,
    mut progress: impl FnMut(u64) + Send,
) -> Result<FlushCounts, NotFlushed> {
    let actor = Actor::operator();
    let event = Some(Event::new(Action::FlushStarted));
    let begun = begin(store, clock, (&rules.audit_log, &actor), event).await?;
    let Begun::New(id) = begun else {
        let job = jobs::find_running(store, clock, JobKind::Flush).await?;
        return Err(NotFlushed::Busy(job.map(Box::new)));
    };
    let (_nobody, stopping) = watch::channel(false);
    let mut work = RetentionSweep::new(clock.now(), rules);
    let mut before = 0;
    job_runner::run(store, clock, &id, &mut work, stopping, |_, done| {
        progress(done - before);
        before = done;
    })
    .await?;
    Ok(work.counts)
}

async fn begin(
    store: &Store,
    clock: &Clock,
    by: (&AuditLog, &Actor),
    event: Option<Event>,
) -> Result<Begun, Error> {
    let report = Report::Flush(FlushCounts::default());
    jobs::begin(store, clock, by, report, event).await
}

/// The server's own flush, at its time; nothing when another one runs.
///
/// # Errors
/// The store's; what was taken out before stays out.
pub async fn flush_regularly(services: &Services) -> Result<Option<FlushCounts>, Error> {
    let (store, clock) = (&services.store, &services.clock);
    let Begun::New(id) = begin(store, clock, (&services.audit_log, &Actor::server()), None).await?
    else {
        return Ok(None);
    };
    let mut work = RetentionSweep::new(clock.now(), FlushRules::of(services));
    let stopping = services.jobs.stopping();
    job_runner::run(store, clock, &id, &mut work, stopping, |_, _| ()).await?;
    Ok(Some(work.counts))
}

/// Begins a flush in the background, or finds the one that runs.
///
/// # Errors
/// The store's.
pub async fn start(services: &Services, actor: &Actor) -> Result<Started, Error> {
    let (store, clock) = (&services.store, &services.clock);
    let event = Event::new(Action::FlushStarted);
    match begin(store, clock, (&services.audit_log, actor), Some(event)).await? {
        Begun::Running(id) => Ok(Started::already(id)),
        Begun::New(id) => {
            let work = RetentionSweep::new(clock.now(), FlushRules::of(services));
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
pub(crate) fn waiting_at(connection: &mut Db, now: Timestamp) -> Result<Waiting, StoreError> {
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
