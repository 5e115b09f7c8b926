//! Reading the table `audit_events`: the list with its filters, newest first, and the history of one account.

use diesel::prelude::*;
use diesel::{QueryDsl, RunQueryDsl};

use crate::clock::Timestamp;
use crate::domain::audit::{Action, AuditSource, Outcome};
use crate::domain::paging::{Seek, Slice};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::SessionId;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::{Filter, IndexLookup, ScanCondition};
use crate::store::pagination::keyset::{KeyTypes, KeyValues, SortKey};
use crate::store::pagination::list_query::ListQuery;
use crate::store::pagination::search::SearchIndex;
use crate::store::pagination::statement::{Bind, Conditions, Sql};
use crate::store::schema::audit_events;

/// A row.
#[derive(Queryable, QueryableByName, Clone, Debug)]
#[diesel(table_name = audit_events)]
pub struct AuditEventRow {
    /// The id.
    pub id: i64,
    /// The time of the event.
    pub happened_at: Timestamp,
    /// The interface that was used.
    pub source: AuditSource,
    /// The user type of the actor.
    pub actor_type: Option<UserType>,
    /// The id of the actor within its user type.
    pub actor_seq: Option<UserSeq>,
    /// The name of the actor at the time of the event.
    pub actor_name: Option<String>,
    /// The action.
    pub action: Action,
    /// Whether it was done or refused.
    pub outcome: Outcome,
    /// The user type of the subject.
    pub subject_type: Option<UserType>,
    /// The id of the subject within its user type.
    pub subject_seq: Option<UserSeq>,
    /// The name of the subject at the time of the event.
    pub subject_name: Option<String>,
    /// The changed fields with their old and new values: a JSON array.
    pub changes: String,
    /// The IP address of the client.
    pub ip_address: Option<String>,
    /// The `User-Agent` of the client.
    pub user_agent: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// The session in which it was done, or to which it was done.
    pub session_id: Option<SessionId>,
}

/// The events of a list.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// A part of a name, an address, an action or a value.
    pub search: Option<String>,
    /// Only this action.
    pub action: Option<Action>,
    /// Only by this interface.
    pub source: Option<AuditSource>,
    /// Only events of this session.
    pub session: Option<SessionId>,
    /// Only events with one of these accounts as actor or subject, at most [`MAX_PEOPLE`]. An empty list matches
    /// nothing.
    pub people: Option<Vec<Principal>>,
    /// At this time or later.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub before: Option<Timestamp>,
}

/// How many events a scan examines for a page.
const SCAN_BUDGET: i64 = 10_000;
/// The maximum number of accounts in a filter.
pub const MAX_PEOPLE: usize = 4;

/// The key of a row in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditCursor {
    /// The time of the event.
    pub happened_at: Timestamp,
    /// The id.
    pub id: i64,
}

impl AuditCursor {
    fn key_values(self) -> KeyValues {
        (self.happened_at.into(), self.id.into())
    }
}

const COLUMNS: &str = "id, happened_at, source, actor_type, actor_seq, actor_name, action, outcome, subject_type, \
    subject_seq, subject_name, changes, ip_address, user_agent, request_id, session_id";

/// Reads a page of the matching events, newest first.
pub fn list(
    connection: &mut Db,
    filter: &AuditFilter,
    seek: &Seek<AuditCursor>,
    size: i64,
) -> Result<Slice<AuditEventRow>, StoreError> {
    let seek = match seek {
        Seek::First => Seek::First,
        Seek::Last => Seek::Last,
        Seek::After(cursor) => Seek::After(cursor.key_values()),
        Seek::Before(cursor) => Seek::Before(cursor.key_values()),
    };
    list_query(connection, filter).page(connection, &seek, size)
}

/// Reads the next events of the whole list, newest first.
pub fn batch(
    connection: &mut Db,
    filter: &AuditFilter,
    after: Option<AuditCursor>,
    size: i64,
) -> Result<Vec<AuditEventRow>, StoreError> {
    let list = list_query(connection, filter);
    list.batch(connection, after.map(AuditCursor::key_values), size)
}

/// Actions that happen many times a day. A history of changes leaves them out.
const ROUTINE: &str = "'logged_in', 'log_in_refused', 'logged_out', 'code_requested'";
/// How many of the newest events are examined for those that are not routine.
const HISTORY_BUDGET: i64 = 1_000;

/// The newest events of an account that are not routine, among its last thousand events.
pub fn history(
    connection: &mut Db,
    subject: Principal,
    limit: i64,
) -> Result<Vec<AuditEventRow>, StoreError> {
    let mut sql = Sql::new("SELECT * FROM (SELECT ");
    sql.push(COLUMNS)
        .push(" FROM audit_events WHERE subject_type = ");
    sql.bind(subject.user_type.as_str())
        .push(" AND subject_seq = ");
    sql.bind(subject.user_seq.get());
    push_without_routine(&mut sql, limit);
    Ok(sql.query().load(connection)?)
}

/// Finds an event by its id.
pub fn find(connection: &mut Db, id: i64) -> Result<Option<AuditEventRow>, StoreError> {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS)
        .push(" FROM audit_events WHERE id = ")
        .bind(id);
    Ok(sql.query().get_result(connection).optional()?)
}

/// The newest events that are not routine, among the last thousand events.
pub fn latest(connection: &mut Db, limit: i64) -> Result<Vec<AuditEventRow>, StoreError> {
    let mut sql = Sql::new("SELECT * FROM (SELECT ");
    sql.push(COLUMNS).push(" FROM audit_events");
    push_without_routine(&mut sql, limit);
    Ok(sql.query().load(connection)?)
}

/// Completes a statement that selects events from a subquery of the newest ones.
fn push_without_routine(sql: &mut Sql, limit: i64) {
    sql.push(" ORDER BY happened_at DESC, id DESC LIMIT ")
        .bind(HISTORY_BUDGET);
    sql.push(") newest WHERE action NOT IN (")
        .push(ROUTINE)
        .push(") ORDER BY happened_at DESC, id DESC LIMIT ")
        .bind(limit);
}

/// Finds the accounts that had one of these names when they were the subject of an event, including deleted accounts.
pub fn find_subjects(connection: &mut Db, names: &[String]) -> Result<Vec<Principal>, StoreError> {
    let rows: Vec<(Option<UserType>, Option<UserSeq>)> = audit_events::table
        .filter(audit_events::subject_name.eq_any(names))
        .filter(audit_events::subject_seq.is_not_null())
        .select((audit_events::subject_type, audit_events::subject_seq))
        .distinct()
        .limit(i64::try_from(MAX_PEOPLE).unwrap_or(4))
        .load(connection)?;
    let principals = rows.into_iter().filter_map(|(user_type, user_seq)| {
        Some(Principal {
            user_type: user_type?,
            user_seq: user_seq?,
        })
    });
    Ok(principals.collect())
}

const TABLE: &str = "audit_events";
const SEARCH: SearchIndex = SearchIndex {
    table: TABLE,
    fts_table: "audit_events_search",
    fts_match: "audit_events_search MATCH ?",
    fts_lookup: "id IN (SELECT rowid FROM audit_events_search WHERE audit_events_search MATCH ?)",
};

fn list_query(connection: &Db, filter: &AuditFilter) -> ListQuery {
    let mut filters = Vec::new();
    filters.extend(
        filter
            .search
            .as_deref()
            .map(|typed| SEARCH.filter(connection, typed)),
    );
    filters.extend(filter.people.as_deref().map(people));
    let session = filter.session.as_ref();
    filters.extend(session.map(|session| {
        let value = || [Bind::from(session.as_str())];
        let by = Conditions::one("session_id = ?", value());
        Filter {
            index: Some(IndexLookup::new(TABLE, by.clone(), "")),
            residual: Conditions::one("session_id || '' = ?", value()),
            scan: ScanCondition::Index(by),
        }
    }));
    filters.extend(period(filter));
    // Each has an index in the order of time. A scan can use one of them.
    filters.extend(filter.action.map(|action| {
        let value = || [Bind::from(action.as_str())];
        let by = Conditions::one("action = ?", value());
        Filter {
            index: Some(IndexLookup::new(TABLE, by.clone(), "")),
            residual: Conditions::one("action || '' = ?", value()),
            scan: if session.is_none() {
                ScanCondition::Index(by)
            } else {
                ScanCondition::Residual
            },
        }
    }));
    filters.extend(filter.source.map(|source| {
        let value = || [Bind::from(source.as_str())];
        let by = Conditions::one("source = ?", value());
        Filter {
            index: Some(IndexLookup::new(TABLE, by.clone(), "")),
            residual: Conditions::one("source || '' = ?", value()),
            scan: if session.is_none() && filter.action.is_none() {
                ScanCondition::Index(by)
            } else {
                ScanCondition::Residual
            },
        }
    }));
    ListQuery {
        select: COLUMNS,
        from: TABLE,
        from_selective: TABLE,
        scanned: TABLE,
        filters,
        key: SortKey {
            column: "happened_at",
            id: "id",
            types: KeyTypes::TimeAndNumber,
            descending: true,
        },
        scan_budget: SCAN_BUDGET,
    }
}

/// The filter by time: a range of the sort key.
fn period(filter: &AuditFilter) -> Option<Filter> {
    let (mut indexed, mut residual) = (Conditions::default(), Conditions::default());
    if let Some(from) = filter.from {
        indexed.and("happened_at >= ?", [from.into()]);
        residual.and("COALESCE(happened_at, happened_at) >= ?", [from.into()]);
    }
    if let Some(before) = filter.before {
        indexed.and("happened_at < ?", [before.into()]);
        residual.and("COALESCE(happened_at, happened_at) < ?", [before.into()]);
    }
    (filter.from.is_some() || filter.before.is_some()).then(|| Filter {
        index: Some(IndexLookup::new(TABLE, indexed, " ORDER BY happened_at")),
        residual,
        scan: ScanCondition::KeyRange(filter.from.map(Bind::from), filter.before.map(Bind::from)),
    })
}

/// The filter by actor or subject.
fn people(people: &[Principal]) -> Filter {
    const INDEXED: &str = "(subject_type = ? AND subject_seq = ?) OR (subject_type = ? AND subject_seq = ?) \
        OR (subject_type = ? AND subject_seq = ?) OR (subject_type = ? AND subject_seq = ?) \
        OR (actor_type = ? AND actor_seq = ?) OR (actor_type = ? AND actor_seq = ?) \
        OR (actor_type = ? AND actor_seq = ?) OR (actor_type = ? AND actor_seq = ?)";
    const RESIDUAL: &str = "(subject_type || '' = ? AND subject_seq = ?) OR (subject_type || '' = ? AND subject_seq = ?) \
        OR (subject_type || '' = ? AND subject_seq = ?) OR (subject_type || '' = ? AND subject_seq = ?) \
        OR (actor_type || '' = ? AND actor_seq = ?) OR (actor_type || '' = ? AND actor_seq = ?) \
        OR (actor_type || '' = ? AND actor_seq = ?) OR (actor_type || '' = ? AND actor_seq = ?)";
    let Some(last) = people.last() else {
        let nothing = Conditions::one("1 = 0", []);
        return Filter {
            index: Some(IndexLookup::new(TABLE, nothing.clone(), "")),
            residual: nothing.clone(),
            scan: ScanCondition::Index(nothing),
        };
    };
    // The condition has a fixed number of accounts; a repeated one changes nothing.
    let slots: [Principal; MAX_PEOPLE] = std::array::from_fn(|at| *people.get(at).unwrap_or(last));
    let values: [Bind; 4 * MAX_PEOPLE] = std::array::from_fn(|at| {
        let person = slots[at / 2 % MAX_PEOPLE];
        if at % 2 == 0 {
            person.user_type.as_str().into()
        } else {
            person.user_seq.get().into()
        }
    });
    let by = Conditions::one(INDEXED, values.clone());
    Filter {
        index: Some(IndexLookup::new(TABLE, by, "")),
        residual: Conditions::one(RESIDUAL, values),
        scan: ScanCondition::Residual,
    }
}
