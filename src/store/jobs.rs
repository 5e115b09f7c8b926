//! The table `jobs`: background jobs and their results.

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::job::{JobKind, JobState};
use crate::domain::session::JobId;
use crate::store::engine::connection::Db;
use crate::store::engine::insert::OrIgnoreExt;
use crate::store::error::StoreError;
use crate::store::schema::jobs;

/// A row, as it is inserted and read.
#[derive(Insertable, Queryable, Clone, Debug)]
#[diesel(table_name = jobs)]
pub struct JobRow {
    /// The id.
    pub id: JobId,
    /// The kind of job.
    pub kind: JobKind,
    /// The state.
    pub state: JobState,
    /// The actor that started it.
    pub started_by: Option<String>,
    /// The number of items to process.
    pub total: i64,
    /// The number of processed items.
    pub done: i64,
    /// Whether it was asked to stop.
    pub stop_requested: bool,
    /// Its report so far, as JSON.
    pub details: String,
    /// The time of its start.
    pub started_at: Timestamp,
    /// The time of its last heartbeat.
    pub heartbeat_at: Timestamp,
    /// The time of its end.
    pub finished_at: Option<Timestamp>,
}

/// The progress of a job.
#[derive(AsChangeset, Clone, Debug)]
#[diesel(table_name = jobs)]
pub struct Progress {
    /// The number of items to process.
    pub total: i64,
    /// The number of processed items.
    pub done: i64,
    /// Its report so far, as JSON.
    pub details: String,
}

/// The row of a job that is running.
macro_rules! running {
    ($id:expr) => {
        jobs::table
            .find($id)
            .filter(jobs::state.eq(JobState::Running))
    };
}

/// The condition of a job that has not done all its work and that no process runs.
macro_rules! interrupted {
    ($before:expr) => {
        jobs::state
            .eq(JobState::Stopped)
            .or(jobs::state.eq(JobState::Failed))
            .or(jobs::state
                .eq(JobState::Running)
                .and(jobs::heartbeat_at.lt($before)))
    };
}

/// Inserts a job. Returns `false` if it is a flush and another one is running.
pub fn insert(connection: &mut Db, new: &JobRow) -> Result<bool, StoreError> {
    Ok(diesel::insert_into(jobs::table)
        .values(new)
        .or_ignore()
        .execute(connection)?
        == 1)
}

/// Finds a job by its id.
pub fn find(connection: &mut Db, id: &JobId) -> Result<Option<JobRow>, StoreError> {
    Ok(jobs::table.find(id).get_result(connection).optional()?)
}

/// Finds the newest running job of this kind.
pub fn find_running(connection: &mut Db, kind: JobKind) -> Result<Option<JobRow>, StoreError> {
    Ok(jobs::table
        .filter(jobs::kind.eq(kind))
        .filter(jobs::state.eq(JobState::Running))
        .order(jobs::started_at.desc())
        .first(connection)
        .optional()?)
}

/// Finds the newest job of this kind that has ended.
pub fn find_last_ended(connection: &mut Db, kind: JobKind) -> Result<Option<JobRow>, StoreError> {
    Ok(jobs::table
        .filter(jobs::kind.eq(kind))
        .filter(jobs::state.ne(JobState::Running))
        .order((jobs::started_at.desc(), jobs::id.desc()))
        .first(connection)
        .optional()?)
}

/// The newest jobs.
pub fn list(connection: &mut Db, limit: i64) -> Result<Vec<JobRow>, StoreError> {
    Ok(jobs::table
        .order((jobs::started_at.desc(), jobs::id.desc()))
        .limit(limit)
        .load(connection)?)
}

/// Whether a running job was asked to stop; `None` if it is not running any more (another instance marked it as
/// failed).
pub fn find_stop_request(connection: &mut Db, id: &JobId) -> Result<Option<bool>, StoreError> {
    Ok(running!(id)
        .select(jobs::stop_requested)
        .get_result(connection)
        .optional()?)
}

/// Records the progress and the heartbeat of a running job.
pub fn update_progress(
    connection: &mut Db,
    id: &JobId,
    progress: &Progress,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(running!(id))
        .set((progress, jobs::heartbeat_at.eq(now)))
        .execute(connection)?;
    Ok(())
}

/// Ends a running job. Returns `false` if it was not running any more.
pub fn finish(
    connection: &mut Db,
    id: &JobId,
    state: JobState,
    progress: &Progress,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(diesel::update(running!(id))
        .set((
            jobs::state.eq(state),
            progress,
            jobs::heartbeat_at.eq(now),
            jobs::finished_at.eq(Some(now)),
        ))
        .execute(connection)?
        == 1)
}

/// Asks a running job to stop. Returns `true` if this call did it, `false` if it was asked before or is not running.
pub fn request_stop(connection: &mut Db, id: &JobId) -> Result<bool, StoreError> {
    let unasked = running!(id).filter(jobs::stop_requested.eq(false));
    Ok(diesel::update(unasked)
        .set(jobs::stop_requested.eq(true))
        .execute(connection)?
        == 1)
}

/// The jobs of this kind that have not done all their work and that no process runs: their last heartbeat was before `before`, or
/// they were stopped or failed.
pub fn list_interrupted(
    connection: &mut Db,
    kind: JobKind,
    before: Timestamp,
) -> Result<Vec<JobRow>, StoreError> {
    Ok(jobs::table
        .filter(jobs::kind.eq(kind))
        .filter(interrupted!(before))
        .order((jobs::started_at, jobs::id))
        .load(connection)?)
}

/// Lets an interrupted job run again. Returns `false` if another process did so before.
pub fn resume(
    connection: &mut Db,
    id: &JobId,
    before: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let job = jobs::table.find(id).filter(interrupted!(before));
    Ok(diesel::update(job)
        .set((
            jobs::state.eq(JobState::Running),
            jobs::stop_requested.eq(false),
            jobs::heartbeat_at.eq(now),
            jobs::finished_at.eq(None::<Timestamp>),
        ))
        .execute(connection)?
        == 1)
}

/// Marks running jobs as failed whose last heartbeat was before `before`. Returns their kinds and ids.
pub fn fail_stale(
    connection: &mut Db,
    before: Timestamp,
) -> Result<Vec<(JobKind, JobId)>, StoreError> {
    let dead = jobs::table
        .filter(jobs::state.eq(JobState::Running))
        .filter(jobs::heartbeat_at.lt(before));
    Ok(diesel::update(dead)
        .set((
            jobs::state.eq(JobState::Failed),
            // The exact time of its end is unknown.
            jobs::finished_at.eq(jobs::heartbeat_at.nullable()),
        ))
        .returning((jobs::kind, jobs::id))
        .get_results(connection)?)
}
