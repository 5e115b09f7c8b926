//! The table of refresh tokens that are refused although they have not expired.

use diesel::{
    dsl::exists,
    prelude::*,
    sql_types::{Text, Timestamp as SqlTimestamp},
};

use super::{
    Db,
    error::StoreError,
    insert::OrIgnoreExt,
    schema::{blacklisted_tokens, outstanding_tokens},
};
use crate::{
    clock::Timestamp,
    domain::{
        principal::{Principal, UserSeq, UserType},
        session::{Jti, RevocationReason, SessionId},
    },
};

/// What a new row is made of.
#[derive(Insertable, Clone)]
#[diesel(table_name = blacklisted_tokens)]
pub struct NewBlacklistedToken {
    /// The token's id.
    pub jti: Jti,
    /// The session it belongs to.
    pub session_id: SessionId,
    /// Whose it is: the population …
    pub user_type: UserType,
    /// … and the number in it.
    pub user_seq: UserSeq,
    /// Why it is refused.
    pub reason: RevocationReason,
    /// Since when.
    pub blacklisted_at: Timestamp,
    /// When it expires, and the row may go.
    pub expires_at: Timestamp,
}

/// Blacklists a token, if it was not before; whether it was I. This row count is what makes a rotation "use once".
pub fn insert(connection: &mut Db, new: &NewBlacklistedToken) -> Result<bool, StoreError> {
    Ok(diesel::insert_into(blacklisted_tokens::table)
        .values(new)
        .or_ignore()
        .execute(connection)?
        == 1)
}

/// Whether a token is blacklisted.
pub fn contains(connection: &mut Db, jti: &Jti) -> Result<bool, StoreError> {
    Ok(diesel::select(exists(blacklisted_tokens::table.find(jti))).get_result(connection)?)
}

/// Copies tokens into the blacklist, passing over those that stand there already.
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

/// Blacklists the refresh tokens of a session that expire after `alive_after`; how many.
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

/// Blacklists the refresh tokens of an account that expire after `alive_after`; how many.
pub fn insert_for_account(
    connection: &mut Db,
    owner: Principal,
    alive_after: Timestamp,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<usize, StoreError> {
    use super::schema::sessions;
    let its_sessions = sessions::table
        .filter(sessions::user_type.eq(owner.user_type))
        .filter(sessions::user_seq.eq(owner.user_seq))
        .select(sessions::id);
    let tokens = outstanding_tokens::table
        .filter(outstanding_tokens::session_id.eq_any(its_sessions))
        .filter(outstanding_tokens::expires_at.gt(alive_after));
    blacklist!(connection, tokens, now, reason)
}
