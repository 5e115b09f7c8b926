//! The job that ends the sessions of a signing key that is not accepted any more. Its row is inserted in the transaction of the
//! revocation, so that the sessions are ended even if the process is killed: every instance looks for such jobs at intervals.

use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Actor};
use crate::domain::job::{JobKind, JobState};
use crate::domain::session::{JobId, SessionId};
use crate::services::audit::log::{AuditLog, Event};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::maintenance::job_report::{JobFailure, KeyReport, Report};
use crate::services::maintenance::job_runner::{Batch, Work};
use crate::services::maintenance::jobs::{self, DEAD_AFTER, Job};
use crate::store::signing_keys as table;
use crate::store::{Db, Store, StoreError, Transaction, jobs as job_table};

/// How many sessions are ended in one transaction at most.
const MAX_BATCH: i64 = 1_000;

/// How many sessions are ended in a millisecond, about.
const PER_MILLISECOND: i64 = 50;

fn report(kid: &str) -> Report {
    let kid = kid.to_owned();
    Report::Key(KeyReport { kid, ended: 0 })
}

/// Inserts the row of the job of a key, which the caller runs.
pub(super) fn insert(
    transaction: &mut Transaction<'_>,
    actor: &Actor,
    kid: &str,
    now: Timestamp,
) -> Result<JobId, StoreError> {
    let new = jobs::new_row(actor, report(kid), now);
    job_table::insert(transaction, &new)?;
    Ok(new.id)
}

/// Inserts the row of the job of a key, which the next [`resume`] runs.
pub(super) fn insert_waiting(
    transaction: &mut Transaction<'_>,
    kid: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut new = jobs::new_row(&Actor::server(), report(kid), now);
    new.state = JobState::Stopped;
    job_table::insert(transaction, &new)?;
    Ok(())
}

/// Runs the jobs of keys that have not ended all sessions and that no process runs: it was stopped or killed, or the job failed.
/// Returns how many there are.
///
/// # Errors
/// Errors of the store.
pub async fn resume(services: &Services) -> Result<usize, Error> {
    // A server that stops has stopped its jobs.
    if *services.jobs.stopping().borrow() {
        return Ok(0);
    }
    let now = services.clock.now();
    let dead = now - DEAD_AFTER;
    let read =
        move |connection: &mut Db| job_table::list_interrupted(connection, JobKind::Bulk, dead);
    let mut resumed = 0;
    for row in services.store.read_list(read).await? {
        let id = row.id.clone();
        let Some(Report::Key(KeyReport { kid, .. })) = Job::from(row).report else {
            continue;
        };
        let of_write = id.clone();
        let is_claimed = services
            .store
            .write(move |connection| job_table::resume(connection, &of_write, dead, now))
            .await?;
        if is_claimed {
            drop(jobs::spawn(
                services,
                id,
                KeySessions::new(services.audit_log.clone(), &kid),
            ));
            resumed += 1;
        }
    }
    Ok(resumed)
}

/// The work of the job.
pub(super) struct KeySessions {
    audit_log: AuditLog,
    kid: String,
    /// The sessions up to this one have ended.
    after: Option<SessionId>,
    /// How many sessions were ended because the key was revoked.
    ended: u64,
    /// How many of them an earlier process has ended; 0 once they are in the progress of the job.
    ended_before: u64,
}

impl KeySessions {
    pub(super) fn new(audit_log: AuditLog, kid: &str) -> Self {
        Self {
            audit_log,
            kid: kid.to_owned(),
            after: None,
            ended: 0,
            ended_before: 0,
        }
    }

    /// How many sessions were ended.
    pub(super) fn ended(&self) -> u64 {
        self.ended
    }
}

impl Work for KeySessions {
    fn report(&self) -> Report {
        Report::Key(KeyReport {
            kid: self.kid.clone(),
            ended: self.ended,
        })
    }

    fn end_event(
        &self,
        _: &JobId,
        outcome: Result<JobState, JobFailure>,
    ) -> Option<(&AuditLog, Event)> {
        let event = Event::new(Action::SigningKeySessionsEnded)
            .with_detail("kid", &self.kid)
            .with_detail("sessions", self.ended);
        (outcome == Ok(JobState::Done)).then_some((&self.audit_log, event))
    }

    async fn count(&mut self, store: &Store) -> Result<u64, Error> {
        let kid = self.kid.clone();
        let (ended, live) = store
            .read_list_when_free(move |connection| table::count_ended(connection, &kid))
            .await?;
        let number = |rows: i64| u64::try_from(rows).unwrap_or(0);
        self.ended = number(ended);
        self.ended_before = self.ended;
        Ok(self.ended + number(live))
    }

    async fn batch(
        &mut self,
        store: &Store,
        clock: &Clock,
        may_take: Duration,
    ) -> Result<Batch, Error> {
        let limit = i64::try_from(may_take.as_millis()).unwrap_or(MAX_BATCH);
        let limit = limit.saturating_mul(PER_MILLISECOND).min(MAX_BATCH);
        let (kid, after) = (self.kid.clone(), self.after.clone());
        let ids = store
            .read_list_when_free(move |connection| {
                table::list_sessions(connection, &kid, after.as_ref(), limit)
            })
            .await?;
        let before = std::mem::take(&mut self.ended_before);
        let Some(last) = ids.last().cloned() else {
            return Ok(Batch::Last(before));
        };
        let (done, now) = (ids.len() as u64, clock.now());
        let ended = store
            .write(move |transaction| table::end_sessions(transaction, &ids, now))
            .await?;
        self.after = Some(last);
        self.ended += ended as u64;
        Ok(Batch::Some(before + done))
    }
}
