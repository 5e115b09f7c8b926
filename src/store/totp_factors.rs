//! The table `totp_factors`: the authenticator app of an account.

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::totp_factors;

/// A row.
#[derive(Insertable, Queryable, Clone)]
#[diesel(table_name = totp_factors)]
pub struct TotpFactorRow {
    /// The user type of the account.
    pub user_type: UserType,
    /// The id of the account within its user type.
    pub user_seq: UserSeq,
    /// The encrypted secret.
    pub sealed_secret: String,
    /// The time step of the last accepted code.
    pub last_used_step: i64,
    /// When the secret was made.
    pub created_at: Timestamp,
    /// When the owner proved to have it. Before, it is not asked for.
    pub confirmed_at: Option<Timestamp>,
}

/// Inserts a secret, in place of one that was not confirmed. Returns `false`, and changes nothing, if one is confirmed.
pub fn put(connection: &mut Db, new: &TotpFactorRow) -> Result<bool, StoreError> {
    let unconfirmed = totp_factors::table
        .find((new.user_type, new.user_seq))
        .filter(totp_factors::confirmed_at.is_null());
    diesel::delete(unconfirmed).execute(connection)?;
    if find(connection, Principal::new(new.user_type, new.user_seq))?.is_some() {
        return Ok(false);
    }
    diesel::insert_into(totp_factors::table)
        .values(new)
        .execute(connection)?;
    Ok(true)
}

/// The row of an account, confirmed or not.
pub fn find(connection: &mut Db, owner: Principal) -> Result<Option<TotpFactorRow>, StoreError> {
    Ok(totp_factors::table
        .find((owner.user_type, owner.user_seq))
        .get_result(connection)
        .optional()?)
}

/// Confirms a secret by the code of a time step. Returns `true` if this call did it.
pub fn confirm(
    connection: &mut Db,
    owner: Principal,
    step: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let unconfirmed = totp_factors::table
        .find((owner.user_type, owner.user_seq))
        .filter(totp_factors::confirmed_at.is_null());
    let set = (
        totp_factors::confirmed_at.eq(Some(now)),
        totp_factors::last_used_step.eq(step),
    );
    Ok(diesel::update(unconfirmed).set(set).execute(connection)? == 1)
}

/// Uses the code of a time step. Returns `true` if this call did it, `false` if a code of this step or a later one was used.
pub fn use_step(connection: &mut Db, owner: Principal, step: i64) -> Result<bool, StoreError> {
    let unused = totp_factors::table
        .find((owner.user_type, owner.user_seq))
        .filter(totp_factors::confirmed_at.is_not_null())
        .filter(totp_factors::last_used_step.lt(step));
    Ok(diesel::update(unused)
        .set(totp_factors::last_used_step.eq(step))
        .execute(connection)?
        == 1)
}

/// Deletes the secret of an account. Returns whether one was confirmed.
pub fn delete(connection: &mut Db, owner: Principal) -> Result<bool, StoreError> {
    let row = totp_factors::table.find((owner.user_type, owner.user_seq));
    let deleted: Option<Option<Timestamp>> = diesel::delete(row)
        .returning(totp_factors::confirmed_at)
        .get_result(connection)
        .optional()?;
    Ok(deleted.flatten().is_some())
}

/// All rows.
pub fn list(connection: &mut Db) -> Result<Vec<TotpFactorRow>, StoreError> {
    Ok(totp_factors::table.load(connection)?)
}

/// The rows of apps that are asked for, the oldest first; at most `bound`.
pub fn list_confirmed(
    connection: &mut Db,
    bound: Option<i64>,
) -> Result<Vec<TotpFactorRow>, StoreError> {
    Ok(totp_factors::table
        .filter(totp_factors::confirmed_at.is_not_null())
        .order((
            totp_factors::created_at,
            totp_factors::user_type,
            totp_factors::user_seq,
        ))
        .limit(bound.unwrap_or(i64::MAX))
        .load(connection)?)
}

/// Replaces the encryption of a secret if it is still the `old` one. Returns whether it was.
pub fn reseal(connection: &mut Db, old: &TotpFactorRow, sealed: &str) -> Result<bool, StoreError> {
    let unchanged = totp_factors::table
        .find((old.user_type, old.user_seq))
        .filter(totp_factors::sealed_secret.eq(&old.sealed_secret));
    Ok(diesel::update(unchanged)
        .set(totp_factors::sealed_secret.eq(sealed))
        .execute(connection)?
        == 1)
}
