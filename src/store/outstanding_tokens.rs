//! The table of refresh tokens that were issued and have not expired: booked by their id, never by their text.

use diesel::{
    dsl::exists,
    prelude::*,
    sql_types::{BigInt, Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::{
    clock::Timestamp,
    domain::{
        paging::{Seek, Slice},
        principal::{Principal, UserSeq, UserType},
        session::{Jti, RevocationReason, SessionId, TokenState},
    },
    store::{
        engine::connection::Db,
        error::StoreError,
        pagination::{
            filter::{Facet, Found, Walked},
            keyset::{Key, Values},
            listing::Listing,
            statement::{Bind, Conditions, Sql},
        },
        schema::outstanding_tokens,
        token_owners::{Owned, owner_columns},
    },
};

/// What a new row is made of.
#[derive(Insertable, Clone)]
#[diesel(table_name = outstanding_tokens)]
pub struct NewOutstandingToken {
    /// The token's id.
    pub jti: Jti,
    /// The session it belongs to.
    pub session_id: SessionId,
    /// Whose it is: the population …
    pub user_type: UserType,
    /// … and the number in it.
    pub user_seq: UserSeq,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Books a token.
pub fn insert(connection: &mut Db, new: &NewOutstandingToken) -> Result<(), StoreError> {
    diesel::insert_into(outstanding_tokens::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

/// Whether a token is booked: it was issued, and not flushed since.
pub fn contains(connection: &mut Db, jti: &Jti) -> Result<bool, StoreError> {
    Ok(diesel::select(exists(outstanding_tokens::table.find(jti))).get_result(connection)?)
}

/// A token as it is listed: with what the blacklist says of it, and what its account is called.
#[derive(QueryableByName, Clone, Debug)]
pub struct TokenRow {
    /// The token's id.
    #[diesel(sql_type = Text)]
    pub jti: Jti,
    /// The session it belongs to.
    #[diesel(sql_type = Text)]
    pub session_id: SessionId,
    /// Whose it is: the population …
    #[diesel(sql_type = Text)]
    pub user_type: UserType,
    /// … and the number in it.
    #[diesel(sql_type = BigInt)]
    pub user_seq: UserSeq,
    /// When it was issued.
    #[diesel(sql_type = SqlTimestamp)]
    pub created_at: Timestamp,
    /// When it expires.
    #[diesel(sql_type = SqlTimestamp)]
    pub expires_at: Timestamp,
    /// Why it is refused; none where it is not.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<RevocationReason>,
    /// Since when it is refused.
    #[diesel(sql_type = Nullable<SqlTimestamp>)]
    pub blacklisted_at: Option<Timestamp>,
    /// What the account logs in by; none where it does not exist any more.
    #[diesel(sql_type = Nullable<Text>)]
    pub login: Option<String>,
    /// What the account is called.
    #[diesel(sql_type = Nullable<Text>)]
    pub name: Option<String>,
}

/// Which tokens are listed.
#[derive(Clone, Debug)]
pub struct TokenFilter {
    /// Of one population.
    pub user_type: Option<UserType>,
    /// Of these accounts, [`MAX_OWNERS`](crate::store::token_owners::MAX_OWNERS) at most.
    pub owners: Option<Vec<Principal>>,
    /// In this state.
    pub state: Option<TokenState>,
    /// Issued then or later.
    pub from: Option<Timestamp>,
    /// Issued before.
    pub to: Option<Timestamp>,
    /// What expires then or earlier has expired.
    pub expired_at: Timestamp,
}

const COLUMNS: &str = concat!(
    "t.jti, t.session_id, t.user_type, t.user_seq, t.created_at, t.expires_at, b.reason, b.blacklisted_at, ",
    owner_columns!("t")
);
const TABLES: &str = "outstanding_tokens t LEFT JOIN blacklisted_tokens b ON b.jti = t.jti";

/// The blacklist first: what is blacklisted is walked along it, and not along all tokens.
const BLACKLISTED: &str = "blacklisted_tokens b JOIN outstanding_tokens t ON t.jti = b.jti";
/// The same for SQLite, which joins in the order that is written.
const BLACKLISTED_ON_SQLITE: &str =
    "blacklisted_tokens b CROSS JOIN outstanding_tokens t ON t.jti = b.jti";
/// How many tokens are looked at for a page.
const LOOKED_AT: i64 = 20_000;
/// The same on SQLite, which keeps both tables in the order of this list: to look the next one up costs next to nothing.
const LOOKED_AT_ON_SQLITE: i64 = 100_000;
/// How many tokens that have expired, or have not, are gathered: between two flushes of a big installation there are no
/// more that have.
const FEW: i64 = 10_000;

const OWNED: Owned = Owned {
    counted_in: "sessions s JOIN outstanding_tokens t ON t.session_id = s.id",
    of_population: "t.session_id IN (SELECT s.id FROM sessions s WHERE s.user_type = ?)",
    of_owners: "t.session_id IN (SELECT s.id FROM sessions s WHERE (s.user_type = ? AND s.user_seq = ?) \
        OR (s.user_type = ? AND s.user_seq = ?) OR (s.user_type = ? AND s.user_seq = ?) \
        OR (s.user_type = ? AND s.user_seq = ?))",
    population: "t.user_type || '' = ?",
    owners: "(t.user_type = ? AND t.user_seq = ?) OR (t.user_type = ? AND t.user_seq = ?) \
        OR (t.user_type = ? AND t.user_seq = ?) OR (t.user_type = ? AND t.user_seq = ?)",
};

/// A page of tokens, the latest first: their ids are ordered by time.
pub fn list(
    connection: &mut Db,
    filter: &TokenFilter,
    seek: Seek<Jti>,
    size: i64,
) -> Result<Slice<TokenRow>, StoreError> {
    let place = |jti: Jti| (Bind::from(jti.as_str()), Bind::from(jti.as_str()));
    let seek = seek.try_map(|jti| Some(place(jti))).unwrap_or(Seek::First);
    listing(connection, filter).page(connection, &seek, size)
}

fn listing(connection: &Db, filter: &TokenFilter) -> Listing {
    let is_blacklisted = matches!(
        filter.state,
        Some(TokenState::Used | TokenState::Blacklisted)
    );
    let (from, walked, column) = match (is_blacklisted, connection) {
        (false, _) => (TABLES, "outstanding_tokens t", "t.jti"),
        (true, Db::Sqlite(_)) => (BLACKLISTED_ON_SQLITE, "blacklisted_tokens b", "b.jti"),
        (true, Db::Postgres(_)) => (BLACKLISTED, "blacklisted_tokens b", "b.jti"),
    };
    let mut facets = Vec::new();
    facets.extend(issued(filter));
    facets.extend(filter.state.map(|state| in_state(state, filter.expired_at)));
    let owned = OWNED.facets(filter.user_type, filter.owners.as_deref());
    facets.extend(owned.map(|facet| along_the_blacklist(facet, filter)));
    Listing {
        select: COLUMNS,
        from,
        from_few: if is_blacklisted { BLACKLISTED } else { TABLES },
        walked,
        facets,
        key: Key {
            column,
            id: column,
            values: Values::Texts,
            descending: true,
        },
        walk: match connection {
            Db::Sqlite(_) => LOOKED_AT_ON_SQLITE,
            Db::Postgres(_) => LOOKED_AT,
        },
    }
}

/// The time in which they were issued: a span of the walked ids.
fn issued(filter: &TokenFilter) -> Option<Facet> {
    let (mut by, mut passing) = (Conditions::default(), Conditions::default());
    let bound = |at: Timestamp| Bind::from(Jti::lower_bound(at).as_str());
    let (from, to) = (filter.from.map(bound), filter.to.map(bound));
    if let Some(from) = &from {
        by.and("t.jti >= ?", [from.clone()]);
        passing.and("COALESCE(t.jti, t.jti) >= ?", [from.clone()]);
    }
    if let Some(to) = &to {
        by.and("t.jti < ?", [to.clone()]);
        passing.and("COALESCE(t.jti, t.jti) < ?", [to.clone()]);
    }
    (from.is_some() || to.is_some()).then(|| Facet {
        found: Some(Found::of("outstanding_tokens t", by, " ORDER BY t.jti")),
        passing,
        walked: Walked::Span(from, to),
    })
}

fn in_state(state: TokenState, expired_at: Timestamp) -> Facet {
    let expiring = |by: &'static str, passing: &'static str| {
        let conditions = |text: &'static str| {
            let mut conditions = Conditions::one("b.jti IS NULL", []);
            conditions.and(text, [expired_at.into()]);
            conditions
        };
        Facet {
            found: Some(Found {
                counted_by: Conditions::one(by, [expired_at.into()]),
                few: FEW,
                ..Found::of(
                    "outstanding_tokens t",
                    conditions(by),
                    " ORDER BY t.expires_at",
                )
            }),
            passing: conditions(passing),
            walked: Walked::No,
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
        // A token is blacklisted for a reason, so the one word tells the two states apart.
        TokenState::Used => Facet {
            found: None,
            passing: Conditions::one("b.reason = 'rotated'", []),
            walked: Walked::No,
        },
        TokenState::Blacklisted => {
            let by = Conditions::one("b.reason <> 'rotated'", []);
            Facet {
                found: Some(Found::of("blacklisted_tokens b", by.clone(), "")),
                passing: by.clone(),
                walked: Walked::By(by),
            }
        }
    }
}

/// What no rotation blacklisted stands in an index by population.
fn along_the_blacklist(facet: Facet, filter: &TokenFilter) -> Facet {
    match (filter.state, filter.user_type, &filter.owners) {
        (Some(TokenState::Blacklisted), Some(user_type), None) => {
            let word = [user_type.as_str().into()];
            Facet {
                walked: Walked::By(Conditions::one("b.user_type = ?", word)),
                ..facet
            }
        }
        _ => facet,
    }
}

/// The token of this id.
pub fn find(connection: &mut Db, jti: &Jti) -> Result<Option<TokenRow>, StoreError> {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS).push(" FROM ").push(TABLES);
    sql.push(" WHERE t.jti = ").bind(jti.as_str());
    Ok(sql.query().get_result(connection).optional()?)
}

/// The latest tokens of a session, oldest first.
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

/// How many tokens of a session are booked.
pub fn count_of_session(connection: &mut Db, session: &SessionId) -> Result<i64, StoreError> {
    Ok(outstanding_tokens::table
        .filter(outstanding_tokens::session_id.eq(session))
        .count()
        .get_result(connection)?)
}
