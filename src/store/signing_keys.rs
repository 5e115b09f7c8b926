//! The table `signing_keys`: the keys that sign tokens, with their private parts encrypted under the master key.
//!
//! Functions that change a key require a [`Transaction`]: after the commit the store waits until this process follows the
//! change, and on Postgres the other instances are notified.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::domain::session::{RevocationReason, SessionId};
use crate::domain::signing_key::KeyState;
use crate::store::engine::connection::Db;
use crate::store::engine::transaction::Transaction;
use crate::store::error::StoreError;
use crate::store::revocations::announce;
use crate::store::schema::{sessions, signing_keys};

/// A key.
#[derive(Queryable, Selectable, Insertable, Clone, Debug, PartialEq, Eq)]
#[diesel(table_name = signing_keys)]
pub struct SigningKeyRow {
    /// The key id.
    pub kid: String,
    /// The only algorithm of the key.
    pub algorithm: String,
    /// Its state.
    pub state: KeyState,
    /// The encrypted private part; empty once the key is revoked.
    pub private_key: String,
    /// The public part as a JSON Web Key; `None` for a secret.
    pub public_jwk: Option<String>,
    /// The id of the master key that the private part is encrypted under.
    pub master_key_id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was published.
    pub published_at: Timestamp,
    /// When it began to sign.
    pub activated_at: Option<Timestamp>,
    /// When it stopped signing.
    pub retired_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When the last token that it signed has expired; `None` while it can sign.
    pub expires_at: Option<Timestamp>,
}

/// All keys, oldest first.
pub fn list(connection: &mut Db) -> Result<Vec<SigningKeyRow>, StoreError> {
    Ok(signing_keys::table
        .order((signing_keys::created_at, signing_keys::kid))
        .select(SigningKeyRow::as_select())
        .load(connection)?)
}

/// Locks the active key's row, so that one change of the keys runs at a time, and returns its id. `None` if there is none,
/// or if another transaction has replaced it meanwhile.
pub fn lock_active(transaction: &mut Transaction<'_>) -> Result<Option<String>, StoreError> {
    let active = signing_keys::table.filter(signing_keys::state.eq(KeyState::Active));
    Ok(diesel::update(active)
        .set(signing_keys::state.eq(KeyState::Active))
        .returning(signing_keys::kid)
        .get_result(&mut **transaction)
        .optional()?)
}

/// Inserts a key.
pub fn insert(transaction: &mut Transaction<'_>, new: &SigningKeyRow) -> Result<(), StoreError> {
    diesel::insert_into(signing_keys::table)
        .values(new)
        .execute(&mut **transaction)?;
    announce(transaction)
}

/// The columns to update; `None` leaves a column unchanged.
#[derive(AsChangeset, Default)]
#[diesel(table_name = signing_keys)]
struct Changes<'a> {
    state: Option<KeyState>,
    private_key: Option<&'a str>,
    activated_at: Option<Timestamp>,
    retired_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

/// Changes a key that is in one of these states. Returns `true` if there is such a key.
fn change(
    transaction: &mut Transaction<'_>,
    kid: &str,
    from: &[KeyState],
    changes: Changes<'_>,
) -> Result<bool, StoreError> {
    let key = signing_keys::table
        .find(kid)
        .filter(signing_keys::state.eq_any(from));
    let updated = diesel::update(key)
        .set(changes)
        .execute(&mut **transaction)?;
    announce(transaction)?;
    Ok(updated == 1)
}

/// Lets a key sign that is [`KeyState::Next`]. The active key must have been retired or revoked before.
pub fn activate(
    transaction: &mut Transaction<'_>,
    kid: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changes = Changes {
        state: Some(KeyState::Active),
        activated_at: Some(now),
        ..Changes::default()
    };
    change(transaction, kid, &[KeyState::Next], changes)
}

/// Retires a key that signs or was to sign.
pub fn retire(
    transaction: &mut Transaction<'_>,
    kid: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let changes = Changes {
        state: Some(KeyState::Retired),
        retired_at: Some(now),
        expires_at: Some(expires_at),
        ..Changes::default()
    };
    change(
        transaction,
        kid,
        &[KeyState::Next, KeyState::Active],
        changes,
    )
}

/// Revokes a key and erases its private part.
pub fn revoke(
    transaction: &mut Transaction<'_>,
    kid: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let usable = [KeyState::Next, KeyState::Active, KeyState::Retired];
    let changes = Changes {
        state: Some(KeyState::Revoked),
        private_key: Some(""),
        revoked_at: Some(now),
        expires_at: Some(expires_at),
        ..Changes::default()
    };
    change(transaction, kid, &usable, changes)
}

/// Replaces the encrypted private part of a key, unless it was changed meanwhile.
pub fn reseal(
    transaction: &mut Transaction<'_>,
    old: &SigningKeyRow,
    private_key: &str,
    master_key_id: &str,
) -> Result<bool, StoreError> {
    let unchanged = signing_keys::table
        .find(&old.kid)
        .filter(signing_keys::private_key.eq(&old.private_key));
    let changed = diesel::update(unchanged)
        .set((
            signing_keys::private_key.eq(private_key),
            signing_keys::master_key_id.eq(master_key_id),
        ))
        .execute(&mut **transaction)?;
    announce(transaction)?;
    Ok(changed == 1)
}

/// Deletes all keys: they cannot be decrypted any more.
pub fn delete_all(transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
    diesel::delete(signing_keys::table).execute(&mut **transaction)?;
    announce(transaction)
}

/// The live sessions whose newest refresh token a key signed.
pub struct SessionCount {
    /// The key.
    pub kid: String,
    /// How many there are.
    pub sessions: i64,
    /// How many accounts they belong to.
    pub accounts: i64,
}

/// The number of live sessions by the key that signed their newest refresh token.
pub fn count_sessions(
    connection: &mut Db,
    now: Timestamp,
) -> Result<Vec<SessionCount>, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        kid: String,
        #[diesel(sql_type = BigInt)]
        sessions: i64,
        #[diesel(sql_type = BigInt)]
        accounts: i64,
    }
    let rows: Vec<Row> = sql_query(
        "SELECT kid, COUNT(*) AS sessions, COUNT(DISTINCT user_type || ':' || user_seq) AS accounts FROM sessions \
         WHERE kid IS NOT NULL AND ended_at IS NULL AND expires_at > $1 GROUP BY kid",
    )
    .bind::<SqlTimestamp, _>(now)
    .load(connection)?;
    let count = |row: Row| SessionCount {
        kid: row.kid,
        sessions: row.sessions,
        accounts: row.accounts,
    };
    Ok(rows.into_iter().map(count).collect())
}

/// The next sessions after an id whose newest refresh token was signed by a key, without those that have ended.
pub fn list_sessions(
    connection: &mut Db,
    kid: &str,
    after: Option<&SessionId>,
    limit: i64,
) -> Result<Vec<SessionId>, StoreError> {
    let after = after.map_or("", SessionId::as_str);
    Ok(sessions::table
        .filter(sessions::id.gt(after))
        .filter(sessions::kid.eq(kid))
        .filter(sessions::ended_at.is_null())
        .order(sessions::id)
        .select(sessions::id)
        .limit(limit)
        .load(connection)?)
}

/// The sessions whose newest refresh token was signed by a key that was revoked: how many were ended because of that, and how
/// many have not ended.
pub fn count_ended(connection: &mut Db, kid: &str) -> Result<(i64, i64), StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        ended: i64,
        #[diesel(sql_type = BigInt)]
        live: i64,
    }
    let row: Row = sql_query(
        "SELECT COUNT(*) FILTER (WHERE end_reason = $1) AS ended, COUNT(*) FILTER (WHERE ended_at IS NULL) AS live \
         FROM sessions WHERE kid = $2",
    )
    .bind::<Text, _>(RevocationReason::KeyRevoked)
    .bind::<Text, _>(kid)
    .get_result(connection)?;
    Ok((row.ended, row.live))
}

/// Ends sessions whose signing key was revoked. Returns the number of those that had not ended yet.
pub fn end_sessions(
    connection: &mut Db,
    ids: &[SessionId],
    now: Timestamp,
) -> Result<usize, StoreError> {
    let live = sessions::table
        .filter(sessions::id.eq_any(ids))
        .filter(sessions::ended_at.is_null());
    Ok(diesel::update(live)
        .set((
            sessions::ended_at.eq(Some(now)),
            sessions::end_reason.eq(Some(RevocationReason::KeyRevoked)),
        ))
        .execute(connection)?)
}
