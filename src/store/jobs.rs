//! The table of work that goes on in the background, and of what came of it.

use diesel::{
    prelude::*,
    sql_types::{Bool, Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::{
    clock::Timestamp,
    domain::{
        job::{JobKind, JobState},
        session::JobId,
    },
    store::{engine::connection::Db, error::StoreError, schema::jobs},
};

/// A row.
#[derive(Queryable, Clone, Debug)]
pub struct JobRow {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// How it fares.
    pub state: JobState,
    /// Who began it.
    pub started_by: Option<String>,
    /// How much there is to do.
    pub total: i64,
    /// How much of it is done.
    pub done: i64,
    /// Whether somebody asked it to stop.
    pub stop_requested: bool,
    /// What it did so far, as JSON.
    pub details: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When its process was last seen at work.
    pub seen_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// What a new row is made of. It runs from the first moment on.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// Who begins it.
    pub started_by: Option<String>,
    /// What it is to do, as JSON.
    pub details: String,
    /// When it begins.
    pub started_at: Timestamp,
}

/// How far a job is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// How much there is to do.
    pub total: i64,
    /// How much of it is done.
    pub done: i64,
    /// What it did so far, as JSON.
    pub details: String,
}

/// The row of a job, if it runs.
macro_rules! running {
    ($id:expr) => {
        jobs::table
            .find($id)
            .filter(jobs::state.eq(JobState::Running))
    };
}

/// Begins a job, unless it is a flush and another one runs; whether it was begun.
pub fn insert(connection: &mut Db, new: &NewJob) -> Result<bool, StoreError> {
    let statement = "INSERT INTO jobs \
        (id, kind, state, started_by, total, done, stop_requested, details, started_at, seen_at) \
        VALUES ($1, $2, $3, $4, 0, 0, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    Ok(diesel::sql_query(statement)
        .bind::<Text, _>(&new.id)
        .bind::<Text, _>(new.kind)
        .bind::<Text, _>(JobState::Running)
        .bind::<Nullable<Text>, _>(&new.started_by)
        .bind::<Bool, _>(false)
        .bind::<Text, _>(&new.details)
        .bind::<SqlTimestamp, _>(new.started_at)
        .bind::<SqlTimestamp, _>(new.started_at)
        .execute(connection)?
        == 1)
}

/// The job of this id.
pub fn find(connection: &mut Db, id: &JobId) -> Result<Option<JobRow>, StoreError> {
    Ok(jobs::table.find(id).get_result(connection).optional()?)
}

/// The job of this kind that runs; of several the newest.
pub fn find_running(connection: &mut Db, kind: JobKind) -> Result<Option<JobRow>, StoreError> {
    Ok(jobs::table
        .filter(jobs::kind.eq(kind))
        .filter(jobs::state.eq(JobState::Running))
        .order(jobs::started_at.desc())
        .first(connection)
        .optional()?)
}

/// The job of this kind that began last among those that have ended.
pub fn find_last_ended(connection: &mut Db, kind: JobKind) -> Result<Option<JobRow>, StoreError> {
    Ok(jobs::table
        .filter(jobs::kind.eq(kind))
        .filter(jobs::state.ne(JobState::Running))
        .order((jobs::started_at.desc(), jobs::id.desc()))
        .first(connection)
        .optional()?)
}

/// Whether a job is to go on: none when it does not run any more (another instance took it for dead), else whether
/// somebody asked it to stop.
pub fn is_asked_to_stop(connection: &mut Db, id: &JobId) -> Result<Option<bool>, StoreError> {
    Ok(jobs::table
        .find(id)
        .filter(jobs::state.eq(JobState::Running))
        .select(jobs::stop_requested)
        .get_result(connection)
        .optional()?)
}

/// Notes how far a running job is, and that its process lives.
pub fn note(
    connection: &mut Db,
    id: &JobId,
    progress: &Progress,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(running!(id))
        .set((
            jobs::total.eq(progress.total),
            jobs::done.eq(progress.done),
            jobs::details.eq(&progress.details),
            jobs::seen_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}

/// Ends a running job; whether it still ran.
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
            jobs::total.eq(progress.total),
            jobs::done.eq(progress.done),
            jobs::details.eq(&progress.details),
            jobs::seen_at.eq(now),
            jobs::finished_at.eq(Some(now)),
        ))
        .execute(connection)?
        == 1)
}

/// Asks a running job to stop; whether it was I who asked first.
pub fn request_stop(connection: &mut Db, id: &JobId) -> Result<bool, StoreError> {
    let unasked = running!(id).filter(jobs::stop_requested.eq(false));
    Ok(diesel::update(unasked)
        .set(jobs::stop_requested.eq(true))
        .execute(connection)?
        == 1)
}

/// Marks as failed what seems to run but was last seen before `before`; how many.
pub fn fail_unseen(connection: &mut Db, before: Timestamp) -> Result<usize, StoreError> {
    let dead = jobs::table
        .filter(jobs::state.eq(JobState::Running))
        .filter(jobs::seen_at.lt(before));
    Ok(diesel::update(dead)
        .set((
            jobs::state.eq(JobState::Failed),
            // Nobody knows when it ended: it was seen then for the last time.
            jobs::finished_at.eq(jobs::seen_at.nullable()),
        ))
        .execute(connection)?)
}
