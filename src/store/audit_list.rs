//! Reading the record: the list with its filters, newest first, and what was done to one account.

use diesel::prelude::*;
use diesel::{QueryDsl, RunQueryDsl, sql_types};

use super::{
    Db,
    error::StoreError,
    listing::{Bind, Conditions, Key, Listing, Sql},
    schema::audit_events,
    search,
};
use crate::{
    clock::Timestamp,
    domain::{
        audit::{Action, Door, Outcome},
        paging::{Seek, Slice},
        principal::{Principal, UserSeq, UserType},
    },
};

/// A row.
#[derive(Queryable, QueryableByName, Clone, Debug)]
#[diesel(table_name = audit_events)]
pub struct AuditEventRow {
    /// Its number.
    pub id: i64,
    /// When it happened.
    pub happened_at: Timestamp,
    /// Through which door.
    pub door: Door,
    /// Who did it: the population …
    pub actor_type: Option<UserType>,
    /// … and the number in it.
    pub actor_seq: Option<UserSeq>,
    /// What the actor was called then.
    pub actor_name: Option<String>,
    /// What was done.
    pub action: Action,
    /// What came of it.
    pub outcome: Outcome,
    /// To whom: the population …
    pub subject_type: Option<UserType>,
    /// … and the number in it.
    pub subject_seq: Option<UserSeq>,
    /// What the subject was called then.
    pub subject_name: Option<String>,
    /// The fields with their old and new values: a JSON array.
    pub changes: String,
    /// From which address.
    pub ip_address: Option<String>,
    /// From which program.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
}

/// Which events a list holds.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// A part of a name, an address or a value.
    pub search: Option<String>,
    /// Only this action.
    pub action: Option<Action>,
    /// Only through this door.
    pub door: Option<Door>,
    /// Only what these accounts did, or what was done to them. An empty list fits nothing.
    pub people: Option<Vec<Principal>>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub before: Option<Timestamp>,
}

/// How far events are counted.
const COUNT_TO: i64 = 10_000;
/// Up to how many events a searched text is found by the index; what is in more of them is met soon in any order.
const FEW: i64 = 20_000;
/// Among how many of the newest events a text is looked for that is too short for the index.
pub const NEWEST: i64 = 100_000;
/// The most accounts that a filter goes by.
pub const MOST_PEOPLE: usize = 4;

/// The place of a row in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditPlace {
    /// When it happened.
    pub happened_at: Timestamp,
    /// Its number.
    pub id: i64,
}

impl AuditPlace {
    fn binds(self) -> (Bind, Bind) {
        (self.happened_at.into(), self.id.into())
    }
}

const COLUMNS: &str = "id, happened_at, door, actor_type, actor_seq, actor_name, action, outcome, subject_type, \
    subject_seq, subject_name, changes, ip_address, user_agent, request_id";

/// A page of the events that the filter holds, newest first.
pub fn list(
    connection: &mut Db,
    filter: &AuditFilter,
    seek: &Seek<AuditPlace>,
    size: i64,
) -> Result<Slice<AuditEventRow>, StoreError> {
    let listing = listing(connection, filter)?;
    let seek = match seek {
        Seek::First => Seek::First,
        Seek::Last => Seek::Last,
        Seek::After(place) => Seek::After(place.binds()),
        Seek::Before(place) => Seek::Before(place.binds()),
    };
    listing.page(connection, &seek, size)
}

/// The next events of the whole list, newest first.
pub fn batch(
    connection: &mut Db,
    filter: &AuditFilter,
    after: Option<AuditPlace>,
    size: i64,
) -> Result<Vec<AuditEventRow>, StoreError> {
    let listing = listing(connection, filter)?;
    listing.batch(connection, after.map(AuditPlace::binds), size)
}

/// The newest events that were done to an account.
pub fn history(
    connection: &mut Db,
    subject: Principal,
    limit: i64,
) -> Result<Vec<AuditEventRow>, StoreError> {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS)
        .push(" FROM audit_events WHERE subject_type = ");
    sql.bind(subject.user_type.as_str())
        .push(" AND subject_seq = ");
    sql.bind(subject.user_seq.get());
    sql.push(" ORDER BY happened_at DESC, id DESC LIMIT ")
        .bind(limit);
    Ok(sql.query().load(connection)?)
}

/// Whether a text is looked for among the newest events only.
#[must_use]
pub fn is_short(typed: &str) -> bool {
    search::phrase(typed).is_none()
}

/// Whether there are more events than the newest among which a short text is looked for.
pub fn are_many(connection: &mut Db) -> Result<bool, StoreError> {
    let newest: Option<i64> = audit_events::table
        .select(diesel::dsl::max(audit_events::id))
        .get_result(connection)?;
    Ok(newest.is_some_and(|newest| newest > NEWEST))
}

/// The event of this number.
pub fn find(connection: &mut Db, id: i64) -> Result<Option<AuditEventRow>, StoreError> {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS)
        .push(" FROM audit_events WHERE id = ")
        .bind(id);
    Ok(sql.query().get_result(connection).optional()?)
}

/// The newest events of all.
pub fn latest(connection: &mut Db, limit: i64) -> Result<Vec<AuditEventRow>, StoreError> {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS);
    sql.push(" FROM audit_events ORDER BY happened_at DESC, id DESC LIMIT ");
    sql.bind(limit);
    Ok(sql.query().load(connection)?)
}

/// The accounts that were called so when something was done to them: also those that are gone.
pub fn find_subjects(connection: &mut Db, names: &[String]) -> Result<Vec<Principal>, StoreError> {
    let rows: Vec<(Option<UserType>, Option<UserSeq>)> = audit_events::table
        .filter(audit_events::subject_name.eq_any(names))
        .filter(audit_events::subject_seq.is_not_null())
        .select((audit_events::subject_type, audit_events::subject_seq))
        .distinct()
        .limit(i64::try_from(MOST_PEOPLE).unwrap_or(4))
        .load(connection)?;
    let principals = rows.into_iter().filter_map(|(user_type, user_seq)| {
        Some(Principal {
            user_type: user_type?,
            user_seq: user_seq?,
        })
    });
    Ok(principals.collect())
}

fn listing(connection: &mut Db, filter: &AuditFilter) -> Result<Listing, StoreError> {
    let (mut narrow, mut broad) = (Conditions::default(), Conditions::default());
    // One index at a time is entered, the one that is likely to find the fewest; a condition on an expression enters none.
    let mut is_entered = search(connection, filter, &mut narrow, &mut broad)?;
    if let Some(people) = &filter.people {
        person(people, is_entered, &mut narrow, &mut broad);
        is_entered = true;
    }
    for conditions in [&mut narrow, &mut broad] {
        let mut is_entered = is_entered;
        if let Some(action) = filter.action {
            let condition = if is_entered {
                "action || '' = ?"
            } else {
                "action = ?"
            };
            conditions.and(condition, [action.as_str().into()]);
            is_entered = true;
        }
        if let Some(door) = filter.door {
            let condition = if is_entered {
                "door || '' = ?"
            } else {
                "door = ?"
            };
            conditions.and(condition, [door.as_str().into()]);
        }
        if let Some(from) = filter.from {
            conditions.and("happened_at >= ?", [from.into()]);
        }
        if let Some(before) = filter.before {
            conditions.and("happened_at < ?", [before.into()]);
        }
    }
    Ok(Listing {
        select: COLUMNS,
        from: "audit_events",
        narrow,
        broad,
        key: Key {
            column: "happened_at",
            id: "id",
            descending: true,
        },
        count_to: COUNT_TO,
    })
}

/// Adds the conditions of the searched text; whether they enter an index.
fn search(
    connection: &mut Db,
    filter: &AuditFilter,
    narrow: &mut Conditions,
    broad: &mut Conditions,
) -> Result<bool, StoreError> {
    const LIKE: &str = "search_text LIKE ? ESCAPE '\\'";
    let Some(typed) = &filter.search else {
        return Ok(false);
    };
    let pattern = search::text_pattern(typed);
    broad.and(LIKE, [pattern.clone().into()]);
    let Some(phrase) = search::phrase(typed) else {
        const AMONG_NEWEST: &str = "id > (SELECT COALESCE(MAX(id), 0) FROM audit_events) - ?";
        narrow.and(LIKE, [pattern.into()]);
        for conditions in [narrow, broad] {
            conditions.and(AMONG_NEWEST, [NEWEST.into()]);
        }
        return Ok(false);
    };
    let is_few = match connection {
        Db::Sqlite(_) => {
            let mut sql = Sql::new(
                "SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM audit_events_search WHERE audit_events_search MATCH ",
            );
            sql.bind(phrase.as_str());
            is_few(connection, sql)?
        }
        Db::Postgres(_) => {
            let mut sql = Sql::new(
                "SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM audit_events WHERE search_text LIKE ",
            );
            sql.bind(pattern.as_str()).push(" ESCAPE '\\'");
            is_few(connection, sql)?
        }
    };
    match connection {
        Db::Sqlite(_) if is_few => narrow.and(
            "id IN (SELECT rowid FROM audit_events_search WHERE audit_events_search MATCH ?)",
            [phrase.into()],
        ),
        _ => narrow.and(LIKE, [pattern.into()]),
    };
    Ok(is_few)
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = sql_types::BigInt)]
    n: i64,
}

fn is_few(connection: &mut Db, mut sql: Sql) -> Result<bool, StoreError> {
    sql.push(" LIMIT ").bind(FEW + 1).push(") counted");
    let counted: Counted = sql.query().get_result(connection)?;
    Ok(counted.n <= FEW)
}

fn person(people: &[Principal], is_entered: bool, narrow: &mut Conditions, broad: &mut Conditions) {
    const ENTERING: &str = "(subject_type = ? AND subject_seq = ?) OR (subject_type = ? AND subject_seq = ?) \
        OR (subject_type = ? AND subject_seq = ?) OR (subject_type = ? AND subject_seq = ?) \
        OR (actor_type = ? AND actor_seq = ?) OR (actor_type = ? AND actor_seq = ?) \
        OR (actor_type = ? AND actor_seq = ?) OR (actor_type = ? AND actor_seq = ?)";
    const PASSING: &str = "(subject_type || '' = ? AND subject_seq = ?) OR (subject_type || '' = ? AND subject_seq = ?) \
        OR (subject_type || '' = ? AND subject_seq = ?) OR (subject_type || '' = ? AND subject_seq = ?) \
        OR (actor_type || '' = ? AND actor_seq = ?) OR (actor_type || '' = ? AND actor_seq = ?) \
        OR (actor_type || '' = ? AND actor_seq = ?) OR (actor_type || '' = ? AND actor_seq = ?)";
    let Some(last) = people.last() else {
        for conditions in [narrow, broad] {
            conditions.and("1 = 0", []);
        }
        return;
    };
    // Always as many as the condition has places: who is there twice changes nothing.
    let slots: [Principal; MOST_PEOPLE] = std::array::from_fn(|at| *people.get(at).unwrap_or(last));
    let values: [Bind; 4 * MOST_PEOPLE] = std::array::from_fn(|at| {
        let person = slots[at / 2 % MOST_PEOPLE];
        if at % 2 == 0 {
            person.user_type.as_str().into()
        } else {
            person.user_seq.get().into()
        }
    });
    narrow.and(if is_entered { PASSING } else { ENTERING }, values.clone());
    broad.and(PASSING, values);
}
