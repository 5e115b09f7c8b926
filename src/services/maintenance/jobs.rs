//! Jobs: how a background job is started, found and stopped.
//!
//! A job is a row that every instance sees. The process that runs it writes its progress once a second as a heartbeat. If
//! there is no heartbeat for a minute, the process was killed and the job has failed.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Actor};
use crate::domain::job::{JobKind, JobState, StartedBy};
use crate::domain::session::JobId;
use crate::services::audit::log::{AuditContext, AuditLog, Event};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::maintenance::job_report::{
    Details, JobFailure, Report, failure_event, subject,
};
use crate::services::maintenance::job_runner::Work;
use crate::store::jobs::JobRow;
use crate::store::{Db, Store, StoreError, Transaction, jobs as table};

/// How long an answer waits for the end of a job that it has started.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How long a job may be without a heartbeat before its process counts as killed.
pub(crate) const DEAD_AFTER: Duration = Duration::from_mins(1);

/// A job, as the interfaces show it.
#[derive(Clone, Debug)]
pub struct Job {
    /// The id.
    pub id: JobId,
    /// The kind.
    pub kind: JobKind,
    /// The state.
    pub state: JobState,
    /// Who started it.
    pub started_by: StartedBy,
    /// The amount of work; 0 until it was counted.
    pub total: u64,
    /// The amount of work that is done.
    pub done: u64,
    /// Whether it was asked to stop.
    pub stop_requested: bool,
    /// What it has done so far; `None` if another version of this program wrote it.
    pub report: Option<Report>,
    /// Why it failed, if it did.
    pub failure: Option<JobFailure>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended; if the process was killed, the time of the last heartbeat.
    pub finished_at: Option<Timestamp>,
}

impl Job {
    /// Whether a user may stop it. The sessions of a revoked key are ended in any case: nothing could start the job again.
    #[must_use]
    pub fn can_stop(&self) -> bool {
        self.state == JobState::Running && !matches!(self.report, Some(Report::Key(_)))
    }
}

impl From<JobRow> for Job {
    fn from(row: JobRow) -> Self {
        let details = serde_json::from_str::<Details>(&row.details).ok();
        let (report, failure) = details
            .map(|details| (details.report, details.failure))
            .unzip();
        Self {
            id: row.id,
            kind: row.kind,
            state: row.state,
            started_by: StartedBy::read(row.started_by),
            total: u64::try_from(row.total).unwrap_or(0),
            done: u64::try_from(row.done).unwrap_or(0),
            stop_requested: row.stop_requested,
            report,
            failure: (row.state == JobState::Failed)
                .then_some(failure.flatten().unwrap_or(JobFailure::Killed)),
            started_at: row.started_at,
            finished_at: row.finished_at,
        }
    }
}

/// The result of starting a job in the background.
pub struct Started {
    /// The job: the new one, or the one that is running already.
    pub job: JobId,
    running: Option<JoinHandle<()>>,
}

impl Started {
    fn new(job: JobId, running: Option<JoinHandle<()>>) -> Self {
        Self { job, running }
    }

    /// Whether the job is new.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.running.is_some()
    }

    /// Waits for the end of a new job for at most this time, and returns whether it has ended.
    pub async fn wait(&mut self, at_most: Duration) -> bool {
        match self.running.as_mut() {
            Some(running) => tokio::time::timeout(at_most, running).await.is_ok(),
            None => false,
        }
    }
}

/// How long the answer to a request that came at `began` may wait for a job: short enough for a person, and at most half of
/// `server.request_timeout`, so that the answer comes before it.
#[must_use]
pub fn may_wait(services: &Services, began: Instant) -> Duration {
    let timeout = services.config.server.request_timeout.get();
    within(timeout, began.elapsed())
}

fn within(timeout: Duration, elapsed: Duration) -> Duration {
    (timeout / 2).saturating_sub(elapsed).min(ANSWER_WITHIN)
}

/// The result of inserting a job.
pub(crate) enum Begun {
    /// The job was inserted and is to be run.
    New(JobId),
    /// Another flush is running.
    Running(JobId),
}

/// The row of a job that begins now.
pub(crate) fn new_row(actor: &Actor, report: Report, now: Timestamp) -> JobRow {
    let kind = match report {
        Report::Flush(_) => JobKind::Flush,
        Report::Bulk(_) | Report::Sessions(_) | Report::Key(_) => JobKind::Bulk,
    };
    JobRow {
        id: JobId::new(now),
        kind,
        state: JobState::Running,
        started_by: StartedBy::actor(actor).stored(),
        total: 0,
        done: 0,
        stop_requested: false,
        details: Details::encode(report, None),
        started_at: now,
        heartbeat_at: now,
        finished_at: None,
    }
}

/// Inserts the row of a job, and records an event if one is given.
pub(crate) async fn begin(
    store: &Store,
    clock: &Clock,
    (audit_log, actor): (&AuditLog, &Actor),
    report: Report,
    event: Option<Event>,
) -> Result<Begun, Error> {
    loop {
        let now = clock.now();
        let new = new_row(actor, report.clone(), now);
        let kind = new.kind;
        let event = event.clone().map(|event| event.to(subject(&new.id)));
        let audit_context = audit_log.audit_context(actor, now);
        let failures = audit_log.audit_context(&Actor::server(), now);
        let begun = store
            .write(move |connection| {
                // A flush whose process was killed does not prevent the next one.
                fail_stale(connection, &failures)?;
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
        // `None`: the other one has just ended.
        if let Some(begun) = begun {
            return Ok(begun);
        }
    }
}

/// Starts a job in the background, and records the event if the job is new.
///
/// # Errors
/// Errors of the store.
pub(crate) async fn start(
    services: &Services,
    actor: &Actor,
    event: Event,
    work: impl Work,
) -> Result<Started, Error> {
    let (store, clock) = (&services.store, &services.clock);
    let by = (&services.audit_log, actor);
    Ok(
        match begin(store, clock, by, work.report(), Some(event)).await? {
            Begun::Running(id) => Started::new(id, None),
            Begun::New(id) => spawn(services, id, work),
        },
    )
}

/// Runs a job in the background whose row was inserted.
pub(crate) fn spawn(services: &Services, id: JobId, work: impl Work) -> Started {
    let (store, clock) = (services.store.clone(), services.clock.clone());
    let running = services.jobs.spawn(store, clock, id.clone(), work);
    Started::new(id, Some(running))
}

/// Marks jobs as failed whose process was killed, and records those that are flushes. The time is that of the context.
fn fail_stale(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
) -> Result<(), StoreError> {
    let killed = table::fail_stale(connection, audit_context.now - DEAD_AFTER)?;
    for (kind, id) in killed {
        if let Some(event) = failure_event(kind, &id, JobFailure::Killed) {
            audit_context.record(connection, &event)?;
        }
    }
    Ok(())
}

/// The job of this id.
///
/// # Errors
/// Errors of the store.
pub async fn find(services: &Services, id: &JobId) -> Result<Option<Job>, Error> {
    let id = id.clone();
    let (store, clock, audit_log) = (&services.store, &services.clock, &services.audit_log);
    find_by(store, clock, audit_log, move |connection| {
        table::find(connection, &id)
    })
    .await
}

/// The newest jobs. Those whose process was killed are marked as failed first.
///
/// # Errors
/// Errors of the store.
pub async fn list(services: &Services, limit: i64) -> Result<Vec<Job>, Error> {
    let dead = services.clock.now() - DEAD_AFTER;
    let read = move |connection: &mut Db| table::list(connection, limit);
    let is_dead = |row: &JobRow| row.state == JobState::Running && row.heartbeat_at < dead;
    let mut rows = services.store.read_list(read).await?;
    if rows.iter().any(is_dead) {
        let failures = services.audit_context(&Actor::server());
        let fail = move |connection: &mut Transaction<'_>| {
            fail_stale(connection, &failures)?;
            table::list(connection, limit)
        };
        rows = services.store.write(fail).await?;
    }
    Ok(rows.into_iter().map(Job::from).collect())
}

/// The running job of this kind.
pub(crate) async fn find_running(
    store: &Store,
    clock: &Clock,
    audit_log: &AuditLog,
    kind: JobKind,
) -> Result<Option<Job>, Error> {
    let found = find_by(store, clock, audit_log, move |connection| {
        table::find_running(connection, kind)
    })
    .await?;
    Ok(found.filter(|job| job.state == JobState::Running))
}

/// The ended job of this kind that was started last.
pub async fn find_last_ended(store: &Store, kind: JobKind) -> Result<Option<Job>, Error> {
    let row = store
        .read(move |connection| table::find_last_ended(connection, kind))
        .await?;
    Ok(row.map(Job::from))
}

/// Reads a job. If its process was killed, the job is marked as failed first.
async fn find_by(
    store: &Store,
    clock: &Clock,
    audit_log: &AuditLog,
    row: impl Fn(&mut Db) -> Result<Option<JobRow>, StoreError> + Clone + Send + 'static,
) -> Result<Option<Job>, Error> {
    let Some(found) = store.read(row.clone()).await? else {
        return Ok(None);
    };
    let now = clock.now();
    let dead = now - DEAD_AFTER;
    if found.state != JobState::Running || found.heartbeat_at >= dead {
        return Ok(Some(found.into()));
    }
    let id = found.id;
    let failures = audit_log.audit_context(&Actor::server(), now);
    let row = store
        .write(move |connection| {
            fail_stale(connection, &failures)?;
            table::find(connection, &id)
        })
        .await?;
    Ok(row.map(Job::from))
}

/// Asks a job to stop before its next batch. Returns `true` if this call was the first to ask.
///
/// # Errors
/// Errors of the store.
pub async fn stop(services: &Services, actor: &Actor, id: &JobId) -> Result<bool, Error> {
    let id = id.clone();
    services
        .write_as(actor, move |connection, audit_context| {
            let asked = table::request_stop(connection, &id)?;
            if asked {
                let event = Event::new(Action::JobStopped).to(subject(&id));
                audit_context.record(connection, &event)?;
            }
            Ok(asked)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_waits_for_a_job_until_half_of_the_request_timeout() {
        let ms = Duration::from_millis;
        for (timeout, elapsed, expected) in [
            (30_000, 0, 2_000),
            (30_000, 14_000, 1_000),
            (30_000, 16_000, 0),
            (2_000, 100, 900),
            (100, 0, 50),
        ] {
            assert_eq!(
                within(ms(timeout), ms(elapsed)),
                ms(expected),
                "{timeout} {elapsed}"
            );
        }
    }
}
