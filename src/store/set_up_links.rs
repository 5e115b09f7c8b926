//! The table of one-time links: to make the first administrator, or to set the password of one account. Links are known
//! by their hash alone.

use diesel::prelude::*;

use crate::{
    clock::Timestamp,
    domain::principal::{Principal, UserSeq, UserType},
    store::{engine::connection::Db, error::StoreError, schema::set_up_links},
};

/// What a new row is made of.
#[derive(Insertable, Clone)]
#[diesel(table_name = set_up_links)]
pub struct NewLink {
    /// The hash of the link's secret.
    pub token_hash: String,
    /// `first_administrator` or `password`.
    pub purpose: &'static str,
    /// Whose password it sets: the population …
    pub user_type: Option<UserType>,
    /// … and the number in it.
    pub user_seq: Option<UserSeq>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// The purpose of a link that makes the first administrator.
pub const FIRST_ADMINISTRATOR: &str = "first_administrator";
/// The purpose of a link that sets a password.
pub const PASSWORD: &str = "password";

/// Adds a link.
pub fn insert(connection: &mut Db, new: &NewLink) -> Result<(), StoreError> {
    diesel::insert_into(set_up_links::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

/// Takes away the unused links to set the password of an account; a new one takes their place.
pub fn withdraw(connection: &mut Db, owner: Principal, now: Timestamp) -> Result<(), StoreError> {
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

/// Whose password a good link sets. The outer `None`: the link is not good (unknown, used, expired, of another purpose);
/// the inner one: it belongs to no account.
pub fn find_good(
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

/// Uses a link up; whether it was I.
pub fn use_up(
    connection: &mut Db,
    token_hash: &str,
    purpose: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let good = set_up_links::table
        .find(token_hash)
        .filter(set_up_links::purpose.eq(purpose))
        .filter(set_up_links::used_at.is_null())
        .filter(set_up_links::expires_at.gt(now));
    Ok(diesel::update(good)
        .set(set_up_links::used_at.eq(Some(now)))
        .execute(connection)?
        == 1)
}

/// Uses up every link to make the first administrator. Their rows are locked by it until the transaction ends, so that of
/// two links used at the same time the second one finds itself used.
pub fn use_up_all_first(connection: &mut Db, now: Timestamp) -> Result<(), StoreError> {
    let open = set_up_links::table
        .filter(set_up_links::purpose.eq(FIRST_ADMINISTRATOR))
        .filter(set_up_links::used_at.is_null());
    diesel::update(open)
        .set(set_up_links::used_at.eq(Some(now)))
        .execute(connection)?;
    Ok(())
}
