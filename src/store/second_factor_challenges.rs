//! The table `second_factor_challenges`: logins that wait for their second factor, found by the hash of their secret.

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::second_factor::ChallengePurpose;
use crate::domain::session::LoginMethod;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::second_factor_challenges;

/// A row.
#[derive(Insertable, Queryable, Clone, Debug)]
#[diesel(table_name = second_factor_challenges)]
pub struct ChallengeRow {
    /// The hash of the secret.
    pub id_hash: String,
    /// The user type of the account.
    pub user_type: UserType,
    /// The id of the account within its user type.
    pub user_seq: UserSeq,
    /// What begins when the second factor is proved.
    pub purpose: ChallengePurpose,
    /// Whether the account must set a second factor up to continue.
    pub is_set_up: bool,
    /// The method of the first step.
    pub method: LoginMethod,
    /// The number of attempts.
    pub attempts: i64,
    /// The time of the first step.
    pub created_at: Timestamp,
    /// The expiry.
    pub expires_at: Timestamp,
}

impl ChallengeRow {
    /// The account.
    #[must_use]
    pub fn owner(&self) -> Principal {
        Principal::new(self.user_type, self.user_seq)
    }
}

/// Inserts a challenge.
pub fn insert(connection: &mut Db, new: &ChallengeRow) -> Result<(), StoreError> {
    diesel::insert_into(second_factor_challenges::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

/// Finds a challenge that has not expired.
pub fn find(
    connection: &mut Db,
    id_hash: &str,
    now: Timestamp,
) -> Result<Option<ChallengeRow>, StoreError> {
    Ok(second_factor_challenges::table
        .find(id_hash)
        .filter(second_factor_challenges::expires_at.gt(now))
        .get_result(connection)
        .optional()?)
}

/// Uses one of the `max` attempts of a challenge. Returns `true` if this call did it, `false` if no attempt is left, or if it
/// has expired or is unknown.
pub fn take_attempt(
    connection: &mut Db,
    id_hash: &str,
    max: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let open = second_factor_challenges::table
        .find(id_hash)
        .filter(second_factor_challenges::expires_at.gt(now))
        .filter(second_factor_challenges::attempts.lt(max));
    Ok(diesel::update(open)
        .set(second_factor_challenges::attempts.eq(second_factor_challenges::attempts + 1))
        .execute(connection)?
        == 1)
}

/// Ends a challenge. Returns `true` if this call did it.
pub fn delete(connection: &mut Db, id_hash: &str) -> Result<bool, StoreError> {
    let row = second_factor_challenges::table.find(id_hash);
    Ok(diesel::delete(row).execute(connection)? == 1)
}

/// Ends all challenges of an account.
pub fn delete_all(connection: &mut Db, owner: Principal) -> Result<(), StoreError> {
    let of_account = second_factor_challenges::table
        .filter(second_factor_challenges::user_type.eq(owner.user_type))
        .filter(second_factor_challenges::user_seq.eq(owner.user_seq));
    diesel::delete(of_account).execute(connection)?;
    Ok(())
}
