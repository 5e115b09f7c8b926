//! The table `set_up_links`: one-time links that create the first administrator or set the password of one account.
//! Links are found by the hash of their secret.

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::set_up_links;

/// A row to insert.
#[derive(Insertable, Clone)]
#[diesel(table_name = set_up_links)]
pub struct NewLink {
    /// The hash of the secret.
    pub token_hash: String,
    /// `first_administrator` or `password`.
    pub purpose: &'static str,
    /// The user type of the account whose password it sets.
    pub user_type: Option<UserType>,
    /// The id of this account within its user type.
    pub user_seq: Option<UserSeq>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The expiry.
    pub expires_at: Timestamp,
}

/// The purpose of a link that creates the first administrator.
pub const FIRST_ADMINISTRATOR: &str = "first_administrator";
/// The purpose of a link that sets a password.
pub const PASSWORD: &str = "password";

/// Inserts a link.
pub fn insert(connection: &mut Db, new: &NewLink) -> Result<(), StoreError> {
    diesel::insert_into(set_up_links::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

/// Revokes the unused links that set the password of an account.
pub fn revoke(connection: &mut Db, owner: Principal, now: Timestamp) -> Result<(), StoreError> {
    let open = set_up_links::table
        .filter(set_up_links::user_type.eq(owner.user_type))
        .filter(set_up_links::user_seq.eq(owner.user_seq))
        .filter(set_up_links::used_at.is_null())
        .filter(set_up_links::expires_at.gt(now));
    diesel::update(open)
        .set(set_up_links::expires_at.eq(now))
        .execute(connection)?;
    Ok(())
}

/// Finds the account of a valid link. The outer `None`: the link is not valid (unknown, used, expired, of another
/// purpose). The inner `None`: it belongs to no account.
pub fn find_valid(
    connection: &mut Db,
    token_hash: &str,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<Option<Principal>>, StoreError> {
    let row: Option<(Option<UserType>, Option<UserSeq>)> = set_up_links::table
        .find(token_hash)
        .filter(set_up_links::purpose.eq(purpose))
        .filter(set_up_links::used_at.is_null())
        .filter(set_up_links::expires_at.gt(now))
        .select((set_up_links::user_type, set_up_links::user_seq))
        .get_result(connection)
        .optional()?;
    Ok(row.map(|(user_type, user_seq)| {
        user_type
            .zip(user_seq)
            .map(|(user_type, user_seq)| Principal {
                user_type,
                user_seq,
            })
    }))
}

/// Marks a link as used. Returns `true` if this call did it, `false` if the link is not valid.
pub fn mark_used(
    connection: &mut Db,
    token_hash: &str,
    purpose: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let valid = set_up_links::table
        .find(token_hash)
        .filter(set_up_links::purpose.eq(purpose))
        .filter(set_up_links::used_at.is_null())
        .filter(set_up_links::expires_at.gt(now));
    Ok(diesel::update(valid)
        .set(set_up_links::used_at.eq(Some(now)))
        .execute(connection)?
        == 1)
}

/// Marks all links that create the first administrator as used, and locks their rows until the transaction ends: of two
/// links that are used at the same time the second one is already used.
pub fn mark_used_first_administrator(
    connection: &mut Db,
    now: Timestamp,
) -> Result<(), StoreError> {
    let open = set_up_links::table
        .filter(set_up_links::purpose.eq(FIRST_ADMINISTRATOR))
        .filter(set_up_links::used_at.is_null());
    diesel::update(open)
        .set(set_up_links::used_at.eq(Some(now)))
        .execute(connection)?;
    Ok(())
}

/// The expiry of the open link that sets the password of an account.
pub fn find_open(
    connection: &mut Db,
    owner: Principal,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    Ok(set_up_links::table
        .filter(set_up_links::user_type.eq(owner.user_type))
        .filter(set_up_links::user_seq.eq(owner.user_seq))
        .filter(set_up_links::used_at.is_null())
        .filter(set_up_links::expires_at.gt(now))
        .select(set_up_links::expires_at)
        .order(set_up_links::expires_at.desc())
        .first(connection)
        .optional()?)
}
