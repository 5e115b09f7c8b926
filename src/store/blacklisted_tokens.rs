//! The table `blacklisted_tokens`: refresh tokens that are refused although they have not expired.

use diesel::{
    dsl::exists,
    prelude::*,
    sql_types::{Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::{Jti, RevocationReason, SessionId};
use crate::store::engine::connection::{Db, each};
use crate::store::engine::insert::OrIgnoreExt;
use crate::store::error::StoreError;
use crate::store::schema::{blacklisted_tokens, outstanding_tokens};

/// A row to insert. A missing successor is inserted as NULL: with a default instead, diesel would write the statement anew for
/// each refresh.
#[derive(Insertable, Clone)]
#[diesel(table_name = blacklisted_tokens, treat_none_as_default_value = false)]
pub struct NewBlacklistedToken {
    /// The token's id.
    pub jti: Jti,
    /// The session it belongs to.
    pub session_id: SessionId,
    /// The user type of its account.
    pub user_type: UserType,
    /// The id of its account within the user type.
    pub user_seq: UserSeq,
    /// Why it is blacklisted.
    pub reason: RevocationReason,
    /// When it was blacklisted.
    pub blacklisted_at: Timestamp,
    /// When it expires. The row can be deleted then.
    pub expires_at: Timestamp,
    /// The token that it was exchanged for.
    pub successor: Option<Jti>,
}

/// Blacklists a token. Returns `true` if this call did it, `false` if the token was blacklisted before: this makes sure
/// that a token is rotated only once.
pub fn insert(connection: &mut Db, new: &NewBlacklistedToken) -> Result<bool, StoreError> {
    let insert = diesel::insert_into(blacklisted_tokens::table)
        .values(new)
        .or_ignore();
    Ok(each!(connection, each => insert.execute(each)?) == 1)
}

/// Whether a token is blacklisted.
pub fn contains(connection: &mut Db, jti: &Jti) -> Result<bool, StoreError> {
    Ok(diesel::select(exists(blacklisted_tokens::table.find(jti))).get_result(connection)?)
}

/// Copies tokens into the blacklist, except those that it contains already.
macro_rules! blacklist {
    ($connection:expr, $tokens:expr, $now:expr, $reason:expr) => {{
        let rows = $tokens.select((
            outstanding_tokens::jti,
            outstanding_tokens::session_id,
            outstanding_tokens::user_type,
            outstanding_tokens::user_seq,
            $reason.into_sql::<Text>(),
            $now.into_sql::<SqlTimestamp>(),
            outstanding_tokens::expires_at,
        ));
        let columns = (
            blacklisted_tokens::jti,
            blacklisted_tokens::session_id,
            blacklisted_tokens::user_type,
            blacklisted_tokens::user_seq,
            blacklisted_tokens::reason,
            blacklisted_tokens::blacklisted_at,
            blacklisted_tokens::expires_at,
        );
        let copied = rows
            .insert_into(blacklisted_tokens::table)
            .into_columns(columns)
            .or_ignore();
        Ok(copied.execute($connection)?)
    }};
}

/// Blacklists the refresh tokens of a session that expire after `alive_after`. Returns their number.
pub fn insert_for_session(
    connection: &mut Db,
    session: &SessionId,
    alive_after: Timestamp,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<usize, StoreError> {
    let tokens = outstanding_tokens::table
        .filter(outstanding_tokens::session_id.eq(session))
        .filter(outstanding_tokens::expires_at.gt(alive_after));
    blacklist!(connection, tokens, now, reason)
}

/// Blacklists the refresh tokens of an account that expire after `alive_after`. Returns their number.
pub fn insert_for_account(
    connection: &mut Db,
    owner: Principal,
    alive_after: Timestamp,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<usize, StoreError> {
    use crate::store::schema::sessions;
    let account_sessions = sessions::table
        .filter(sessions::user_type.eq(owner.user_type))
        .filter(sessions::user_seq.eq(owner.user_seq))
        .select(sessions::id);
    let tokens = outstanding_tokens::table
        .filter(outstanding_tokens::session_id.eq_any(account_sessions))
        .filter(outstanding_tokens::expires_at.gt(alive_after));
    blacklist!(connection, tokens, now, reason)
}

/// The token that a rotated one was exchanged for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// The token's id.
    pub jti: Jti,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// Whether it is blacklisted too: used, or revoked.
    pub refused: bool,
}

/// Why and when a token was blacklisted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blacklisting {
    /// The reason.
    pub reason: RevocationReason,
    /// The time.
    pub at: Timestamp,
    /// The token that it was exchanged for, unless that one was flushed.
    pub successor: Option<Successor>,
}

/// Finds the blacklist entry of a token.
pub fn find(connection: &mut Db, jti: &Jti) -> Result<Option<Blacklisting>, StoreError> {
    type Found = (RevocationReason, Timestamp, Option<Jti>);
    let found: Option<Found> = blacklisted_tokens::table
        .find(jti)
        .select((
            blacklisted_tokens::reason,
            blacklisted_tokens::blacklisted_at,
            blacklisted_tokens::successor,
        ))
        .get_result(connection)
        .optional()?;
    let Some((reason, at, successor)) = found else {
        return Ok(None);
    };
    let successor = successor.map(|jti| find_successor(connection, jti));
    let successor = successor.transpose()?.flatten();
    Ok(Some(Blacklisting {
        reason,
        at,
        successor,
    }))
}

fn find_successor(connection: &mut Db, jti: Jti) -> Result<Option<Successor>, StoreError> {
    let refused = contains(connection, &jti)?;
    let outstanding: Option<(Timestamp, Timestamp)> = outstanding_tokens::table
        .find(&jti)
        .select((
            outstanding_tokens::created_at,
            outstanding_tokens::expires_at,
        ))
        .get_result(connection)
        .optional()?;
    Ok(outstanding.map(|(created_at, expires_at)| Successor {
        jti,
        created_at,
        expires_at,
        refused,
    }))
}
