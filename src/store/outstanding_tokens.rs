//! The table `outstanding_tokens`: issued refresh tokens that have not expired, by their ids. The text of a token is
//! never stored.

use diesel::{
    dsl::exists,
    prelude::*,
    sql_types::{Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::domain::paging::{Seek, Slice};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::{Jti, RevocationReason, SessionId, TokenState};
use crate::store::engine::connection::{Db, each};
use crate::store::error::StoreError;
use crate::store::pagination::filter::{Filter, IndexLookup, ScanCondition};
use crate::store::pagination::keyset::{KeyTypes, SortKey};
use crate::store::pagination::list_query::ListQuery;
use crate::store::pagination::statement::{Bind, Conditions, Sql};
use crate::store::schema::outstanding_tokens;
use crate::store::token_owners::{OwnerConditions, owner_columns};

/// A row to insert. Without the second attribute diesel would write the statement anew for each refresh.
#[derive(Insertable, Clone)]
#[diesel(table_name = outstanding_tokens, treat_none_as_default_value = false)]
pub struct NewOutstandingToken {
    /// The token's id.
    pub jti: Jti,
    /// The session it belongs to.
    pub session_id: SessionId,
    /// The user type of its account.
    pub user_type: UserType,
    /// The id of its account within the user type.
    pub user_seq: UserSeq,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Inserts a token.
pub fn insert(connection: &mut Db, new: &NewOutstandingToken) -> Result<(), StoreError> {
    let insert = diesel::insert_into(outstanding_tokens::table).values(new);
    each!(connection, each => insert.execute(each)?);
    Ok(())
}

/// Whether the table contains a token: it was issued, and not flushed since.
pub fn contains(connection: &mut Db, jti: &Jti) -> Result<bool, StoreError> {
    Ok(diesel::select(exists(outstanding_tokens::table.find(jti))).get_result(connection)?)
}

/// A token in a list, with its blacklist entry and the names of its account.
#[derive(QueryableByName, Clone, Debug)]
#[diesel(table_name = outstanding_tokens)]
pub struct TokenRow {
    /// The token's id.
    pub jti: Jti,
    /// The session it belongs to.
    pub session_id: SessionId,
    /// The user type of its account.
    pub user_type: UserType,
    /// The id of its account within the user type.
    pub user_seq: UserSeq,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// Why it is blacklisted; `None` if it is not.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<RevocationReason>,
    /// When it was blacklisted.
    #[diesel(sql_type = Nullable<SqlTimestamp>)]
    pub blacklisted_at: Option<Timestamp>,
    /// The login name of the account; `None` if the account was deleted.
    #[diesel(sql_type = Nullable<Text>)]
    pub login: Option<String>,
    /// The name of the account.
    #[diesel(sql_type = Nullable<Text>)]
    pub name: Option<String>,
}

/// The tokens of a list.
#[derive(Clone, Debug)]
pub struct TokenFilter {
    /// Only of this user type.
    pub user_type: Option<UserType>,
    /// Only of these accounts, [`MAX_OWNERS`](crate::store::pagination::filter::MAX_ACCOUNTS) at most.
    pub owners: Option<Vec<Principal>>,
    /// Only in this state.
    pub state: Option<TokenState>,
    /// Issued at this time or later.
    pub from: Option<Timestamp>,
    /// Issued before this time.
    pub to: Option<Timestamp>,
    /// Tokens that expire at this time or before count as expired.
    pub expired_at: Timestamp,
}

fn columns() -> String {
    let columns = "t.jti, t.session_id, t.user_type, t.user_seq, t.created_at, t.expires_at, b.reason, b.blacklisted_at";
    format!("{columns}, {}", owner_columns("t"))
}

const TABLES: &str = "outstanding_tokens t LEFT JOIN blacklisted_tokens b ON b.jti = t.jti";

/// The blacklist first: a list of blacklisted tokens scans it, and not all tokens.
const BLACKLISTED: &str = "blacklisted_tokens b JOIN outstanding_tokens t ON t.jti = b.jti";
/// The same for SQLite: `CROSS JOIN` keeps its tables in this order.
const BLACKLISTED_ON_SQLITE: &str =
    "blacklisted_tokens b CROSS JOIN outstanding_tokens t ON t.jti = b.jti";
/// How many tokens a scan examines for a page.
const SCAN_BUDGET: i64 = 20_000;
/// The same on SQLite, which stores both tables in the order of this list, so that reading the next row is cheap.
const SCAN_BUDGET_ON_SQLITE: i64 = 100_000;
/// Up to how many tokens the filter by expiry is selective: the expired tokens between two flushes of a large
/// installation.
const EXPIRY_SELECTIVE_LIMIT: i64 = 10_000;

const OWNERS: OwnerConditions = OwnerConditions {
    count_from: "sessions s JOIN outstanding_tokens t ON t.session_id = s.id",
    by_session: "t.session_id IN (SELECT s.id FROM sessions s WHERE {})",
    alias: "t",
};

/// Reads a page of tokens, newest first. Their ids begin with the time of issue.
pub fn list(
    connection: &mut Db,
    filter: &TokenFilter,
    seek: Seek<Jti>,
    size: i64,
) -> Result<Slice<TokenRow>, StoreError> {
    let seek = seek.filter_map(|jti| Some((jti.as_str().into(), jti.as_str().into())));
    list_query(connection, filter).page(connection, &seek, size)
}

/// Reads the next tokens of the whole list.
pub fn batch(
    connection: &mut Db,
    filter: &TokenFilter,
    after: Option<&Jti>,
    size: i64,
) -> Result<Vec<TokenRow>, StoreError> {
    let after = after.map(|jti| (jti.as_str().into(), jti.as_str().into()));
    list_query(connection, filter).batch(connection, after, size)
}

fn list_query(connection: &Db, filter: &TokenFilter) -> ListQuery {
    let is_blacklisted = matches!(
        filter.state,
        Some(TokenState::Used | TokenState::Blacklisted)
    );
    let (from, scanned, column) = match (is_blacklisted, connection) {
        (false, _) => (TABLES, "outstanding_tokens t", "t.jti"),
        (true, Db::Sqlite(_)) => (BLACKLISTED_ON_SQLITE, "blacklisted_tokens b", "b.jti"),
        (true, Db::Postgres(_)) => (BLACKLISTED, "blacklisted_tokens b", "b.jti"),
    };
    let mut filters = Vec::new();
    // Ids begin with the time of issue.
    let id = |at: Timestamp| Bind::from(Jti::lower_bound(at).as_str());
    let (issued_from, issued_before) = (filter.from.map(id), filter.to.map(id));
    let issued = Filter::range("outstanding_tokens t", "t.jti", issued_from, issued_before);
    filters.extend(issued);
    filters.extend(filter.state.map(|state| in_state(state, filter.expired_at)));
    // An index contains the tokens that no rotation blacklisted, by user type.
    let is_scanned = filter.state == Some(TokenState::Blacklisted);
    let owners = filter.owners.as_deref();
    filters.extend(OWNERS.filters(filter.user_type, owners, is_scanned));
    ListQuery {
        select: columns(),
        from,
        from_selective: if is_blacklisted { BLACKLISTED } else { TABLES },
        scanned,
        filters,
        key: SortKey {
            column,
            id: column,
            types: KeyTypes::Texts,
            descending: true,
        },
        scan_budget: match connection {
            Db::Sqlite(_) => SCAN_BUDGET_ON_SQLITE,
            Db::Postgres(_) => SCAN_BUDGET,
        },
    }
}

fn in_state(state: TokenState, expired_at: Timestamp) -> Filter {
    let expiring = |sign: &str| {
        let indexed = format!("t.expires_at {sign} ?");
        let conditions = |text: &str| {
            let mut conditions = Conditions::one("b.jti IS NULL", []);
            conditions.and(text, [expired_at.into()]);
            conditions
        };
        Filter {
            index: Some(IndexLookup {
                count_conditions: Conditions::one(&*indexed, [expired_at.into()]),
                selective_limit: EXPIRY_SELECTIVE_LIMIT,
                count_order: Some("t.expires_at"),
                ..IndexLookup::new("outstanding_tokens t", conditions(&indexed))
            }),
            residual: conditions(&format!("COALESCE(t.expires_at, t.expires_at) {sign} ?")),
            scan: ScanCondition::Residual,
        }
    };
    match state {
        TokenState::Live => expiring(">"),
        TokenState::Expired => expiring("<="),
        // The reason distinguishes the two states.
        TokenState::Used => Filter {
            index: None,
            residual: Conditions::one("b.reason = 'rotated'", []),
            scan: ScanCondition::Residual,
        },
        TokenState::Blacklisted => {
            let by = Conditions::one("b.reason <> 'rotated'", []);
            Filter {
                index: Some(IndexLookup::new("blacklisted_tokens b", by.clone())),
                residual: by.clone(),
                scan: ScanCondition::Index(by),
            }
        }
    }
}

/// Finds a token by its id.
pub fn find(connection: &mut Db, jti: &Jti) -> Result<Option<TokenRow>, StoreError> {
    let mut sql = Sql::new(&format!(
        "SELECT {} FROM {TABLES} WHERE t.jti = ",
        columns()
    ));
    sql.bind(jti.as_str());
    Ok(sql.query().get_result(connection).optional()?)
}

/// The newest tokens whose id begins with these hex digits.
pub fn list_beginning_with(
    connection: &mut Db,
    digits: &str,
    limit: i64,
) -> Result<Vec<TokenRow>, StoreError> {
    let mut sql = Sql::new(&format!("SELECT {} FROM {TABLES}", columns()));
    // The letter "g" comes after all hex digits.
    let end = format!("{digits}g");
    sql.push_with(
        " WHERE t.jti >= ? AND t.jti < ? ORDER BY t.jti DESC LIMIT ?",
        [digits.into(), end.into(), limit.into()],
    );
    Ok(sql.query().load(connection)?)
}

/// The newest tokens of a session, oldest first.
pub fn list_latest_of_session(
    connection: &mut Db,
    session: &SessionId,
    limit: i64,
) -> Result<Vec<TokenRow>, StoreError> {
    let mut sql = Sql::new(&format!(
        "SELECT {} FROM {TABLES} WHERE t.session_id = ",
        columns()
    ));
    sql.bind(session.as_str());
    sql.push(" ORDER BY t.jti DESC LIMIT ").bind(limit);
    let mut rows: Vec<TokenRow> = sql.query().load(connection)?;
    rows.reverse();
    Ok(rows)
}

/// Counts the tokens of a session.
pub fn count_of_session(connection: &mut Db, session: &SessionId) -> Result<i64, StoreError> {
    Ok(outstanding_tokens::table
        .filter(outstanding_tokens::session_id.eq(session))
        .count()
        .get_result(connection)?)
}

/// The latest expiry of a token.
pub fn last_expiry(connection: &mut Db) -> Result<Option<Timestamp>, StoreError> {
    Ok(outstanding_tokens::table
        .select(diesel::dsl::max(outstanding_tokens::expires_at))
        .get_result(connection)?)
}
