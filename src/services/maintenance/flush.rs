//! The flush: deletes expired rows in batches with short transactions, so that requests continue undisturbed. One flush
//! runs at a time, over all instances, and each is recorded as a job.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Actor, AuditSource};
use crate::domain::job::{JobKind, JobState};
use crate::domain::paging::Count;
use crate::domain::session::JobId;
use crate::services::audit::log::{AuditLog, Event};
use crate::services::audit_chain::chain::AuditChain;
use crate::services::audit_chain::pruning::prune;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::maintenance::flush_counts::FlushCounts;
use crate::services::maintenance::job_report::{JobFailure, Report, failure_event};
use crate::services::maintenance::job_runner::{self, Batch, Work};
use crate::services::maintenance::jobs::{self, Begun, Job, Started};
use crate::services::maintenance::retention::kept_for;
use crate::store::flush::{
    ExpiringTable, count_expired, count_expired_to, delete_expired, first_expired,
};
use crate::store::{Db, Store, StoreError, audit_chain_links};

/// The maximum number of pending rows that are counted in each table.
const MAX_COUNTED: i64 = 10_000;

/// How many audit events are pruned in one transaction at most: it holds them in memory.
const MAX_PRUNED: u32 = 1_000;

/// The rules of a flush.
#[derive(Clone)]
pub struct FlushRules {
    /// How many rows are deleted in one transaction at most.
    pub batch_size: u32,
    /// How long audit events are kept.
    pub keep_events_for: Duration,
    /// The audit chain, whose oldest events are pruned.
    pub audit_chain: AuditChain,
}

impl FlushRules {
    /// The rules of the configuration.
    #[must_use]
    pub fn of(services: &Services) -> Self {
        Self {
            batch_size: services.config.flush.batch_size,
            keep_events_for: services.config.audit.keep_for.get(),
            audit_chain: services.audit_chain.clone(),
        }
    }
}

/// Counts the rows that a flush would delete at this time.
///
/// # Errors
/// Errors of the store.
pub async fn count(
    store: &Store,
    now: Timestamp,
    keep_events_for: Duration,
) -> Result<FlushCounts, StoreError> {
    store
        .read_list_when_free(move |connection| {
            let mut counts = FlushCounts::default();
            for table in ExpiringTable::ALL {
                let rows = count_expired(connection, table, now - kept_for(table))?;
                *counts.of(table) = u64::try_from(rows).unwrap_or(0);
            }
            let events = audit_chain_links::count_old(connection, now - keep_events_for)?;
            counts.audit_events = u64::try_from(events).unwrap_or(0);
            Ok(counts)
        })
        .await
}

/// How many rows the next batch deletes: as many as the last one would have deleted in the time that the next one may take.
struct BatchSize {
    rows: u32,
    took: Duration,
    at_most: u32,
}

impl BatchSize {
    /// The first batch is small: it finds the pages that it needs on the disk.
    fn new(at_most: u32) -> Self {
        Self {
            rows: at_most.min(500),
            took: Duration::from_millis(2),
            at_most,
        }
    }

    fn rows(&self, may_take: Duration) -> u32 {
        let rows = u128::from(self.rows) * may_take.as_micros() / self.took.as_micros().max(1);
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        // A batch that was much faster than usual must not be followed by one that is far too long.
        rows.clamp(self.rows / 8, self.rows.saturating_mul(4))
            .clamp(1, self.at_most)
    }

    fn record(&mut self, rows: u64, took: Duration) {
        self.rows = u32::try_from(rows).unwrap_or(u32::MAX);
        self.took = took;
    }
}

/// The work of a flush: one table after another, and the audit log last. Rows that expire while it runs are left to the next
/// flush.
struct RetentionSweep {
    started_at: Timestamp,
    rules: FlushRules,
    /// The tables that are not done. Those in which nothing was counted are left out.
    tables: std::vec::IntoIter<ExpiringTable>,
    /// Rows of the table that expired earlier have been deleted.
    next_expiry: Timestamp,
    batch_size: BatchSize,
    counts: FlushCounts,
}

impl RetentionSweep {
    fn new(started_at: Timestamp, rules: FlushRules) -> Self {
        Self {
            started_at,
            batch_size: BatchSize::new(rules.batch_size),
            rules,
            // `count` finds them.
            tables: Vec::new().into_iter(),
            next_expiry: Timestamp::EPOCH,
            counts: FlushCounts::default(),
        }
    }

    /// Deletes a batch of a table.
    async fn delete(
        &mut self,
        store: &Store,
        table: ExpiringTable,
        limit: u32,
    ) -> Result<Batch, Error> {
        let expired = self.next_expiry..=self.started_at - kept_for(table);
        let deleted = store
            .write(move |connection| delete_expired(connection, table, expired.clone(), limit))
            .await?;
        let rows = u64::try_from(deleted.rows).unwrap_or(u64::MAX);
        *self.counts.of(table) += rows;
        if deleted.next.is_none() {
            self.tables.next();
        }
        self.next_expiry = deleted.next.unwrap_or(Timestamp::EPOCH);
        Ok(Batch::Some(rows))
    }

    /// Prunes a batch of audit events, and records the number of all after the last batch.
    async fn prune(&mut self, store: &Store, limit: u32) -> Result<Batch, Error> {
        let FlushRules {
            keep_events_for,
            audit_chain,
            ..
        } = &self.rules;
        let cutoff = self.started_at - *keep_events_for;
        let deleted = prune(store, audit_chain, cutoff, limit).await?;
        self.counts.audit_events += deleted;
        if deleted >= u64::from(limit) {
            return Ok(Batch::Some(deleted));
        }
        if self.counts.audit_events > 0 {
            let log = audit_chain.log();
            let audit_context = log.audit_context(&Actor::server(), self.started_at);
            let event = Event::new(Action::AuditLogPruned)
                .with_detail("events", self.counts.audit_events)
                .with_detail("before", cutoff.whole_seconds());
            store
                .write(move |connection| audit_context.record(connection, &event))
                .await?;
        }
        Ok(Batch::Last(deleted))
    }
}

impl Work for RetentionSweep {
    fn report(&self) -> Report {
        Report::Flush(self.counts)
    }

    fn end_event(
        &self,
        id: &JobId,
        outcome: Result<JobState, JobFailure>,
    ) -> Option<(&AuditLog, Event)> {
        let event = failure_event(JobKind::Flush, id, outcome.err()?)?;
        Some((self.rules.audit_chain.log(), event))
    }

    async fn count(&mut self, store: &Store) -> Result<u64, Error> {
        let counts = count(store, self.started_at, self.rules.keep_events_for).await?;
        let with_rows = counts.tables().into_iter().filter(|(_, rows)| *rows > 0);
        let tables: Vec<ExpiringTable> = with_rows.map(|(table, _)| table).collect();
        self.tables = tables.into_iter();
        Ok(counts.total())
    }

    async fn batch(
        &mut self,
        store: &Store,
        _: &Clock,
        may_take: Duration,
    ) -> Result<Batch, Error> {
        let began = Instant::now();
        let mut limit = self.batch_size.rows(may_take);
        let batch = if let Some(&table) = self.tables.as_slice().first() {
            self.delete(store, table, limit).await?
        } else {
            limit = limit.min(MAX_PRUNED);
            self.prune(store, limit).await?
        };
        let (Batch::Some(rows) | Batch::Last(rows)) = batch;
        // The last batch of a table, with few rows, says nothing about the time that a row takes.
        if rows > u64::from(limit / 2) {
            self.batch_size.record(rows, began.elapsed());
        }
        Ok(batch)
    }
}

/// Why a flush by the CLI did not complete.
#[derive(Debug, thiserror::Error)]
pub enum NotFlushed {
    /// Another flush is running.
    #[error("another flush is running")]
    Busy(Option<Box<Job>>),
    /// It failed. Rows deleted before stay deleted.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Flushes at the request of the operator. `progress` is called after each batch with the number of its rows and of all
/// expired ones.
///
/// # Errors
/// [`NotFlushed`].
pub async fn flush(
    store: &Store,
    clock: &Clock,
    rules: FlushRules,
    progress: impl FnMut(u64, u64) + Send,
) -> Result<FlushCounts, NotFlushed> {
    let (_sender, stopping) = watch::channel(false);
    let audit_log = rules.audit_chain.log().clone();
    if let Some(counts) = run(store, clock, rules, &Actor::operator(), stopping, progress).await? {
        return Ok(counts);
    }
    let job = jobs::find_running(store, clock, &audit_log, JobKind::Flush);
    let job = Box::pin(job).await?;
    Err(NotFlushed::Busy(job.map(Box::new)))
}

/// Flushes at the server's regular time. `None` if another flush is running.
///
/// # Errors
/// Errors of the store. Rows deleted before stay deleted.
pub async fn flush_regularly(services: &Services) -> Result<Option<FlushCounts>, Error> {
    let (store, clock) = (&services.store, &services.clock);
    let rules = FlushRules::of(services);
    let stopping = services.jobs.stopping();
    run(store, clock, rules, &Actor::server(), stopping, |_, _| ()).await
}

/// Starts a flush in the background, or finds the one that is running.
///
/// # Errors
/// Errors of the store.
pub async fn start(services: &Services, actor: &Actor) -> Result<Started, Error> {
    let work = RetentionSweep::new(services.clock.now(), FlushRules::of(services));
    jobs::start(services, actor, Event::new(Action::FlushStarted), work).await
}

/// Flushes to the end. `None` if another flush is running. The server's own flushes are not audit events.
async fn run(
    store: &Store,
    clock: &Clock,
    rules: FlushRules,
    actor: &Actor,
    stopping: watch::Receiver<bool>,
    progress: impl FnMut(u64, u64) + Send,
) -> Result<Option<FlushCounts>, Error> {
    let is_regular = actor.source == AuditSource::Server;
    let event = (!is_regular).then(|| Event::new(Action::FlushStarted));
    let started_by = (rules.audit_chain.log(), actor);
    let report = Report::Flush(FlushCounts::default());
    let begun = jobs::begin(store, clock, started_by, report, event);
    let Begun::New(id) = Box::pin(begun).await? else {
        return Ok(None);
    };
    let mut sweep = RetentionSweep::new(clock.now(), rules);
    Box::pin(job_runner::run(
        store, clock, &id, &mut sweep, stopping, progress,
    ))
    .await?;
    Ok(Some(sweep.counts))
}

/// The expired rows that the next flush would delete.
#[derive(Clone, Debug)]
pub struct Backlog {
    /// The number of rows of each table that has any.
    pub tables: Vec<(ExpiringTable, Count)>,
    /// The number of rows in all tables.
    pub total: Count,
    /// Since when the first of them could have been deleted.
    pub since: Option<Timestamp>,
}

/// Counts the rows that the next flush would delete, up to a limit.
///
/// # Errors
/// Errors of the store.
pub async fn backlog(services: &Services) -> Result<Backlog, Error> {
    let now = services.clock.now();
    let backlog = services
        .store
        .read_list(move |connection| backlog_at(connection, now))
        .await?;
    Ok(backlog)
}

/// Counts the rows that the next flush would delete, on this connection.
pub(crate) fn backlog_at(connection: &mut Db, now: Timestamp) -> Result<Backlog, StoreError> {
    let mut backlog = Backlog {
        tables: Vec::new(),
        total: Count {
            rows: 0,
            more: false,
        },
        since: None,
    };
    for table in ExpiringTable::ALL {
        let cutoff = now - kept_for(table);
        let count = count_expired_to(connection, table, cutoff, MAX_COUNTED)?;
        if count.rows == 0 {
            continue;
        }
        backlog.total.rows += count.rows;
        backlog.total.more |= count.more;
        backlog.tables.push((table, count));
        let due = first_expired(connection, table, cutoff)?.map(|at| at + kept_for(table));
        backlog.since = [backlog.since, due].into_iter().flatten().min();
    }
    Ok(backlog)
}
