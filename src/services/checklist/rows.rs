//! What the checks ask of the database. Each question is answered or not by itself, so that one table that cannot be read
//! leaves the other answers.

use std::time::Duration;

use crate::{
    clock::{Clock, Timestamp},
    domain::{job::JobKind, principal::UserType},
    services::{
        audit::log::AuditLog,
        audit_chain::chain::{ChainState, state_in},
        checklist::{administration::NAMED, seen::Unknown},
        maintenance::{
            flush::{self, Waiting},
            jobs::{DEAD_AFTER, Job},
        },
        passwords::scheme::{COST_TOLD_BY, cost_told_by},
    },
    store::{
        Db, StoreError, checklist as table,
        engine::migrations::{Standing, standing},
        jobs,
    },
};

/// Whoever has not logged in for so long may not need his rights any more.
const IDLE_FOR: Duration = Duration::from_hours(24 * 90);

/// What the database told.
#[derive(Clone, Debug)]
pub struct Rows {
    /// How its schema stands to this binary's.
    pub(super) standing: Result<Standing, Unknown>,
    /// The administrators who may log in.
    pub(super) administrators: Result<Administrators, Unknown>,
    /// The password hashes of internal users, and of clients.
    pub(super) hashes: Result<(Hashes, Hashes), Unknown>,
    /// What expires, and who takes it out.
    pub(super) flush: Result<FlushSeen, Unknown>,
    /// How the chain of the record is.
    pub(super) record: Result<ChainState, Unknown>,
    /// How far its clock is from ours; none where it has none of its own.
    pub(super) clock: Result<Option<Duration>, Unknown>,
}

/// The administrators who may log in.
#[derive(Clone, Debug)]
pub(super) struct Administrators {
    pub(super) active: i64,
    /// Those who have not logged in for long, with when they did last; one more than are named.
    pub(super) idle: Vec<(String, Option<Timestamp>)>,
}

/// The password hashes of a population.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hashes {
    /// How many were looked at.
    pub(super) all: i64,
    /// How many of them are cheaper than the configured cost, or not of our scheme.
    pub(super) cheaper: i64,
    /// There may be more.
    pub(super) is_bounded: bool,
}

/// How the flush fares.
#[derive(Clone, Debug)]
pub(super) struct FlushSeen {
    /// One is running, and was seen alive a moment ago.
    pub(super) is_running: bool,
    pub(super) last: Option<Job>,
    pub(super) waiting: Waiting,
}

/// What is asked.
#[derive(Clone)]
pub struct Question {
    /// The time.
    pub clock: Clock,
    /// With what the record is written; or why the key is not known.
    pub audit_log: Result<AuditLog, Unknown>,
    /// The configured cost of a hash.
    pub bcrypt_cost: u32,
    /// How many accounts of a population are looked at, the oldest; none: all.
    pub bound: Option<i64>,
}

impl Rows {
    /// Nothing could be asked.
    #[must_use]
    pub fn unknown(unknown: &Unknown) -> Self {
        Self {
            standing: Err(unknown.clone()),
            administrators: Err(unknown.clone()),
            hashes: Err(unknown.clone()),
            flush: Err(unknown.clone()),
            record: Err(unknown.clone()),
            clock: Err(unknown.clone()),
        }
    }

    /// Asks the database. `why` makes the reason of what cannot be read.
    ///
    /// # Errors
    /// The store's, when it does not answer at all.
    pub fn ask(
        connection: &mut Db,
        question: &Question,
        why: impl Fn(&StoreError) -> Unknown,
    ) -> Result<Self, StoreError> {
        let standing = standing(connection)?;
        let clock = skew(connection, &question.clock).map_err(|error| why(&error));
        if standing == Standing::Empty {
            let mut rows = Self::unknown(&Unknown::NoTables);
            (rows.standing, rows.clock) = (Ok(standing), clock);
            return Ok(rows);
        }
        let now = question.clock.now();
        Ok(Self {
            standing: Ok(standing),
            clock,
            administrators: administrators(connection, now).map_err(|error| why(&error)),
            hashes: hashes(connection, question).map_err(|error| why(&error)),
            flush: flush_seen(connection, now).map_err(|error| why(&error)),
            record: match &question.audit_log {
                Ok(audit_log) => state_in(connection, audit_log).map_err(|error| why(&error)),
                Err(unknown) => Err(unknown.clone()),
            },
        })
    }
}

fn administrators(connection: &mut Db, now: Timestamp) -> Result<Administrators, StoreError> {
    let limit = i64::try_from(NAMED + 1).unwrap_or(i64::MAX);
    Ok(Administrators {
        active: table::count_active_admins(connection)?,
        idle: table::list_idle_admins(connection, now - IDLE_FOR, limit)?,
    })
}

fn hashes(connection: &mut Db, question: &Question) -> Result<(Hashes, Hashes), StoreError> {
    let mut of = |population| -> Result<Hashes, StoreError> {
        let length = i64::try_from(COST_TOLD_BY).unwrap_or(i64::MAX);
        let rows = table::count_hashes_by_prefix(connection, population, length, question.bound)?;
        let mut hashes = Hashes::default();
        for (beginning, n) in rows {
            hashes.all += n;
            if cost_told_by(&beginning).is_none_or(|cost| cost < question.bcrypt_cost) {
                hashes.cheaper += n;
            }
        }
        hashes.is_bounded = question.bound == Some(hashes.all);
        Ok(hashes)
    };
    Ok((of(UserType::User)?, of(UserType::Client)?))
}

fn flush_seen(connection: &mut Db, now: Timestamp) -> Result<FlushSeen, StoreError> {
    let running = jobs::find_running(connection, JobKind::Flush)?;
    let last = jobs::find_last_ended(connection, JobKind::Flush)?;
    Ok(FlushSeen {
        is_running: running.is_some_and(|row| row.heartbeat_at + DEAD_AFTER >= now),
        last: last.map(Job::from),
        waiting: flush::waiting_at(connection, now)?,
    })
}

/// How far the database's clock is from ours. It was read between two looks at ours: what lies between them agrees.
fn skew(connection: &mut Db, clock: &Clock) -> Result<Option<Duration>, StoreError> {
    let before = clock.now();
    let theirs = connection.clock()?;
    let after = clock.now();
    Ok(theirs.map(|at| at.since(after).max(before.since(at))))
}
