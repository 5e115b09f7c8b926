//! Running a job: batch after batch, a heartbeat every second, checks for cancellation, and pauses while others use the
//! database.

use std::{
    future::Future,
    pin::pin,
    time::{Duration, Instant},
};

use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior, interval_at, sleep},
};

use crate::clock::Clock;
use crate::domain::audit::Actor;
use crate::domain::job::JobState;
use crate::domain::session::JobId;
use crate::services::audit::log::{AuditLog, Event};
use crate::services::error::Error;
use crate::services::maintenance::job_report::{Details, JobFailure, Report};
use crate::store::jobs::Progress;
use crate::store::{Store, StoreError, jobs as table};

/// How often a job writes its progress.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);
/// The longest pause after a batch.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a batch may take when others use the database: less than a refresh.
const SHORTEST_BATCH: Duration = Duration::from_millis(1);
/// How many times as long as the batch the pause after it is then: few of their requests find the database in use.
const PAUSE_FACTOR: u32 = 10;
/// How long a batch may take when nobody else does.
const LONGEST_BATCH: Duration = Duration::from_millis(100);
/// How long a batch may take when another process could use the database at any time.
const SHARED_BATCH: Duration = Duration::from_millis(10);
/// How many times writing the end of a job is attempted.
const TRIES: u32 = 3;

/// The result of a batch.
pub(crate) enum Batch {
    /// This much was done, and there may be more.
    Some(u64),
    /// This much was done, and it was the last batch.
    Last(u64),
}

/// The work of a job.
pub(crate) trait Work: Send + Sync + 'static {
    /// What was done so far.
    fn report(&self) -> Report;

    /// The event of the end of the job, and the audit log; `None` if its end is no event.
    fn end_event(
        &self,
        _id: &JobId,
        _outcome: Result<JobState, JobFailure>,
    ) -> Option<(&AuditLog, Event)> {
        None
    }

    /// Counts the work.
    fn count(&mut self, store: &Store) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Does the next batch, in one transaction, which should take no longer than `may_take`.
    fn batch(
        &mut self,
        store: &Store,
        clock: &Clock,
        may_take: Duration,
    ) -> impl Future<Output = Result<Batch, Error>> + Send;
}

/// Runs a job until it is done, stopped or failed, and writes its end. `progress` is called after each batch with the amount
/// of work done in it, and that of all batches.
///
/// While others use the database, batches are short, and after each the job pauses for [`PAUSE_FACTOR`] times as long.
pub(crate) async fn run(
    store: &Store,
    clock: &Clock,
    id: &JobId,
    work: &mut impl Work,
    stopping: watch::Receiver<bool>,
    mut progress: impl FnMut(u64, u64) + Send,
) -> Result<JobState, Error> {
    let first = tokio::time::Instant::now() + HEARTBEAT_EVERY;
    let mut ticks = interval_at(first, HEARTBEAT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let store = &store.for_job();
    let mut runner = Runner {
        store,
        clock,
        id,
        stopping,
        ticks,
        heartbeats: 0,
        may_take: SHORTEST_BATCH,
        since_pause: Duration::ZERO,
        total: 0,
        done: 0,
    };
    let outcome = runner.drive(work, &mut progress).await;
    runner.end(work, &outcome).await?;
    outcome
}

struct Runner<'a> {
    store: &'a Store,
    clock: &'a Clock,
    id: &'a JobId,
    stopping: watch::Receiver<bool>,
    ticks: Interval,
    /// How many heartbeats were written.
    heartbeats: u64,
    /// How long the next batch may take.
    may_take: Duration,
    /// How long batches have run without a pause.
    since_pause: Duration,
    total: u64,
    done: u64,
}

impl Runner<'_> {
    async fn drive(
        &mut self,
        work: &mut impl Work,
        on_progress: &mut (impl FnMut(u64, u64) + Send),
    ) -> Result<JobState, Error> {
        let store = self.store;
        let progress = self.progress(work.report(), None);
        // Before and after the count: others that write meanwhile are seen.
        self.heartbeat(&progress).await;
        self.total = self.with_heartbeat(&progress, work.count(store)).await?;
        self.heartbeat(&self.progress(work.report(), None)).await;
        loop {
            if *self.stopping.borrow() {
                return Ok(JobState::Stopped);
            }
            let id = self.id.clone();
            let asked = store
                .read(move |connection| table::find_stop_request(connection, &id))
                .await?;
            match asked {
                Some(false) => {}
                Some(true) => return Ok(JobState::Stopped),
                // Another instance took this process for dead, and may have started another job.
                None => return Ok(JobState::Failed),
            }
            let started = Instant::now();
            let progress = self.progress(work.report(), None);
            let (clock, may_take, heartbeats) = (self.clock, self.may_take, self.heartbeats);
            let batch = self
                .with_heartbeat(&progress, work.batch(store, clock, may_take))
                .await?;
            let (Batch::Some(done) | Batch::Last(done)) = batch;
            self.done += done;
            on_progress(done, self.total);
            if let Batch::Last(_) = batch {
                return Ok(JobState::Done);
            }
            // On Postgres a heartbeat looks like the work of others.
            let saw_others = self.store.saw_other_work() && self.heartbeats == heartbeats;
            // An empty batch has delayed nobody.
            if done > 0 {
                if saw_others {
                    // What the batch has not written to the disk yet delays their next commit, so it counts for the pause.
                    self.with_heartbeat(&progress, store.sync()).await?;
                }
                let took = started.elapsed();
                self.pause(work.report(), took, saw_others).await;
            }
        }
    }

    /// Pauses if others use the database, and decides how long the next batch may take.
    async fn pause(&mut self, report: Report, batch_took: Duration, saw_others: bool) {
        self.since_pause += batch_took;
        let target = self.store.target();
        let lock_pause = target.lock_pause();
        // A command on SQLite has no requests that could wait for it. Each of its batches writes nearly every page of an index
        // that has another order, so the fewer there are, the faster it is.
        let (longest, growth) = match lock_pause {
            Some((longest_run, _)) if self.store.is_of_command() => (longest_run, 8),
            _ => (LONGEST_BATCH, 2),
        };
        let (next, pause) = match lock_pause {
            _ if saw_others => (SHORTEST_BATCH, batch_took * PAUSE_FACTOR),
            _ if target.is_open_elsewhere() => {
                ((self.may_take * 2).min(SHARED_BATCH), batch_took / 2)
            }
            Some((longest_run, pause)) if self.since_pause >= longest_run => (self.may_take, pause),
            _ => (self.may_take * growth, Duration::ZERO),
        };
        self.may_take = next.clamp(SHORTEST_BATCH, longest);
        if pause.is_zero() {
            return;
        }
        self.since_pause = Duration::ZERO;
        let progress = self.progress(report, None);
        let mut stopping = self.stopping.clone();
        let pause = async {
            tokio::select! {
                () = sleep(pause.min(LONGEST_PAUSE)) => {}
                _ = stopping.changed() => {}
            }
        };
        self.with_heartbeat(&progress, pause).await;
    }

    /// Awaits a part of the work, and writes a heartbeat every second meanwhile.
    async fn with_heartbeat<T>(&mut self, progress: &Progress, part: impl Future<Output = T>) -> T {
        let mut part = pin!(part);
        loop {
            tokio::select! {
                biased;
                value = &mut part => return value,
                _ = self.ticks.tick() => {
                    self.heartbeats += 1;
                    self.heartbeat(progress).await;
                }
            }
        }
    }

    async fn heartbeat(&self, progress: &Progress) {
        let (id, now) = (self.id.clone(), self.clock.now());
        let progress = progress.clone();
        let written = self
            .store
            .write(move |connection| table::update_progress(connection, &id, &progress, now))
            .await;
        if let Err(error) = written {
            tracing::warn!(%error, job = %self.id, "the progress of the job could not be written");
        }
    }

    async fn end(&self, work: &impl Work, outcome: &Result<JobState, Error>) -> Result<(), Error> {
        let outcome = match outcome {
            Ok(state) => Ok(*state),
            Err(error) => {
                tracing::warn!(%error, job = %self.id, "the job failed");
                Err(failure(error))
            }
        };
        let state = outcome.unwrap_or(JobState::Failed);
        let progress = self.progress(work.report(), outcome.err());
        let mut tries = 0;
        loop {
            tries += 1;
            let (id, now, progress) = (self.id.clone(), self.clock.now(), progress.clone());
            let event = work.end_event(&id, outcome);
            let event = event
                .map(|(audit_log, event)| (audit_log.audit_context(&Actor::server(), now), event));
            let ended = self
                .store
                .write(move |connection| {
                    let is_ended = table::finish(connection, &id, state, &progress, now)?;
                    if let Some((audit_context, event)) = event.as_ref().filter(|_| is_ended) {
                        audit_context.record(connection, event)?;
                    }
                    Ok::<_, StoreError>(is_ended)
                })
                .await;
            match ended {
                Ok(_) => return Ok(()),
                Err(error) if tries == TRIES => return Err(error.into()),
                // The database may be restarting.
                Err(_) => sleep(HEARTBEAT_EVERY).await,
            }
        }
    }

    fn progress(&self, report: Report, failure: Option<JobFailure>) -> Progress {
        Progress {
            // More work may have been done than was counted.
            total: i64::try_from(self.total.max(self.done)).unwrap_or(i64::MAX),
            done: i64::try_from(self.done).unwrap_or(i64::MAX),
            details: Details::encode(report, failure),
        }
    }
}

fn failure(error: &Error) -> JobFailure {
    match error {
        Error::Overloaded
        | Error::Unavailable(_)
        | Error::Store(StoreError::Unavailable(_) | StoreError::Overloaded) => {
            JobFailure::Unavailable
        }
        Error::Forbidden => JobFailure::Forbidden,
        _ => JobFailure::Internal,
    }
}
