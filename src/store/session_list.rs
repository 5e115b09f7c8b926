//! The list of the sessions of all accounts, newest first, with its filters.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::domain::paging::{Seek, Slice};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::{LoginMethod, RevocationReason, SessionId, SessionStatus};
use crate::domain::text::normalised;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::{Filter, IndexLookup, ScanCondition, of_accounts};
use crate::store::pagination::keyset::{KeyTypes, KeyValues, SortKey};
use crate::store::pagination::list_query::ListQuery;
use crate::store::pagination::search::contains_pattern;
use crate::store::pagination::statement::{Bind, Conditions, Sql};
use crate::store::token_owners::owner_columns;

/// A session in the list, with the names of its account.
#[derive(QueryableByName, Clone, Debug)]
pub struct SessionListRow {
    /// The id.
    #[diesel(sql_type = Text)]
    pub id: SessionId,
    /// The user type of its account.
    #[diesel(sql_type = Text)]
    pub user_type: UserType,
    /// The id of its account within the user type.
    #[diesel(sql_type = BigInt)]
    pub user_seq: UserSeq,
    /// How the user logged in.
    #[diesel(sql_type = Text)]
    pub method: LoginMethod,
    /// The IP address of the login.
    #[diesel(sql_type = Nullable<Text>)]
    pub ip_address: Option<String>,
    /// The `User-Agent` of the login.
    #[diesel(sql_type = Nullable<Text>)]
    pub user_agent: Option<String>,
    /// The IP address of the last refresh; `None` if there was none.
    #[diesel(sql_type = Nullable<Text>)]
    pub last_ip_address: Option<String>,
    /// The `User-Agent` of the last refresh.
    #[diesel(sql_type = Nullable<Text>)]
    pub last_user_agent: Option<String>,
    /// The time of the login.
    #[diesel(sql_type = SqlTimestamp)]
    pub created_at: Timestamp,
    /// The time of the last refresh.
    #[diesel(sql_type = SqlTimestamp)]
    pub last_used_at: Timestamp,
    /// The expiry of the newest refresh token.
    #[diesel(sql_type = SqlTimestamp)]
    pub expires_at: Timestamp,
    /// When it was ended.
    #[diesel(sql_type = Nullable<SqlTimestamp>)]
    pub ended_at: Option<Timestamp>,
    /// The reason for its end.
    #[diesel(sql_type = Nullable<Text>)]
    pub end_reason: Option<RevocationReason>,
    /// The login name of the account; `None` if the account was deleted.
    #[diesel(sql_type = Nullable<Text>)]
    pub login: Option<String>,
    /// The name of the account.
    #[diesel(sql_type = Nullable<Text>)]
    pub name: Option<String>,
}

impl SessionListRow {
    /// The account.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal::new(self.user_type, self.user_seq)
    }
}

/// The sessions of a list.
#[derive(Clone, Debug)]
pub struct SessionFilter {
    /// Only of this user type.
    pub user_type: Option<UserType>,
    /// Only of these accounts, [`MAX_ACCOUNTS`](crate::store::pagination::filter::MAX_ACCOUNTS) at most.
    pub owners: Option<Vec<Principal>>,
    /// Only in this state.
    pub status: Option<SessionStatus>,
    /// Only from this IP address, at the login or at the last refresh.
    pub address: Option<String>,
    /// Only with this part in the `User-Agent` of the login or of the last refresh.
    pub program: Option<String>,
    /// Only this session.
    pub id: Option<SessionId>,
    /// Begun at this time or later.
    pub from: Option<Timestamp>,
    /// Begun before this time.
    pub before: Option<Timestamp>,
    /// Sessions that expire at this time or before are over.
    pub now: Timestamp,
}

/// How many sessions a scan examines for a page.
const SCAN_BUDGET: i64 = 20_000;
const TABLE: &str = "sessions s";

/// Reads a page of sessions.
pub fn list(
    connection: &mut Db,
    filter: &SessionFilter,
    seek: Seek<SessionId>,
    size: i64,
) -> Result<Slice<SessionListRow>, StoreError> {
    let seek = seek.filter_map(|id| Some(key_values(&id)));
    list_query(filter).page(connection, &seek, size)
}

/// Reads the next sessions of the whole list.
pub fn batch(
    connection: &mut Db,
    filter: &SessionFilter,
    after: Option<&SessionId>,
    size: i64,
) -> Result<Vec<SessionListRow>, StoreError> {
    list_query(filter).batch(connection, after.map(key_values), size)
}

/// Counts the sessions, and their accounts, exactly.
pub fn count(connection: &mut Db, filter: &SessionFilter) -> Result<(i64, i64), StoreError> {
    let list = list_query(filter);
    let accounts = "s.user_type || ':' || s.user_seq";
    Ok((
        list.count_all(connection)?,
        list.count_distinct(connection, accounts)?,
    ))
}

/// Reads some sessions by their ids, the newest ones first.
pub fn find_all(connection: &mut Db, ids: &[SessionId]) -> Result<Vec<SessionListRow>, StoreError> {
    let mut sql = Sql::new(&format!(
        "SELECT {} FROM {TABLE} WHERE s.id IN (''",
        columns()
    ));
    for id in ids {
        sql.push(", ").bind(id.as_str());
    }
    sql.push(") ORDER BY s.id DESC");
    Ok(diesel::RunQueryDsl::load(sql.query(), connection)?)
}

/// Reads the newest sessions whose id begins with these hex digits.
pub fn beginning_with(
    connection: &mut Db,
    digits: &str,
    limit: i64,
) -> Result<Vec<SessionListRow>, StoreError> {
    let mut sql = Sql::new(&format!("SELECT {} FROM {TABLE}", columns()));
    sql.push_with(
        " WHERE s.id >= ? AND s.id < ? ORDER BY s.id DESC LIMIT ?",
        [digits.into(), format!("{digits}g").into(), limit.into()],
    );
    Ok(diesel::RunQueryDsl::load(sql.query(), connection)?)
}

fn key_values(id: &SessionId) -> KeyValues {
    (id.as_str().into(), id.as_str().into())
}

fn columns() -> String {
    let columns = "s.id, s.user_type, s.user_seq, s.method, s.ip_address, s.user_agent, s.last_ip_address, \
        s.last_user_agent, s.created_at, s.last_used_at, s.expires_at, s.ended_at, s.end_reason";
    format!("{columns}, {}", owner_columns("s"))
}

fn list_query(filter: &SessionFilter) -> ListQuery {
    let mut filters = Vec::new();
    if let Some(id) = &filter.id {
        filters.push(Filter::equal(TABLE, "s.id", id.as_str(), true));
    }
    // Ids begin with the time of the login.
    let bound = |at: Timestamp| Bind::from(SessionId::lower_bound(at).as_str());
    let (from, before) = (filter.from.map(bound), filter.before.map(bound));
    filters.extend(Filter::range(TABLE, "s.id", from, before));
    if let Some(owners) = &filter.owners {
        let (indexed, values) = of_accounts("s.user_type", "s.user_seq", owners);
        let (residual, _) = of_accounts("s.user_type || ''", "s.user_seq", owners);
        filters.push(Filter {
            index: Some(IndexLookup::new(
                TABLE,
                Conditions::one(indexed, values.clone()),
            )),
            residual: Conditions::one(residual, values),
            scan: ScanCondition::Residual,
        });
    }
    let user_type = filter.user_type;
    filters.extend(user_type.map(|one| Filter::equal(TABLE, "s.user_type", one.as_str(), false)));
    if let Some(address) = &filter.address {
        let address = || Bind::from(address.as_str());
        filters.push(examined(
            "s.ip_address = ? OR s.last_ip_address = ?",
            [address(), address()],
        ));
    }
    if let Some(program) = &filter.program {
        let pattern = || Bind::from(contains_pattern(&normalised(program)));
        filters.push(examined(
            "LOWER(COALESCE(s.user_agent, '')) LIKE ? ESCAPE '\\' OR LOWER(COALESCE(s.last_user_agent, '')) LIKE ? \
             ESCAPE '\\'",
            [pattern(), pattern()],
        ));
    }
    let now = Bind::from(filter.now);
    filters.extend(filter.status.map(|status| match status {
        SessionStatus::Live => examined("s.ended_at IS NULL AND s.expires_at > ?", [now]),
        SessionStatus::Ended => examined("s.ended_at IS NOT NULL OR s.expires_at <= ?", [now]),
    }));
    ListQuery {
        select: columns(),
        from: TABLE,
        from_selective: TABLE,
        scanned: TABLE,
        filters,
        key: SortKey {
            column: "s.id",
            id: "s.id",
            types: KeyTypes::Texts,
            descending: true,
        },
        scan_budget: SCAN_BUDGET,
    }
}

/// A filter that no index helps.
fn examined(condition: &str, values: impl IntoIterator<Item = Bind>) -> Filter {
    Filter {
        index: None,
        residual: Conditions::one(condition, values),
        scan: ScanCondition::Residual,
    }
}
