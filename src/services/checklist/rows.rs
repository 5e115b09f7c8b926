//! The data that the checks read from the database. Each part can fail separately, so that an unreadable table leaves the
//! other parts.

use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::config::{RolesConfig, RotationPolicy};
use crate::domain::job::JobKind;
use crate::domain::principal::UserType;
use crate::services::audit_chain::chain::AuditChain;
use crate::services::audit_chain::state::{ChainState, state_in};
use crate::services::checklist::unknown::Unknown;
use crate::services::maintenance::flush::{self, Backlog};
use crate::services::maintenance::jobs::{DEAD_AFTER, Job};
use crate::services::passwords::hash_format::HashFormat;
use crate::services::passwords::scheme::{COST_PREFIX_LEN, cost_of_prefix};
use crate::services::second_factors::lost_apps;
use crate::store::engine::migrations::{SchemaStatus, schema_status};
use crate::store::engine::preconditions::PostgresState;
use crate::store::{Db, StoreError, checklist as table, deliveries, django_tokens, jobs, users};
use crate::tokens::MasterKeys;

/// How many idle administrators are named.
pub(super) const NAMED: usize = 10;
/// An administrator who has not logged in for this long may no longer need the rights.
const IDLE_FOR: Duration = Duration::from_hours(24 * 90);

/// How far back messages that could not be sent are counted.
const FAILED_FOR: Duration = Duration::from_hours(24 * 7);
/// The most of them that are counted.
pub(super) const MAX_FAILED: i64 = 1_000;

/// The data from the database.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The state of the schema.
    pub(super) schema: Result<SchemaStatus, Unknown>,
    /// What is known of a Postgres database.
    pub(super) postgres: Option<PostgresState>,
    /// The active administrators.
    pub(super) administrators: Result<Administrators, Unknown>,
    /// The password hashes of internal users, and of clients.
    pub(super) hashes: Result<(Hashes, Hashes), Unknown>,
    /// The state of the flush.
    pub(super) flush: Result<FlushState, Unknown>,
    /// The state of the audit chain.
    pub(super) chain: Result<ChainState, Unknown>,
    /// How many authenticator apps no known master key fits.
    pub(super) lost_apps: Result<usize, Unknown>,
    /// The last expiry of a token of Django that can still be exchanged.
    pub(super) django: Result<Option<Timestamp>, Unknown>,
    /// How many messages of the last days could not be sent, up to [`MAX_FAILED`].
    pub(super) failed: Result<i64, Unknown>,
    /// The difference between the clocks; `None` if the database has no clock of its own.
    pub(super) clock: Result<Option<Duration>, Unknown>,
}

/// The active administrators.
#[derive(Clone, Debug)]
pub(super) struct Administrators {
    pub(super) active: i64,
    /// Roles of users that are not configured.
    pub(super) unknown_roles: Vec<String>,
    /// Those who have not logged in for long, with their last login; at most one more than are named.
    pub(super) idle: Vec<(String, Option<Timestamp>)>,
    /// How many active users may enter the panel and have no second factor.
    pub(super) without_factor: i64,
}

/// The password hashes of a user type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hashes {
    /// How many were read.
    pub(super) all: i64,
    /// How many of them have a lower cost than configured, or an unknown format.
    pub(super) cheaper: i64,
    /// How many were imported from Django and not replaced yet, by format.
    pub(super) of_django: Vec<(HashFormat, i64)>,
    /// Whether there may be more.
    pub(super) is_bounded: bool,
}

/// The state of the flush.
#[derive(Clone, Debug)]
pub(super) struct FlushState {
    /// Whether a flush with a recent heartbeat is running.
    pub(super) is_running: bool,
    pub(super) last: Option<Job>,
    pub(super) backlog: Backlog,
}

/// The parameters of reading.
#[derive(Clone)]
pub struct ReadOptions {
    /// The clock.
    pub clock: Clock,
    /// The master keys, or why they are not known.
    pub master_keys: Result<MasterKeys, Unknown>,
    /// The audit chain, or why its key is not known.
    pub audit_chain: Result<AuditChain, Unknown>,
    /// The configured roles.
    pub roles: RolesConfig,
    /// What a refresh does with the token.
    pub rotation_policy: RotationPolicy,
    /// The configured cost of a hash.
    pub bcrypt_cost: u32,
    /// How many accounts of each user type and how many authenticator apps are read, oldest first; `None` for all.
    pub bound: Option<i64>,
}

impl Rows {
    /// No data, for one reason.
    #[must_use]
    pub fn unknown(unknown: &Unknown) -> Self {
        Self {
            schema: Err(unknown.clone()),
            postgres: None,
            administrators: Err(unknown.clone()),
            hashes: Err(unknown.clone()),
            flush: Err(unknown.clone()),
            chain: Err(unknown.clone()),
            lost_apps: Err(unknown.clone()),
            django: Err(unknown.clone()),
            failed: Err(unknown.clone()),
            clock: Err(unknown.clone()),
        }
    }

    /// Reads the data. `why` converts the error of a part that cannot be read.
    ///
    /// # Errors
    /// Errors of the store, if nothing can be read at all.
    pub fn read(
        connection: &mut Db,
        options: &ReadOptions,
        why: impl Fn(StoreError) -> Unknown,
    ) -> Result<Self, StoreError> {
        let schema = schema_status(connection)?;
        let clock = skew(connection, &options.clock).map_err(&why);
        if schema == SchemaStatus::Empty {
            let mut rows = Self::unknown(&Unknown::NoTables);
            (rows.schema, rows.clock) = (Ok(schema), clock);
            return Ok(rows);
        }
        let now = options.clock.now();
        let with_exchanged = options.rotation_policy != RotationPolicy::SingleUse;
        Ok(Self {
            schema: Ok(schema),
            postgres: PostgresState::read(connection)?,
            clock,
            administrators: administrators(connection, &options.roles, now).map_err(&why),
            hashes: hashes(connection, options).map_err(&why),
            flush: flush_state(connection, now).map_err(&why),
            lost_apps: options
                .master_keys
                .clone()
                .and_then(|keys| lost_apps::count(connection, &keys, options.bound).map_err(&why)),
            django: django_tokens::last_expiry(connection, with_exchanged).map_err(&why),
            failed: deliveries::count_failed(connection, now - FAILED_FOR, MAX_FAILED)
                .map_err(&why),
            chain: options
                .audit_chain
                .clone()
                .and_then(|audit_chain| state_in(connection, &audit_chain).map_err(&why)),
        })
    }
}

fn administrators(
    connection: &mut Db,
    roles: &RolesConfig,
    now: Timestamp,
) -> Result<Administrators, StoreError> {
    let full = roles.full();
    let stored = users::count_by_role(connection)?;
    let unknown = stored.iter().filter(|(role, _)| !roles.contains(role));
    let limit = i64::try_from(NAMED + 1).unwrap_or(i64::MAX);
    Ok(Administrators {
        active: table::count_active(connection, &full)?,
        unknown_roles: unknown
            .map(|(role, users)| format!("{role} ({users})"))
            .collect(),
        idle: table::list_idle(connection, &full, now - IDLE_FOR, limit)?,
        without_factor: table::count_without_factor(connection, &roles.of_panel())?,
    })
}

fn hashes(connection: &mut Db, options: &ReadOptions) -> Result<(Hashes, Hashes), StoreError> {
    let mut of = |user_type| -> Result<Hashes, StoreError> {
        let length = i64::try_from(COST_PREFIX_LEN).unwrap_or(i64::MAX);
        let rows = table::count_hashes_by_prefix(connection, user_type, length, options.bound)?;
        let mut hashes = Hashes::default();
        for (beginning, n) in rows {
            hashes.all += n;
            if let Some(format) = HashFormat::of_prefix(&beginning) {
                hashes.of_django.push((format, n));
            } else if cost_of_prefix(&beginning).is_none_or(|cost| cost < options.bcrypt_cost) {
                hashes.cheaper += n;
            }
        }
        hashes.is_bounded = options.bound == Some(hashes.all);
        Ok(hashes)
    };
    Ok((of(UserType::User)?, of(UserType::Client)?))
}

fn flush_state(connection: &mut Db, now: Timestamp) -> Result<FlushState, StoreError> {
    let running = jobs::find_running(connection, JobKind::Flush)?;
    let last = jobs::find_last_ended(connection, JobKind::Flush)?;
    Ok(FlushState {
        is_running: running.is_some_and(|row| row.heartbeat_at + DEAD_AFTER >= now),
        last: last.map(Job::from),
        backlog: flush::backlog_at(connection, now)?,
    })
}

/// The difference between the clocks. The database's clock is read between two readings of this one, and agrees if it lies
/// between them.
fn skew(connection: &mut Db, clock: &Clock) -> Result<Option<Duration>, StoreError> {
    let before = clock.now();
    let database = connection.clock()?;
    let after = clock.now();
    Ok(database.map(|at| at.since(after).max(before.since(at))))
}
