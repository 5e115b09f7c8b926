//! Reading the table `audit_events`: the list with its filters, newest first, and the history of one account.

use diesel::prelude::*;
use diesel::{QueryDsl, RunQueryDsl};

use crate::clock::Timestamp;
use crate::domain::audit::{Action, AuditSource, Outcome};
use crate::domain::paging::{Seek, Slice};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::SessionId;
use crate::store::audit_events::AuditEventData;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::{
    Filter, IndexLookup, MAX_ACCOUNTS, ScanCondition, of_accounts,
};
use crate::store::pagination::keyset::{KeyTypes, KeyValues, SortKey};
use crate::store::pagination::list_query::ListQuery;
use crate::store::pagination::search::SearchIndex;
use crate::store::pagination::statement::{Bind, Conditions, Sql};
use crate::store::schema::audit_events;

/// A row.
#[derive(QueryableByName, Clone, Debug)]
#[diesel(table_name = audit_events)]
pub struct AuditEventRow {
    /// The id.
    pub id: i64,
    /// The event.
    #[diesel(embed)]
    pub event: AuditEventData,
}

/// The events of a list.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// A part of a name, an address, an action or a value.
    pub search: Option<String>,
    /// Only one of these actions; all of them if this is empty.
    pub actions: Vec<Action>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
    /// Only events of this request.
    pub request: Option<String>,
    /// Only by this interface.
    pub source: Option<AuditSource>,
    /// Only events of this session.
    pub session: Option<SessionId>,
    /// Only the events of the job that this request started.
    pub job: Option<String>,
    /// Whether a list that only times filter has the events of jobs as well. One event describes each job.
    pub with_jobs: bool,
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
pub const MAX_PEOPLE: usize = MAX_ACCOUNTS;

/// The key of a row in the list: the time and the id.
pub type AuditKey = (Timestamp, i64);

/// The columns of a row.
pub(crate) const COLUMNS: &str = "id, happened_at, source, actor_type, actor_seq, actor_name, action, outcome, subject_type, \
    subject_seq, subject_name, changes, ip_address, user_agent, request_id, session_id";

fn key_values((at, id): AuditKey) -> KeyValues {
    (at.into(), id.into())
}

/// Reads a page of the matching events, newest first.
pub fn list(
    connection: &mut Db,
    filter: &AuditFilter,
    seek: &Seek<AuditKey>,
    size: i64,
) -> Result<Slice<AuditEventRow>, StoreError> {
    let seek = seek.clone().filter_map(|key| Some(key_values(key)));
    list_query(connection, filter).page(connection, &seek, size)
}

/// Reads the next events of the whole list, newest first.
pub fn batch(
    connection: &mut Db,
    filter: &AuditFilter,
    after: Option<AuditKey>,
    size: i64,
) -> Result<Vec<AuditEventRow>, StoreError> {
    let list = list_query(connection, filter);
    list.batch(connection, after.map(key_values), size)
}

/// Finds an event by its id.
pub fn find(connection: &mut Db, id: i64) -> Result<Option<AuditEventRow>, StoreError> {
    let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM {TABLE} WHERE id = "));
    sql.bind(id);
    Ok(sql.query().get_result(connection).optional()?)
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

/// The table.
pub(crate) const TABLE: &str = "audit_events";
const SEARCH: SearchIndex = SearchIndex {
    table: TABLE,
    fts_table: "audit_events_search",
};

fn list_query(connection: &Db, filter: &AuditFilter) -> ListQuery {
    let mut filters = Vec::new();
    if let Some(typed) = &filter.search {
        filters.push(SEARCH.filter(connection, typed));
    }
    filters.extend(filter.people.as_deref().map(people));
    // Session, action and source each have an index in the order of time. A scan can use one of them.
    let mut is_scanned = true;
    let mut equal =
        |column, text: &str| Filter::equal(TABLE, column, text, std::mem::take(&mut is_scanned));
    let session = filter.session.as_ref();
    filters.extend(session.map(|session| equal("session_id", session.as_str())));
    filters.extend(jobs(filter));
    let (from, before) = (filter.from.map(Bind::from), filter.before.map(Bind::from));
    filters.extend(Filter::range(TABLE, "happened_at", from, before));
    if let [action] = filter.actions.as_slice() {
        filters.push(equal("action", action.as_str()));
    }
    filters.extend(filter.source.map(|source| equal("source", source.as_str())));
    let request = filter.request.as_deref();
    filters.extend(request.map(|id| Filter::equal(TABLE, "request_id", id, false)));
    filters.extend(filter.outcome.map(|outcome| Filter {
        index: None,
        residual: Conditions::one("outcome = ?", [outcome.as_str().into()]),
        scan: ScanCondition::Residual,
    }));
    if filter.actions.len() > 1 {
        filters.push(one_of(&filter.actions));
    }
    ListQuery {
        select: COLUMNS.into(),
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

fn one_of(actions: &[Action]) -> Filter {
    let places = vec!["?"; actions.len()].join(", ");
    let conditions = |column: &str| {
        let words = actions.iter().map(|action| Bind::from(action.as_str()));
        Conditions::one(format!("{column} IN ({places})"), words)
    };
    Filter {
        index: Some(IndexLookup::new(TABLE, conditions("action"))),
        residual: conditions("action || ''"),
        scan: ScanCondition::Residual,
    }
}

/// How many of the newest events are examined before a search uses the index of Postgres.
const NEWEST: i64 = 1_000;

/// The newest events that contain a text of at least three characters, a few at most, within a bounded time.
pub fn containing(
    connection: &mut Db,
    typed: &str,
    limit: i64,
) -> Result<Vec<AuditEventRow>, StoreError> {
    let found = SEARCH.first(connection, typed, NEWEST, limit)?;
    let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM {TABLE} WHERE id IN (0"));
    for id in found.unwrap_or_default() {
        sql.push(", ").bind(id);
    }
    sql.push(") ORDER BY happened_at DESC, id DESC");
    Ok(sql.query().load(connection)?)
}

/// The newest events of a request.
pub fn of_request(
    connection: &mut Db,
    request: &str,
    limit: i64,
) -> Result<Vec<AuditEventRow>, StoreError> {
    let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM {TABLE}"));
    sql.push_with(
        " WHERE request_id = ? ORDER BY happened_at DESC, id DESC LIMIT ?",
        [request.into(), limit.into()],
    );
    Ok(sql.query().load(connection)?)
}

/// The filter of the events of jobs: only those of one job, or all but those, or no filter.
fn jobs(filter: &AuditFilter) -> Option<Filter> {
    if let Some(request) = &filter.job {
        let of_job = Conditions::one(
            "source = 'job' AND request_id = ?",
            [request.as_str().into()],
        );
        return Some(Filter {
            index: Some(IndexLookup::new(TABLE, of_job.clone())),
            residual: of_job.clone(),
            scan: ScanCondition::Index(of_job),
        });
    }
    let is_narrow = filter.search.is_some()
        || !filter.actions.is_empty()
        || filter.outcome.is_some()
        || filter.request.is_some()
        || filter.source.is_some()
        || filter.session.is_some()
        || filter.people.is_some();
    let without = Conditions::one("source <> 'job'", []);
    (!is_narrow && !filter.with_jobs).then(|| Filter {
        index: None,
        residual: without.clone(),
        scan: ScanCondition::Index(without),
    })
}

/// The filter by actor or subject.
fn people(people: &[Principal]) -> Filter {
    if people.is_empty() {
        let nothing = Conditions::one("1 = 0", []);
        return Filter {
            index: Some(IndexLookup::new(TABLE, nothing.clone())),
            residual: nothing.clone(),
            scan: ScanCondition::Index(nothing),
        };
    }
    let conditions = |subject_type, actor_type| {
        let (subjects, mut values) = of_accounts(subject_type, "subject_seq", people);
        let (actors, more) = of_accounts(actor_type, "actor_seq", people);
        values.extend(more);
        Conditions::one(format!("{subjects} OR {actors}"), values)
    };
    let indexed = conditions("subject_type", "actor_type");
    Filter {
        index: Some(IndexLookup::new(TABLE, indexed)),
        residual: conditions("subject_type || ''", "actor_type || ''"),
        scan: ScanCondition::Residual,
    }
}
