//! The tables `passkeys`, `passkey_handles` and `passkey_challenges`.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::PasskeyId;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::{passkey_handles, passkeys};

/// A passkey, as it is inserted and listed.
#[derive(Insertable, Queryable, Selectable, Clone, Debug)]
#[diesel(table_name = passkeys)]
pub struct PasskeyRow {
    /// The id, by which it is renamed and removed.
    pub id: PasskeyId,
    /// The user type of the account.
    pub user_type: UserType,
    /// The id of the account within its user type.
    pub user_seq: UserSeq,
    /// The credential id, in base64url.
    pub credential_id: String,
    /// The COSE key, in base64url.
    pub public_key: String,
    /// The last signature counter.
    pub sign_count: i64,
    /// The name that its owner gave it.
    pub name: String,
    /// The transports, separated by commas.
    pub transports: String,
    /// Whether it can be copied to other devices.
    pub is_backup_eligible: bool,
    /// Whether it was copied to other devices at its last use.
    pub is_backed_up: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

impl PasskeyRow {
    /// The account.
    #[must_use]
    pub fn owner(&self) -> Principal {
        Principal::new(self.user_type, self.user_seq)
    }
}

/// Inserts a passkey.
pub fn insert(connection: &mut Db, new: &PasskeyRow) -> Result<(), StoreError> {
    diesel::insert_into(passkeys::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

/// The passkeys of an account, the oldest first.
pub fn list(connection: &mut Db, owner: Principal) -> Result<Vec<PasskeyRow>, StoreError> {
    Ok(passkeys::table
        .filter(passkeys::user_type.eq(owner.user_type))
        .filter(passkeys::user_seq.eq(owner.user_seq))
        .order((passkeys::created_at, passkeys::id))
        .select(PasskeyRow::as_select())
        .load(connection)?)
}

/// Whether an account has a passkey.
pub fn exists(connection: &mut Db, owner: Principal) -> Result<bool, StoreError> {
    let own = passkeys::table
        .filter(passkeys::user_type.eq(owner.user_type))
        .filter(passkeys::user_seq.eq(owner.user_seq));
    Ok(diesel::select(diesel::dsl::exists(own)).get_result(connection)?)
}

/// Finds a passkey by its credential id, and the user handle of its account.
pub fn find_by_credential(
    connection: &mut Db,
    credential_id: &str,
) -> Result<Option<(PasskeyRow, String)>, StoreError> {
    let handle = passkey_handles::table.on(passkey_handles::user_type
        .eq(passkeys::user_type)
        .and(passkey_handles::user_seq.eq(passkeys::user_seq)));
    Ok(passkeys::table
        .inner_join(handle)
        .filter(passkeys::credential_id.eq(credential_id))
        .select((PasskeyRow::as_select(), passkey_handles::handle))
        .get_result(connection)
        .optional()?)
}

/// Renames a passkey of this account. Returns its former name; `None` if there is no such passkey.
pub fn rename(
    connection: &mut Db,
    owner: Principal,
    id: &PasskeyId,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let own = passkeys::table
        .find(id)
        .filter(passkeys::user_type.eq(owner.user_type))
        .filter(passkeys::user_seq.eq(owner.user_seq));
    let former = own
        .select(passkeys::name)
        .get_result(connection)
        .optional()?;
    if former.is_some() {
        diesel::update(own)
            .set(passkeys::name.eq(name))
            .execute(connection)?;
    }
    Ok(former)
}

/// Deletes a passkey of this account. Returns its name; `None` if there is no such passkey.
pub fn delete(
    connection: &mut Db,
    owner: Principal,
    id: &PasskeyId,
) -> Result<Option<String>, StoreError> {
    let own = passkeys::table
        .find(id)
        .filter(passkeys::user_type.eq(owner.user_type))
        .filter(passkeys::user_seq.eq(owner.user_seq));
    Ok(diesel::delete(own)
        .returning(passkeys::name)
        .get_result(connection)
        .optional()?)
}

/// Deletes all passkeys of an account, and its user handle. Returns the number of passkeys.
pub fn delete_all(connection: &mut Db, owner: Principal) -> Result<usize, StoreError> {
    let handle = passkey_handles::table
        .filter(passkey_handles::user_type.eq(owner.user_type))
        .filter(passkey_handles::user_seq.eq(owner.user_seq));
    diesel::delete(handle).execute(connection)?;
    let own = passkeys::table
        .filter(passkeys::user_type.eq(owner.user_type))
        .filter(passkeys::user_seq.eq(owner.user_seq));
    Ok(diesel::delete(own).execute(connection)?)
}

/// Records a use, if the counter is still the one that the new one was compared with. Returns `true` if this call did it.
pub fn record_use(
    connection: &mut Db,
    id: &PasskeyId,
    counters: (i64, i64),
    is_backed_up: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (old, new) = counters;
    let row = passkeys::table
        .find(id)
        .filter(passkeys::sign_count.eq(old));
    Ok(diesel::update(row)
        .set((
            passkeys::sign_count.eq(new),
            passkeys::is_backed_up.eq(is_backed_up),
            passkeys::last_used_at.eq(Some(now)),
        ))
        .execute(connection)?
        == 1)
}

/// The user handle of an account; `new` becomes it if there is none.
pub fn find_or_insert_handle(
    connection: &mut Db,
    owner: Principal,
    new: &str,
) -> Result<String, StoreError> {
    let statement = "INSERT INTO passkey_handles (handle, user_type, user_seq) VALUES ($1, $2, $3) \
        ON CONFLICT (user_type, user_seq) DO NOTHING";
    diesel::sql_query(statement)
        .bind::<Text, _>(new)
        .bind::<Text, _>(owner.user_type)
        .bind::<BigInt, _>(owner.user_seq)
        .execute(connection)?;
    Ok(passkey_handles::table
        .filter(passkey_handles::user_type.eq(owner.user_type))
        .filter(passkey_handles::user_seq.eq(owner.user_seq))
        .select(passkey_handles::handle)
        .get_result(connection)?)
}

/// Marks a challenge as answered, until it would have expired. Returns `true` if this call did it.
pub fn mark_answered(
    connection: &mut Db,
    challenge_hash: &str,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let statement = "INSERT INTO passkey_challenges (challenge_hash, expires_at) VALUES ($1, $2) \
        ON CONFLICT (challenge_hash) DO NOTHING";
    let inserted = diesel::sql_query(statement)
        .bind::<Text, _>(challenge_hash)
        .bind::<SqlTimestamp, _>(expires_at)
        .execute(connection)?;
    Ok(inserted == 1)
}

/// Takes [`mark_answered`] back.
pub fn unmark_answered(connection: &mut Db, challenge_hash: &str) -> Result<(), StoreError> {
    let statement = "DELETE FROM passkey_challenges WHERE challenge_hash = $1";
    diesel::sql_query(statement)
        .bind::<Text, _>(challenge_hash)
        .execute(connection)?;
    Ok(())
}
