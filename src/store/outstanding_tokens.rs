//! The table of refresh tokens that were issued and have not expired: booked by their id, never by their text.

use diesel::{
    dsl::exists,
    prelude::*,
    sql_types::{BigInt, Nullable, Text, Timestamp as SqlTimestamp},
};

use super::{
    Db,
    error::StoreError,
    listing::{Bind, Conditions, Key, Listing, Sql},
    schema::outstanding_tokens,
    token_owners::{are_few, of_population, owner_columns, owners},
};
use crate::{
    clock::Timestamp,
    domain::{
        paging::{Seek, Slice},
        principal::{Principal, UserSeq, UserType},
        session::{Jti, RevocationReason, SessionId, TokenState},
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
    /// Of these accounts, [`MAX_OWNERS`](super::token_owners::MAX_OWNERS) at most.
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

/// A page of tokens, the latest first: their ids are ordered by time.
pub fn list(
    connection: &mut Db,
    filter: &TokenFilter,
    seek: Seek<Jti>,
    size: i64,
) -> Result<Slice<TokenRow>, StoreError> {
    let (narrow, broad) = conditions(connection, filter)?;
    let listing = Listing {
        select: COLUMNS,
        from: TABLES,
        narrow,
        broad,
        key: Key {
            column: "t.jti",
            id: "t.jti",
            descending: true,
        },
        // To meet a row in a state, others are looked up and passed over.
        count_to: if filter.state.is_some() {
            1_000
        } else {
            10_000
        },
    };
    let place = |jti: Jti| (Bind::from(jti.as_str()), Bind::from(jti.as_str()));
    let seek = seek.try_map(|jti| Some(place(jti))).unwrap_or(Seek::First);
    listing.page(connection, &seek, size)
}

/// The same conditions twice: for finding few rows, and for passing over the others while walking.
fn conditions(
    connection: &mut Db,
    filter: &TokenFilter,
) -> Result<(Conditions, Conditions), StoreError> {
    let mut both = Conditions::default();
    let bound = |at: Timestamp| [Bind::from(Jti::lower_bound(at).as_str())];
    if let Some(from) = filter.from {
        both.and("t.jti >= ?", bound(from));
    }
    if let Some(to) = filter.to {
        both.and("t.jti < ?", bound(to));
    }
    let (mut narrow, mut broad) = (both.clone(), both);
    if let Some(state) = filter.state {
        in_state(
            connection,
            state,
            filter.expired_at,
            &mut narrow,
            &mut broad,
        )?;
    }
    if let Some(user_type) = filter.user_type {
        let by_column = "t.user_type = ?";
        if filter.owners.is_some() {
            narrow.and(by_column, [user_type.as_str().into()]);
        } else {
            let by_sessions = "t.session_id IN (SELECT s.id FROM sessions s WHERE s.user_type = ?)";
            of_population(connection, user_type, by_sessions, by_column, &mut narrow)?;
        }
        broad.and(by_column, [user_type.as_str().into()]);
    }
    if let Some(values) = filter.owners.as_deref().and_then(owners) {
        narrow.and(
            "t.session_id IN (SELECT s.id FROM sessions s WHERE (s.user_type = ? AND s.user_seq = ?) \
             OR (s.user_type = ? AND s.user_seq = ?) OR (s.user_type = ? AND s.user_seq = ?) \
             OR (s.user_type = ? AND s.user_seq = ?))",
            values.clone(),
        );
        broad.and(
            "(t.user_type = ? AND t.user_seq = ?) OR (t.user_type = ? AND t.user_seq = ?) \
             OR (t.user_type = ? AND t.user_seq = ?) OR (t.user_type = ? AND t.user_seq = ?)",
            values,
        );
    }
    Ok((narrow, broad))
}

fn in_state(
    connection: &mut Db,
    state: TokenState,
    expired_at: Timestamp,
    narrow: &mut Conditions,
    broad: &mut Conditions,
) -> Result<(), StoreError> {
    // A token is blacklisted for a reason, so the one word tells the two states apart.
    const USED: &str =
        "EXISTS (SELECT 1 FROM blacklisted_tokens x WHERE x.jti = t.jti AND x.reason = 'rotated')";
    const BLACKLISTED: &str =
        "EXISTS (SELECT 1 FROM blacklisted_tokens x WHERE x.jti = t.jti AND x.reason <> 'rotated')";
    const NEITHER: &str = "NOT EXISTS (SELECT 1 FROM blacklisted_tokens x WHERE x.jti = t.jti)";
    match state {
        TokenState::Live => {
            for conditions in [narrow, broad] {
                conditions
                    .and(NEITHER, [])
                    // Not by the index: nearly all of the rows stand behind the bound.
                    .and(
                        "COALESCE(t.expires_at, t.expires_at) > ?",
                        [expired_at.into()],
                    );
            }
        }
        TokenState::Used => {
            for conditions in [narrow, broad] {
                conditions.and(USED, []);
            }
        }
        TokenState::Blacklisted => {
            let few = "blacklisted_tokens WHERE reason <> 'rotated'";
            if are_few(connection, few, None)? {
                let by_reason =
                    "t.jti IN (SELECT x.jti FROM blacklisted_tokens x WHERE x.reason <> 'rotated')";
                narrow.and(by_reason, []);
            } else {
                narrow.and(BLACKLISTED, []);
            }
            broad.and(BLACKLISTED, []);
        }
        TokenState::Expired => {
            narrow
                .and(NEITHER, [])
                .and("t.expires_at <= ?", [expired_at.into()]);
            broad.and(NEITHER, []).and(
                "COALESCE(t.expires_at, t.expires_at) <= ?",
                [expired_at.into()],
            );
        }
    }
    Ok(())
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
