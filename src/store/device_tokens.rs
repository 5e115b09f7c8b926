//! The table `device_tokens`: which device tokens of an account are valid.

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::device_tokens;

/// A row to insert.
#[derive(Insertable, Clone)]
#[diesel(table_name = device_tokens)]
pub struct NewDeviceToken {
    /// The nonce of the token.
    pub nonce: String,
    /// The user type of the account.
    pub user_type: UserType,
    /// The id of the account within its user type.
    pub user_seq: UserSeq,
    /// When the token was issued.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was last presented; `None` if it never was.
    pub presented_at: Option<Timestamp>,
}

/// Inserts a token, or replaces the one with the same nonce. Of the account's tokens `kept` stay valid, including this
/// one: first those that were never presented are deleted, the oldest first, then those that were presented longest ago.
pub fn put(connection: &mut Db, new: &NewDeviceToken, kept: usize) -> Result<(), StoreError> {
    let owner = Principal::new(new.user_type, new.user_seq);
    delete(connection, owner, &new.nonce)?;
    let mut older: Vec<(Option<Timestamp>, Timestamp, String)> = device_tokens::table
        .filter(device_tokens::user_type.eq(new.user_type.as_str()))
        .filter(device_tokens::user_seq.eq(new.user_seq))
        .select((
            device_tokens::presented_at,
            device_tokens::issued_at,
            device_tokens::nonce,
        ))
        .load(connection)?;
    // `None` is less than every time.
    older.sort();
    let surplus = older.len().saturating_sub(kept.saturating_sub(1));
    for (_, _, nonce) in &older[..surplus] {
        delete(connection, owner, nonce)?;
    }
    diesel::insert_into(device_tokens::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

fn delete(connection: &mut Db, owner: Principal, nonce: &str) -> Result<(), StoreError> {
    let row = device_tokens::table
        .find(nonce)
        .filter(device_tokens::user_type.eq(owner.user_type.as_str()))
        .filter(device_tokens::user_seq.eq(owner.user_seq));
    diesel::delete(row).execute(connection)?;
    Ok(())
}

/// Whether the token of this nonce is valid for this account.
pub fn contains(connection: &mut Db, owner: Principal, nonce: &str) -> Result<bool, StoreError> {
    let row = device_tokens::table
        .find(nonce)
        .filter(device_tokens::user_type.eq(owner.user_type.as_str()))
        .filter(device_tokens::user_seq.eq(owner.user_seq));
    Ok(diesel::select(diesel::dsl::exists(row)).get_result(connection)?)
}

/// Deletes the tokens of an account, except for the one with the nonce `kept`.
pub fn delete_all(
    connection: &mut Db,
    owner: Principal,
    kept: Option<&str>,
) -> Result<(), StoreError> {
    let rows = device_tokens::table
        .filter(device_tokens::user_type.eq(owner.user_type.as_str()))
        .filter(device_tokens::user_seq.eq(owner.user_seq))
        // No token has an empty nonce.
        .filter(device_tokens::nonce.ne(kept.unwrap_or_default()));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}
