//! Reading the record: the list with its filters, newest first, and what was done to one account.

use diesel::prelude::*;
use diesel::{QueryDsl, RunQueryDsl};

use crate::{
    clock::Timestamp,
    domain::{
        audit::{Action, AuditSource, Outcome},
        paging::{Seek, Slice},
        principal::{Principal, UserSeq, UserType},
        session::SessionId,
    },
    store::{
        engine::connection::Db,
        error::StoreError,
        pagination::{
            filter::{Facet, Found, Walked},
            keyset::{Key, Values},
            listing::Listing,
            search,
            statement::{Bind, Conditions, Sql},
        },
        schema::audit_events,
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
    pub door: AuditSource,
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
    /// In which session it was done, or to which.
    pub session_id: Option<SessionId>,
}

/// Which events a list holds.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// A part of a name, an address or a value.
    pub search: Option<String>,
    /// Only this action.
    pub action: Option<Action>,
    /// Only through this door.
    pub door: Option<AuditSource>,
    /// Only what was done in this session, or to it.
    pub session: Option<SessionId>,
    /// Only what these accounts did, or what was done to them. An empty list fits nothing.
    pub people: Option<Vec<Principal>>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub before: Option<Timestamp>,
}

/// How many events are looked at for a page.
const LOOKED_AT: i64 = 10_000;
/// The most accounts that a filter goes by.
pub const MOST_PEOPLE: usize = 4;

/// The place of a row in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditCursor {
    /// When it happened.
    pub happened_at: Timestamp,
    /// Its number.
    pub id: i64,
}

impl AuditCursor {
    fn binds(self) -> (Bind, Bind) {
        (self.happened_at.into(), self.id.into())
    }
}

const COLUMNS: &str = "id, happened_at, door, actor_type, actor_seq, actor_name, action, outcome, subject_type, \
    subject_seq, subject_name, changes, ip_address, user_agent, request_id, session_id";

/// A page of the events that the filter holds, newest first.
pub fn list(
    connection: &mut Db,
    filter: &AuditFilter,
    seek: &Seek<AuditCursor>,
    size: i64,
) -> Result<Slice<AuditEventRow>, StoreError> {
    let listing = listing(connection, filter);
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
    after: Option<AuditCursor>,
    size: i64,
) -> Result<Vec<AuditEventRow>, StoreError> {
    let listing = listing(connection, filter);
    listing.batch(connection, after.map(AuditCursor::binds), size)
}

/// What happens many times a day: whoever looks for what was changed looks past it.
const ROUTINE: &str = "'logged_in', 'log_in_refused', 'logged_out', 'code_requested'";
/// How many events are looked at for a few that are no routine.
const LOOKED_PAST: i64 = 1_000;

/// The newest events that changed something about an account, among its last thousand.
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
    no_routine(&mut sql, limit);
    Ok(sql.query().load(connection)?)
}

/// The event of this number.
pub fn find(connection: &mut Db, id: i64) -> Result<Option<AuditEventRow>, StoreError> {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS)
        .push(" FROM audit_events WHERE id = ")
        .bind(id);
    Ok(sql.query().get_result(connection).optional()?)
}

/// The newest events of all that are no routine, among the last thousand.
pub fn latest(connection: &mut Db, limit: i64) -> Result<Vec<AuditEventRow>, StoreError> {
    let mut sql = Sql::new("SELECT * FROM (SELECT ");
    sql.push(COLUMNS).push(" FROM audit_events");
    no_routine(&mut sql, limit);
    Ok(sql.query().load(connection)?)
}

/// Ends a statement that began as a look into the newest events.
fn no_routine(sql: &mut Sql, limit: i64) {
    sql.push(" ORDER BY happened_at DESC, id DESC LIMIT ")
        .bind(LOOKED_PAST);
    sql.push(") newest WHERE action NOT IN (")
        .push(ROUTINE)
        .push(") ORDER BY happened_at DESC, id DESC LIMIT ")
        .bind(limit);
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

const TABLE: &str = "audit_events";

fn listing(connection: &Db, filter: &AuditFilter) -> Listing {
    let mut facets = Vec::new();
    facets.extend(
        filter
            .search
            .as_deref()
            .map(|typed| search(connection, typed)),
    );
    facets.extend(filter.people.as_deref().map(people));
    let session = filter.session.as_ref();
    facets.extend(session.map(|session| {
        let value = || [Bind::from(session.as_str())];
        let by = Conditions::one("session_id = ?", value());
        Facet {
            found: Some(Found::of(TABLE, by.clone(), "")),
            passing: Conditions::one("session_id || '' = ?", value()),
            walked: Walked::By(by),
        }
    }));
    facets.extend(span(filter));
    // Each has an index in the order of time, of which one can be walked.
    facets.extend(filter.action.map(|action| {
        let value = || [Bind::from(action.as_str())];
        let by = Conditions::one("action = ?", value());
        Facet {
            found: Some(Found::of(TABLE, by.clone(), "")),
            passing: Conditions::one("action || '' = ?", value()),
            walked: if session.is_none() {
                Walked::By(by)
            } else {
                Walked::No
            },
        }
    }));
    facets.extend(filter.door.map(|door| {
        let value = || [Bind::from(door.as_str())];
        let by = Conditions::one("door = ?", value());
        Facet {
            found: Some(Found::of(TABLE, by.clone(), "")),
            passing: Conditions::one("door || '' = ?", value()),
            walked: if session.is_none() && filter.action.is_none() {
                Walked::By(by)
            } else {
                Walked::No
            },
        }
    }));
    Listing {
        select: COLUMNS,
        from: TABLE,
        from_few: TABLE,
        walked: TABLE,
        facets,
        key: Key {
            column: "happened_at",
            id: "id",
            values: Values::TimeAndNumber,
            descending: true,
        },
        walk: LOOKED_AT,
    }
}

/// The time in which it happened: a span of the order.
fn span(filter: &AuditFilter) -> Option<Facet> {
    let (mut by, mut passing) = (Conditions::default(), Conditions::default());
    if let Some(from) = filter.from {
        by.and("happened_at >= ?", [from.into()]);
        passing.and("COALESCE(happened_at, happened_at) >= ?", [from.into()]);
    }
    if let Some(before) = filter.before {
        by.and("happened_at < ?", [before.into()]);
        passing.and("COALESCE(happened_at, happened_at) < ?", [before.into()]);
    }
    (filter.from.is_some() || filter.before.is_some()).then(|| Facet {
        found: Some(Found::of(TABLE, by, " ORDER BY happened_at")),
        passing,
        walked: Walked::Span(filter.from.map(Bind::from), filter.before.map(Bind::from)),
    })
}

/// The searched text; where it is too short for the index, events are only looked at.
fn search(connection: &Db, typed: &str) -> Facet {
    const LIKE: &str = "search_text LIKE ? ESCAPE '\\'";
    const PASSING: &str = "search_text || '' LIKE ? ESCAPE '\\'";
    const FOUND: &str =
        "id IN (SELECT rowid FROM audit_events_search WHERE audit_events_search MATCH ?)";
    let pattern = || [Bind::from(search::text_pattern(typed))];
    let found = match connection {
        Db::Sqlite(_) => search::phrase(typed).map(|phrase| Found {
            counted_in: "audit_events_search",
            counted_by: Conditions::one("audit_events_search MATCH ?", [phrase.as_str().into()]),
            ..Found::of("", Conditions::one(FOUND, [phrase.into()]), "")
        }),
        Db::Postgres(_) => search::has_trigrams(typed).then(|| Found {
            by_all: true,
            ..Found::of(TABLE, Conditions::one(LIKE, pattern()), "")
        }),
    };
    Facet {
        found,
        passing: Conditions::one(PASSING, pattern()),
        walked: Walked::No,
    }
}

/// What these accounts did, or what was done to them.
fn people(people: &[Principal]) -> Facet {
    const BY: &str = "(subject_type = ? AND subject_seq = ?) OR (subject_type = ? AND subject_seq = ?) \
        OR (subject_type = ? AND subject_seq = ?) OR (subject_type = ? AND subject_seq = ?) \
        OR (actor_type = ? AND actor_seq = ?) OR (actor_type = ? AND actor_seq = ?) \
        OR (actor_type = ? AND actor_seq = ?) OR (actor_type = ? AND actor_seq = ?)";
    const PASSING: &str = "(subject_type || '' = ? AND subject_seq = ?) OR (subject_type || '' = ? AND subject_seq = ?) \
        OR (subject_type || '' = ? AND subject_seq = ?) OR (subject_type || '' = ? AND subject_seq = ?) \
        OR (actor_type || '' = ? AND actor_seq = ?) OR (actor_type || '' = ? AND actor_seq = ?) \
        OR (actor_type || '' = ? AND actor_seq = ?) OR (actor_type || '' = ? AND actor_seq = ?)";
    let Some(last) = people.last() else {
        let nothing = Conditions::one("1 = 0", []);
        return Facet {
            found: Some(Found::of(TABLE, nothing.clone(), "")),
            passing: nothing.clone(),
            walked: Walked::By(nothing),
        };
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
    let by = Conditions::one(BY, values.clone());
    Facet {
        found: Some(Found::of(TABLE, by, "")),
        passing: Conditions::one(PASSING, values),
        walked: Walked::No,
    }
}
