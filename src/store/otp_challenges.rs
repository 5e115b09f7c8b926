//! The table `otp_challenges`: keyed hashes of one-time codes, and the number of attempts.

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::principal::UserSeq;
use crate::domain::session::ChallengeId;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::{client_users, otp_challenges};

/// A row to insert.
#[derive(Insertable, Clone)]
#[diesel(table_name = otp_challenges)]
pub struct NewChallenge {
    /// The id.
    pub id: ChallengeId,
    /// The id of the client.
    pub user_seq: UserSeq,
    /// The known device or the network that requested the code.
    pub requested_by: String,
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
    /// The id of the client.
    pub user_seq: UserSeq,
    /// The keyed hash of the valid code.
    pub code_hash: String,
}

/// Inserts a challenge. Of the client's open challenges with the same requester the newest `kept` stay valid, including
/// this one.
pub fn insert(connection: &mut Db, new: &NewChallenge, kept: i64) -> Result<(), StoreError> {
    let older: Vec<ChallengeId> = otp_challenges::table
        .filter(otp_challenges::user_seq.eq(new.user_seq))
        .filter(otp_challenges::requested_by.eq(&new.requested_by))
        .filter(otp_challenges::used_at.is_null())
        .filter(otp_challenges::expires_at.gt(new.created_at))
        .order((otp_challenges::created_at.desc(), otp_challenges::id.desc()))
        .select(otp_challenges::id)
        .load(connection)?;
    let surplus = older
        .into_iter()
        .skip(usize::try_from(kept - 1).unwrap_or(0));
    for id in surplus {
        diesel::update(otp_challenges::table.find(id))
            .set(otp_challenges::expires_at.eq(new.created_at))
            .execute(connection)?;
    }
    diesel::insert_into(otp_challenges::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

/// Ends the open challenges of a client.
pub fn end_all(connection: &mut Db, user_seq: UserSeq, now: Timestamp) -> Result<(), StoreError> {
    let open = otp_challenges::table
        .filter(otp_challenges::user_seq.eq(user_seq))
        .filter(otp_challenges::used_at.is_null())
        .filter(otp_challenges::expires_at.gt(now));
    diesel::update(open)
        .set(otp_challenges::expires_at.eq(now))
        .execute(connection)?;
    Ok(())
}

/// The client of a challenge, whatever the state of both, and its normalised username.
pub fn find_client(
    connection: &mut Db,
    id: &ChallengeId,
) -> Result<Option<(UserSeq, String)>, StoreError> {
    Ok(otp_challenges::table
        .inner_join(client_users::table.on(client_users::id.eq(otp_challenges::user_seq)))
        .filter(otp_challenges::id.eq(id))
        .select((client_users::id, client_users::username_normalized))
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
        .returning((otp_challenges::user_seq, otp_challenges::code_hash))
        .get_result(connection)
        .optional()?)
}

/// Marks a challenge as used, and ends the client's other ones. Returns `true` if this call did it.
pub fn mark_used(
    connection: &mut Db,
    id: &ChallengeId,
    user_seq: UserSeq,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let open = otp_challenges::table
        .find(id)
        .filter(otp_challenges::used_at.is_null());
    let is_used = diesel::update(open)
        .set(otp_challenges::used_at.eq(Some(now)))
        .execute(connection)?
        == 1;
    if is_used {
        end_all(connection, user_seq, now)?;
    }
    Ok(is_used)
}

/// What became of a challenge.
#[derive(Queryable, Clone, Debug)]
pub struct ChallengeState {
    /// The id.
    pub id: ChallengeId,
    /// The number of attempts.
    pub attempts: i64,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The expiry of the code, or the time when it was withdrawn.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

/// The newest challenge of a client that is not deleted yet.
pub fn find_newest(
    connection: &mut Db,
    user_seq: UserSeq,
) -> Result<Option<ChallengeState>, StoreError> {
    Ok(otp_challenges::table
        .filter(otp_challenges::user_seq.eq(user_seq))
        .order((otp_challenges::created_at.desc(), otp_challenges::id.desc()))
        .select((
            otp_challenges::id,
            otp_challenges::attempts,
            otp_challenges::created_at,
            otp_challenges::expires_at,
            otp_challenges::used_at,
        ))
        .first(connection)
        .optional()?)
}
