//! The table `otp_challenges`: keyed hashes of one-time codes, and the number of attempts.

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::principal::UserSeq;
use crate::domain::session::ChallengeId;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::otp_challenges;

/// A row to insert.
#[derive(Insertable, Clone)]
#[diesel(table_name = otp_challenges)]
pub struct NewChallenge {
    /// The id.
    pub id: ChallengeId,
    /// The normalised username as requested, whether or not it exists.
    pub username_normalized: String,
    /// The id of the client; `None` if the client does not exist, and then no code is valid.
    pub user_seq: Option<UserSeq>,
    /// The keyed hash of the code.
    pub code_hash: String,
    /// The number of attempts: 0.
    pub attempts: i64,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The expiry of the code.
    pub expires_at: Timestamp,
}

/// The data that one attempt is compared with.
#[derive(Queryable, Clone)]
pub struct Attempt {
    /// The normalised username as requested.
    pub username_normalized: String,
    /// The id of the client.
    pub user_seq: Option<UserSeq>,
    /// The keyed hash of the valid code.
    pub code_hash: String,
}

/// Inserts a challenge.
pub fn insert(connection: &mut Db, new: &NewChallenge) -> Result<(), StoreError> {
    diesel::insert_into(otp_challenges::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

/// Expires the earlier challenges of a username: only the newest code is valid.
pub fn supersede(
    connection: &mut Db,
    username_normalized: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let older = otp_challenges::table
        .filter(otp_challenges::username_normalized.eq(username_normalized))
        .filter(otp_challenges::used_at.is_null())
        .filter(otp_challenges::expires_at.gt(now));
    diesel::update(older)
        .set(otp_challenges::expires_at.eq(now))
        .execute(connection)?;
    Ok(())
}

/// The username of a challenge, whatever its state.
pub fn find_username(connection: &mut Db, id: &ChallengeId) -> Result<Option<String>, StoreError> {
    Ok(otp_challenges::table
        .find(id)
        .select(otp_challenges::username_normalized)
        .get_result(connection)
        .optional()?)
}

/// Uses one of the `max` attempts of a challenge. `None` if no attempt is left, or if it was used, has expired or is
/// unknown.
pub fn take_attempt(
    connection: &mut Db,
    id: &ChallengeId,
    max: i64,
    now: Timestamp,
) -> Result<Option<Attempt>, StoreError> {
    let open = otp_challenges::table
        .find(id)
        .filter(otp_challenges::used_at.is_null())
        .filter(otp_challenges::expires_at.gt(now))
        .filter(otp_challenges::attempts.lt(max));
    Ok(diesel::update(open)
        .set(otp_challenges::attempts.eq(otp_challenges::attempts + 1))
        .returning((
            otp_challenges::username_normalized,
            otp_challenges::user_seq,
            otp_challenges::code_hash,
        ))
        .get_result(connection)
        .optional()?)
}

/// Marks a challenge as used. Returns `true` if this call did it.
pub fn mark_used(
    connection: &mut Db,
    id: &ChallengeId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let open = otp_challenges::table
        .find(id)
        .filter(otp_challenges::used_at.is_null());
    Ok(diesel::update(open)
        .set(otp_challenges::used_at.eq(Some(now)))
        .execute(connection)?
        == 1)
}
