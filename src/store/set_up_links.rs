//! The table `set_up_links`: one-time links that create the first administrator, set the password of one account, or change
//! its e-mail address. Links are found by the hash of their secret.

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
    /// [`FIRST_ADMINISTRATOR`], or one of [`OF_ACCOUNTS`].
    pub purpose: &'static str,
    /// The user type of the account.
    pub user_type: Option<UserType>,
    /// The id of this account within its user type.
    pub user_seq: Option<UserSeq>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The expiry.
    pub expires_at: Timestamp,
    /// The address that it is mailed to, and which its use verifies.
    pub email: Option<String>,
}

/// The purpose of a link that creates the first administrator.
pub const FIRST_ADMINISTRATOR: &str = "first_administrator";
/// The purpose of a link of an administrator that sets a password.
pub const PASSWORD: &str = "password";
/// The purpose of a link that sets a password, requested by someone who has forgotten it.
pub const RESET: &str = "reset";
/// The purpose of a link that changes the e-mail address.
pub const EMAIL: &str = "email";
/// The purposes of links of accounts.
pub const OF_ACCOUNTS: [&str; 3] = [PASSWORD, RESET, EMAIL];
/// The purposes of links that set a password.
pub const SETTING_PASSWORDS: [&str; 2] = [PASSWORD, RESET];

/// A valid link.
#[derive(Queryable, Selectable, Clone)]
#[diesel(table_name = set_up_links)]
pub struct Link {
    user_type: Option<UserType>,
    user_seq: Option<UserSeq>,
    /// The address that it was mailed to.
    pub email: Option<String>,
}

impl Link {
    /// The account; `None` for a link that creates the first administrator.
    #[must_use]
    pub fn owner(&self) -> Option<Principal> {
        let owner = self.user_type.zip(self.user_seq);
        owner.map(|(user_type, user_seq)| Principal::new(user_type, user_seq))
    }
}

/// Inserts a link.
pub fn insert(connection: &mut Db, new: &NewLink) -> Result<(), StoreError> {
    diesel::insert_into(set_up_links::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

/// The hash and the expiry of the valid link that sets the password of an account.
pub fn find_open(
    connection: &mut Db,
    owner: Principal,
    now: Timestamp,
) -> Result<Option<(String, Timestamp)>, StoreError> {
    Ok(set_up_links::table
        .filter(set_up_links::user_type.eq(owner.user_type))
        .filter(set_up_links::user_seq.eq(owner.user_seq))
        .filter(set_up_links::purpose.eq(PASSWORD))
        .filter(set_up_links::used_at.is_null())
        .filter(set_up_links::expires_at.gt(now))
        .order(set_up_links::created_at.desc())
        .select((set_up_links::token_hash, set_up_links::expires_at))
        .first(connection)
        .optional()?)
}

/// Revokes the unused links of an account with these purposes. Returns their number.
pub fn revoke(
    connection: &mut Db,
    owner: Principal,
    purposes: &[&str],
    now: Timestamp,
) -> Result<usize, StoreError> {
    let open = set_up_links::table
        .filter(set_up_links::user_type.eq(owner.user_type))
        .filter(set_up_links::user_seq.eq(owner.user_seq))
        .filter(set_up_links::purpose.eq_any(purposes))
        .filter(set_up_links::used_at.is_null())
        .filter(set_up_links::expires_at.gt(now));
    Ok(diesel::update(open)
        .set(set_up_links::expires_at.eq(now))
        .execute(connection)?)
}

/// Finds a valid link; `None` if it is unknown, used, expired or revoked, or has another purpose.
pub fn find_valid(
    connection: &mut Db,
    token_hash: &str,
    purposes: &[&str],
    now: Timestamp,
) -> Result<Option<Link>, StoreError> {
    Ok(set_up_links::table
        .find(token_hash)
        .filter(set_up_links::purpose.eq_any(purposes))
        .filter(set_up_links::used_at.is_null())
        .filter(set_up_links::expires_at.gt(now))
        .select(Link::as_select())
        .get_result(connection)
        .optional()?)
}

/// Marks a link as used. Returns `true` if this call did it, `false` if the link is not valid.
pub fn mark_used(
    connection: &mut Db,
    token_hash: &str,
    purposes: &[&str],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let valid = set_up_links::table
        .find(token_hash)
        .filter(set_up_links::purpose.eq_any(purposes))
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
