//! Running a job: batch after batch, with a rest after each, a sign of life every second, and an ear for the word to stop.

use std::{
    future::Future,
    pin::pin,
    time::{Duration, Instant},
};

use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior, interval_at, sleep},
};

use crate::{
    clock::Clock,
    domain::{job::JobState, session::JobId},
    services::{
        error::Error,
        maintenance::jobs::{JobFailure, Report, details},
    },
    store::{Store, StoreError, jobs as table, jobs::Progress},
};

/// How often a job writes how far it is.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// The longest rest after a batch.
const LONGEST_REST: Duration = Duration::from_secs(1);
/// How often the end of a job is tried to be written.
const TRIES: u32 = 3;

/// What came of a batch.
pub(crate) enum Batch {
    /// So much was done, and there may be more.
    Some(u64),
    /// So much was done, and it was the last.
    Last(u64),
}

/// What a job does.
pub(crate) trait Work: Send + 'static {
    /// What it did so far.
    fn report(&self) -> Report;

    /// How much there is to do.
    fn count(&mut self, store: &Store) -> impl Future<Output = Result<u64, Error>> + Send;

    /// The next batch: one transaction, done as a whole or not at all.
    fn batch(
        &mut self,
        store: &Store,
        clock: &Clock,
    ) -> impl Future<Output = Result<Batch, Error>> + Send;
}

/// Does a job's work until it is done, stopped or failed, and writes that down. `told` hears after each batch how much
/// there is to do and how much is done.
///
/// After each batch it rests as long as the batch took, so that others get at least half of the database's time.
pub(crate) async fn run(
    store: &Store,
    clock: &Clock,
    id: &JobId,
    work: &mut impl Work,
    stopping: watch::Receiver<bool>,
    mut told: impl FnMut(u64, u64) + Send,
) -> Result<JobState, Error> {
    let mut ticks = interval_at(tokio::time::Instant::now() + NOTE_EVERY, NOTE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut runner = Runner {
        store,
        clock,
        id,
        stopping,
        ticks,
        total: 0,
        done: 0,
    };
    let outcome = runner.drive(work, &mut told).await;
    runner.end(work.report(), &outcome).await?;
    outcome
}

struct Runner<'a> {
    store: &'a Store,
    clock: &'a Clock,
    id: &'a JobId,
    stopping: watch::Receiver<bool>,
    ticks: Interval,
    total: u64,
    done: u64,
}

impl Runner<'_> {
    async fn drive(
        &mut self,
        work: &mut impl Work,
        told: &mut (impl FnMut(u64, u64) + Send),
    ) -> Result<JobState, Error> {
        let store = self.store;
        let progress = self.progress(work.report(), None);
        self.total = self.seen_alive(&progress, work.count(store)).await?;
        self.note(&self.progress(work.report(), None)).await;
        told(self.total, self.done);
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
                // Another instance took this one for dead, and another job may be at work in its place.
                None => return Ok(JobState::Failed),
            }
            let begun = Instant::now();
            let progress = self.progress(work.report(), None);
            let clock = self.clock;
            let batch = self.seen_alive(&progress, work.batch(store, clock)).await?;
            let (Batch::Some(done) | Batch::Last(done)) = batch;
            self.done += done;
            told(self.total, self.done);
            if let Batch::Last(_) = batch {
                return Ok(JobState::Done);
            }
            self.rest(work.report(), begun.elapsed()).await;
        }
    }

    async fn rest(&mut self, report: Report, batch_took: Duration) {
        let progress = self.progress(report, None);
        let mut stopping = self.stopping.clone();
        let rest = async {
            tokio::select! {
                () = sleep(batch_took.min(LONGEST_REST)) => {}
                _ = stopping.changed() => {}
            }
        };
        self.seen_alive(&progress, rest).await;
    }

    /// Waits for a part of the work, and writes every second that the process lives.
    async fn seen_alive<T>(&mut self, progress: &Progress, part: impl Future<Output = T>) -> T {
        let mut part = pin!(part);
        loop {
            tokio::select! {
                biased;
                value = &mut part => return value,
                _ = self.ticks.tick() => self.note(progress).await,
            }
        }
    }

    async fn note(&self, progress: &Progress) {
        let (id, now) = (self.id.clone(), self.clock.now());
        let progress = progress.clone();
        let noted = self
            .store
            .write(move |connection| table::update_progress(connection, &id, &progress, now))
            .await;
        if let Err(error) = noted {
            tracing::warn!(%error, job = %self.id, "how far the job is could not be noted");
        }
    }

    async fn end(&self, report: Report, outcome: &Result<JobState, Error>) -> Result<(), Error> {
        let (state, fault) = match outcome {
            Ok(state) => (*state, None),
            Err(error) => {
                tracing::warn!(%error, job = %self.id, "the job failed");
                (JobState::Failed, Some(fault(error)))
            }
        };
        let progress = self.progress(report, fault);
        let mut tries = 0;
        loop {
            tries += 1;
            let (id, now, progress) = (self.id.clone(), self.clock.now(), progress.clone());
            let ended = self
                .store
                .write(move |connection| table::finish(connection, &id, state, &progress, now))
                .await;
            match ended {
                Ok(_) => return Ok(()),
                Err(error) if tries == TRIES => return Err(error.into()),
                // A database that was restarted is back soon.
                Err(_) => sleep(NOTE_EVERY).await,
            }
        }
    }

    fn progress(&self, report: Report, fault: Option<JobFailure>) -> Progress {
        Progress {
            // What came to be done beside was done too.
            total: i64::try_from(self.total.max(self.done)).unwrap_or(i64::MAX),
            done: i64::try_from(self.done).unwrap_or(i64::MAX),
            details: details(report, fault),
        }
    }
}

fn fault(error: &Error) -> JobFailure {
    match error {
        Error::Overloaded
        | Error::Unavailable(_)
        | Error::Store(StoreError::Unavailable(_) | StoreError::Overloaded) => {
            JobFailure::Unavailable
        }
        _ => JobFailure::Internal,
    }
}
