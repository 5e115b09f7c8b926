//! The table of one-time codes' challenges: keyed hashes of codes, and how often each was tried.

use diesel::prelude::*;

use crate::{
    clock::Timestamp,
    domain::{principal::UserSeq, session::ChallengeId},
    store::{engine::connection::Db, error::StoreError, schema::otp_challenges},
};

/// What a new row is made of.
#[derive(Insertable, Clone)]
#[diesel(table_name = otp_challenges)]
pub struct NewChallenge {
    /// Its id.
    pub id: ChallengeId,
    /// The username that was typed, normalised, whether it exists or not.
    pub username_normalized: String,
    /// Whose code it is; none where no such client exists, and then no code is right.
    pub user_seq: Option<UserSeq>,
    /// The keyed hash of the code.
    pub code_hash: String,
    /// How often a code was tried: 0.
    pub attempts: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when its code is good.
    pub expires_at: Timestamp,
}

/// What one try at a challenge is compared with.
#[derive(Queryable, Clone)]
pub struct Attempt {
    /// The username that was typed when it was made, normalised.
    pub username_normalized: String,
    /// Whose code it is.
    pub user_seq: Option<UserSeq>,
    /// The keyed hash of the right code.
    pub code_hash: String,
}

/// Books a challenge.
pub fn insert(connection: &mut Db, new: &NewChallenge) -> Result<(), StoreError> {
    diesel::insert_into(otp_challenges::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

/// Ends the challenges that were made for a username before: only the newest code is good.
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

/// The name that a challenge was made for, whatever has become of it.
pub fn find_username(connection: &mut Db, id: &ChallengeId) -> Result<Option<String>, StoreError> {
    Ok(otp_challenges::table
        .find(id)
        .select(otp_challenges::username_normalized)
        .get_result(connection)
        .optional()?)
}

/// Takes one of a challenge's `max` tries; `None` when there is none left, or it was used, has expired, or is unknown.
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

/// Uses a challenge up; whether it was I.
pub fn use_up(connection: &mut Db, id: &ChallengeId, now: Timestamp) -> Result<bool, StoreError> {
    let open = otp_challenges::table
        .find(id)
        .filter(otp_challenges::used_at.is_null());
    Ok(diesel::update(open)
        .set(otp_challenges::used_at.eq(Some(now)))
        .execute(connection)?
        == 1)
}
