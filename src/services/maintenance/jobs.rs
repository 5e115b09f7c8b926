//! Work that goes on in the background of the server: how a job begins, is seen, stopped and ended. What it does is its
//! own file's ([`crate::services::maintenance::flush`], [`crate::services::accounts::bulk`]).
//!
//! A job is a row that every instance sees. The process that runs it writes once a second how far it is, and so that it
//! lives: a row that was not seen for a minute is a process that was killed, and the job failed.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, sync::watch, task::JoinHandle};

use crate::{
    clock::{Clock, Timestamp},
    domain::{
        audit::{Action, Actor, Subject},
        job::{JobKind, JobState, StartedBy},
        session::JobId,
    },
    services::{
        accounts::bulk::BulkReport,
        audit::log::{AuditLog, Event},
        bootstrap::Services,
        error::Error,
        maintenance::{
            flush_counts::FlushCounts,
            job_runner::{Work, run},
        },
    },
    store::{
        Store, jobs as table,
        jobs::{JobRow, NewJob},
    },
};

/// How long a job may be silent before its process counts as killed.
pub(crate) const DEAD_AFTER: Duration = Duration::from_mins(1);

/// What a job did so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// How many rows a flush took out.
    Flush(FlushCounts),
    /// What became of many accounts.
    Bulk(BulkReport),
}

/// Why a job failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobFailure {
    /// The database was away or had too much to do.
    Unavailable,
    /// A fault of this program, which stands in its log.
    Internal,
    /// The process that ran it ended under it.
    Killed,
}

/// The column `details`.
#[derive(Serialize, Deserialize)]
struct Details {
    report: Report,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<JobFailure>,
}

/// A job as the doors see it.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// How it fares.
    pub state: JobState,
    /// Who began it.
    pub started_by: StartedBy,
    /// How much there is to do; nothing before that was counted.
    pub total: u64,
    /// How much of it is done.
    pub done: u64,
    /// Whether somebody asked it to stop.
    pub stop_requested: bool,
    /// What it did so far; none where another version of this program wrote it.
    pub report: Option<Report>,
    /// Why it failed, if it did.
    pub fault: Option<JobFailure>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; of a process that was killed, when it was seen last.
    pub finished_at: Option<Timestamp>,
}

impl From<JobRow> for Job {
    fn from(row: JobRow) -> Self {
        let details: Option<Details> = serde_json::from_str(&row.details).ok();
        let (report, fault) = details.map_or((None, None), |details| {
            (Some(details.report), details.fault)
        });
        Self {
            id: row.id,
            kind: row.kind,
            state: row.state,
            started_by: StartedBy::read(row.started_by),
            total: u64::try_from(row.total).unwrap_or(0),
            done: u64::try_from(row.done).unwrap_or(0),
            stop_requested: row.stop_requested,
            report,
            fault: (row.state == JobState::Failed).then_some(fault.unwrap_or(JobFailure::Killed)),
            started_at: row.started_at,
            finished_at: row.finished_at,
        }
    }
}

/// What the jobs of this process have in common: where they run, and the word to stop.
pub struct Jobs {
    /// Where the process began. It lives longer than the server's workers, which come and go with it.
    runtime: Option<Handle>,
    stopping: watch::Sender<bool>,
    next_flush: Mutex<Option<Timestamp>>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            runtime: Handle::try_current().ok(),
            stopping: watch::Sender::new(false),
            next_flush: Mutex::default(),
        }
    }
}

impl Jobs {
    /// Asks all jobs of this process to stop at their next step. Who wants to know when they have: [`Jobs::drain`].
    pub fn stop_all(&self) {
        self.stopping.send_replace(true);
    }

    /// Waits until no job of this process runs, for a bounded time.
    pub async fn drain(&self, at_most: Duration) {
        // Each job holds a receiver as long as it runs.
        let _ = tokio::time::timeout(at_most, self.stopping.closed()).await;
    }

    /// The word to stop, for a job of this process.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    pub(crate) fn next_flush(&self) -> Option<Timestamp> {
        *self
            .next_flush
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_next_flush(&self, at: Timestamp) {
        *self
            .next_flush
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// Runs work in the background.
    pub(crate) fn spawn(
        &self,
        store: Store,
        clock: Clock,
        id: JobId,
        mut work: impl Work,
    ) -> JoinHandle<()> {
        let stopping = self.stopping();
        let job = async move {
            // What went wrong stands in the row and in the log.
            let _ = run(&store, &clock, &id, &mut work, stopping, |_, _| ()).await;
        };
        match &self.runtime {
            Some(runtime) => runtime.spawn(job),
            None => tokio::spawn(job),
        }
    }
}

/// A job that somebody wanted to begin.
pub struct Started {
    /// The job: his, or the one that runs already.
    pub job: JobId,
    /// Whether it is his.
    pub is_new: bool,
    running: Option<JoinHandle<()>>,
}

impl Started {
    pub(crate) fn running(job: JobId, running: JoinHandle<()>) -> Self {
        Self {
            job,
            is_new: true,
            running: Some(running),
        }
    }

    pub(crate) fn already(job: JobId) -> Self {
        Self {
            job,
            is_new: false,
            running: None,
        }
    }

    /// Waits for the end of a job that was begun, for a bounded time; whether it has ended.
    pub async fn wait(&mut self, at_most: Duration) -> bool {
        match self.running.as_mut() {
            Some(running) => tokio::time::timeout(at_most, running).await.is_ok(),
            None => false,
        }
    }
}

/// What became of the wish to begin a job.
pub(crate) enum Begun {
    /// It runs from now on.
    New(JobId),
    /// It was a flush, and this one runs.
    Running(JobId),
}

/// Writes the row of a job that runs from now on, with the event that tells of it.
pub(crate) async fn begin(
    store: &Store,
    clock: &Clock,
    (audit_log, actor): (&AuditLog, &Actor),
    report: Report,
    event: Option<Event>,
) -> Result<Begun, Error> {
    let kind = match report {
        Report::Flush(_) => JobKind::Flush,
        Report::Bulk(_) => JobKind::Bulk,
    };
    let details = details(report, None);
    loop {
        let now = clock.now();
        let new = NewJob {
            id: JobId::new(now),
            kind,
            started_by: StartedBy::actor(actor).stored().map(str::to_owned),
            details: details.clone(),
            started_at: now,
        };
        let event = event.clone().map(|event| event.to(subject(&new.id)));
        let audit_context = audit_log.audit_context(actor, now);
        let begun = store
            .write(move |connection| {
                // A flush whose process was killed keeps nobody from the next one.
                table::fail_stale(connection, now - DEAD_AFTER)?;
                if table::insert(connection, &new)? {
                    if let Some(event) = &event {
                        audit_context.record(connection, event)?;
                    }
                    return Ok::<_, Error>(Some(Begun::New(new.id.clone())));
                }
                let running = table::find_running(connection, kind)?;
                Ok(running.map(|row| Begun::Running(row.id)))
            })
            .await?;
        // None: the one that was in the way has ended in this moment.
        if let Some(begun) = begun {
            return Ok(begun);
        }
    }
}

pub(crate) fn details(report: Report, fault: Option<JobFailure>) -> String {
    serde_json::to_string(&Details { report, fault }).unwrap_or_default()
}

fn subject(id: &JobId) -> Subject {
    Subject {
        principal: None,
        name: Some(id.to_string()),
    }
}

/// The job of this id, if there is one.
///
/// # Errors
/// The store's.
pub async fn find(services: &Services, id: &JobId) -> Result<Option<Job>, Error> {
    let id = id.clone();
    see(&services.store, &services.clock, move |connection| {
        table::find(connection, &id)
    })
    .await
}

/// The job of this kind that runs, if one does.
pub(crate) async fn find_running(
    store: &Store,
    clock: &Clock,
    kind: JobKind,
) -> Result<Option<Job>, Error> {
    let seen = see(store, clock, move |connection| {
        table::find_running(connection, kind)
    })
    .await?;
    Ok(seen.filter(|job| job.state == JobState::Running))
}

/// The job of this kind that began last among those that have ended.
pub(crate) async fn find_last_ended(store: &Store, kind: JobKind) -> Result<Option<Job>, Error> {
    let row = store
        .read(move |connection| table::find_last_ended(connection, kind))
        .await?;
    Ok(row.map(Job::from))
}

/// Looks a row up, and notes first when its process turns out to have been killed.
async fn see(
    store: &Store,
    clock: &Clock,
    row: impl Fn(&mut crate::store::Db) -> Result<Option<JobRow>, crate::store::StoreError>
    + Clone
    + Send
    + 'static,
) -> Result<Option<Job>, Error> {
    let Some(seen) = store.read(row.clone()).await? else {
        return Ok(None);
    };
    let dead = clock.now() - DEAD_AFTER;
    if seen.state != JobState::Running || seen.heartbeat_at >= dead {
        return Ok(Some(seen.into()));
    }
    let id = seen.id;
    let row = store
        .write(move |connection| {
            table::fail_stale(connection, dead)?;
            table::find(connection, &id)
        })
        .await?;
    Ok(row.map(Job::from))
}

/// Asks a job to stop at its next step; whether it was asked now for the first time.
///
/// # Errors
/// The store's.
pub async fn stop(services: &Services, actor: &Actor, id: &JobId) -> Result<bool, Error> {
    let (id, audit_context) = (id.clone(), services.audit_context(actor));
    services
        .store
        .write(move |connection| {
            let asked = table::request_stop(connection, &id)?;
            if asked {
                let event = Event::new(Action::JobStopped).to(subject(&id));
                audit_context.record(connection, &event)?;
            }
            Ok(asked)
        })
        .await
}
