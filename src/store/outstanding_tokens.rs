//! The table `outstanding_tokens`: issued refresh tokens that have not expired, by their ids. The text of a token is
//! never stored.

use diesel::{
    dsl::exists,
    prelude::*,
    sql_types::{BigInt, Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::domain::paging::{Seek, Slice};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::{Jti, RevocationReason, SessionId, TokenState};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::{Filter, IndexLookup, ScanCondition};
use crate::store::pagination::keyset::{KeyTypes, SortKey};
use crate::store::pagination::list_query::ListQuery;
use crate::store::pagination::statement::{Bind, Conditions, Sql};
use crate::store::schema::outstanding_tokens;
use crate::store::token_owners::{OwnerConditions, owner_columns};

/// A row to insert.
#[derive(Insertable, Clone)]
#[diesel(table_name = outstanding_tokens)]
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
    diesel::insert_into(outstanding_tokens::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

/// Whether the table contains a token: it was issued, and not flushed since.
pub fn contains(connection: &mut Db, jti: &Jti) -> Result<bool, StoreError> {
    Ok(diesel::select(exists(outstanding_tokens::table.find(jti))).get_result(connection)?)
}

/// A token in a list, with its blacklist entry and the names of its account.
#[derive(QueryableByName, Clone, Debug)]
pub struct TokenRow {
    /// The token's id.
    #[diesel(sql_type = Text)]
    pub jti: Jti,
    /// The session it belongs to.
    #[diesel(sql_type = Text)]
    pub session_id: SessionId,
    /// The user type of its account.
    #[diesel(sql_type = Text)]
    pub user_type: UserType,
    /// The id of its account within the user type.
    #[diesel(sql_type = BigInt)]
    pub user_seq: UserSeq,
    /// When it was issued.
    #[diesel(sql_type = SqlTimestamp)]
    pub created_at: Timestamp,
    /// When it expires.
    #[diesel(sql_type = SqlTimestamp)]
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
    /// Only of these accounts, [`MAX_OWNERS`](crate::store::token_owners::MAX_OWNERS) at most.
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

const COLUMNS: &str = concat!(
    "t.jti, t.session_id, t.user_type, t.user_seq, t.created_at, t.expires_at, b.reason, b.blacklisted_at, ",
    owner_columns!("t")
);
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
    by_session_user_type: "t.session_id IN (SELECT s.id FROM sessions s WHERE s.user_type = ?)",
    by_session_owners: "t.session_id IN (SELECT s.id FROM sessions s WHERE (s.user_type = ? AND s.user_seq = ?) \
        OR (s.user_type = ? AND s.user_seq = ?) OR (s.user_type = ? AND s.user_seq = ?) \
        OR (s.user_type = ? AND s.user_seq = ?))",
    by_user_type: "t.user_type || '' = ?",
    by_owners: "(t.user_type = ? AND t.user_seq = ?) OR (t.user_type = ? AND t.user_seq = ?) \
        OR (t.user_type = ? AND t.user_seq = ?) OR (t.user_type = ? AND t.user_seq = ?)",
};

/// Reads a page of tokens, newest first. Their ids begin with the time of issue.
pub fn list(
    connection: &mut Db,
    filter: &TokenFilter,
    seek: Seek<Jti>,
    size: i64,
) -> Result<Slice<TokenRow>, StoreError> {
    let key = |jti: Jti| (Bind::from(jti.as_str()), Bind::from(jti.as_str()));
    let seek = seek.try_map(|jti| Some(key(jti))).unwrap_or(Seek::First);
    list_query(connection, filter).page(connection, &seek, size)
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
    filters.extend(issued(filter));
    filters.extend(filter.state.map(|state| in_state(state, filter.expired_at)));
    let by_owner = OWNERS.filters(filter.user_type, filter.owners.as_deref());
    filters.extend(by_owner.map(|by_owner| with_blacklist_index(by_owner, filter)));
    ListQuery {
        select: COLUMNS,
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

/// The filter by the time of issue: a range of the ids.
fn issued(filter: &TokenFilter) -> Option<Filter> {
    let (mut indexed, mut residual) = (Conditions::default(), Conditions::default());
    let bound = |at: Timestamp| Bind::from(Jti::lower_bound(at).as_str());
    let (from, to) = (filter.from.map(bound), filter.to.map(bound));
    if let Some(from) = &from {
        indexed.and("t.jti >= ?", [from.clone()]);
        residual.and("COALESCE(t.jti, t.jti) >= ?", [from.clone()]);
    }
    if let Some(to) = &to {
        indexed.and("t.jti < ?", [to.clone()]);
        residual.and("COALESCE(t.jti, t.jti) < ?", [to.clone()]);
    }
    (from.is_some() || to.is_some()).then(|| Filter {
        index: Some(IndexLookup::new(
            "outstanding_tokens t",
            indexed,
            " ORDER BY t.jti",
        )),
        residual,
        scan: ScanCondition::KeyRange(from, to),
    })
}

fn in_state(state: TokenState, expired_at: Timestamp) -> Filter {
    let expiring = |indexed: &'static str, residual: &'static str| {
        let conditions = |text: &'static str| {
            let mut conditions = Conditions::one("b.jti IS NULL", []);
            conditions.and(text, [expired_at.into()]);
            conditions
        };
        Filter {
            index: Some(IndexLookup {
                count_conditions: Conditions::one(indexed, [expired_at.into()]),
                selective_limit: EXPIRY_SELECTIVE_LIMIT,
                ..IndexLookup::new(
                    "outstanding_tokens t",
                    conditions(indexed),
                    " ORDER BY t.expires_at",
                )
            }),
            residual: conditions(residual),
            scan: ScanCondition::Residual,
        }
    };
    match state {
        TokenState::Live => expiring(
            "t.expires_at > ?",
            "COALESCE(t.expires_at, t.expires_at) > ?",
        ),
        TokenState::Expired => expiring(
            "t.expires_at <= ?",
            "COALESCE(t.expires_at, t.expires_at) <= ?",
        ),
        // The reason distinguishes the two states.
        TokenState::Used => Filter {
            index: None,
            residual: Conditions::one("b.reason = 'rotated'", []),
            scan: ScanCondition::Residual,
        },
        TokenState::Blacklisted => {
            let by = Conditions::one("b.reason <> 'rotated'", []);
            Filter {
                index: Some(IndexLookup::new("blacklisted_tokens b", by.clone(), "")),
                residual: by.clone(),
                scan: ScanCondition::Index(by),
            }
        }
    }
}

/// An index contains the tokens that no rotation blacklisted, by user type.
fn with_blacklist_index(by_owner: Filter, filter: &TokenFilter) -> Filter {
    match (filter.state, filter.user_type, &filter.owners) {
        (Some(TokenState::Blacklisted), Some(user_type), None) => {
            let word = [user_type.as_str().into()];
            Filter {
                scan: ScanCondition::Index(Conditions::one("b.user_type = ?", word)),
                ..by_owner
            }
        }
        _ => by_owner,
    }
}

/// Finds a token by its id.
pub fn find(connection: &mut Db, jti: &Jti) -> Result<Option<TokenRow>, StoreError> {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS).push(" FROM ").push(TABLES);
    sql.push(" WHERE t.jti = ").bind(jti.as_str());
    Ok(sql.query().get_result(connection).optional()?)
}

/// The newest tokens of a session, oldest first.
pub fn list_latest_of_session(
    connection: &mut Db,
    session: &SessionId,
    limit: i64,
) -> Result<Vec<TokenRow>, StoreError> {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS).push(" FROM ").push(TABLES);
    sql.push(" WHERE t.session_id = ").bind(session.as_str());
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
