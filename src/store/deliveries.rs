//! The table `deliveries`: the codes, links and notices that were sent to accounts.

use std::time::Duration;

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::delivery::{DeliveryKind, DeliveryState};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::store::engine::connection::Db;
use crate::store::engine::insert::OrIgnoreExt;
use crate::store::error::StoreError;
use crate::store::schema::deliveries;

/// How long a row is kept.
pub const RETENTION: Duration = Duration::from_hours(24 * 30);

/// A row, as it is inserted and read.
#[derive(Insertable, Queryable, Selectable, Clone, Debug)]
#[diesel(table_name = deliveries)]
pub struct DeliveryRow {
    /// The id of the challenge, the hash of the link, or an id of its own.
    pub id: String,
    /// The kind of message.
    pub kind: DeliveryKind,
    /// The user type of the account.
    pub user_type: UserType,
    /// The id of the account within its user type.
    pub user_seq: UserSeq,
    /// The delivery channel.
    pub channel: String,
    /// The masked recipient.
    pub recipient: Option<String>,
    /// What became of it.
    pub state: DeliveryState,
    /// Why it was not sent.
    pub reason: Option<String>,
    /// How often sending was attempted.
    pub attempts: i64,
    /// The time it was queued.
    pub created_at: Timestamp,
    /// While it is queued: the last sign that its instance is running.
    pub heartbeat_at: Timestamp,
    /// The time it was sent or failed.
    pub finished_at: Option<Timestamp>,
    /// When the row can be deleted.
    pub expires_at: Timestamp,
}

impl DeliveryRow {
    /// The account.
    #[must_use]
    pub fn owner(&self) -> Principal {
        Principal::new(self.user_type, self.user_seq)
    }
}

/// Inserts a row, unless there is one with this id. Returns whether this call inserted it.
pub fn insert(connection: &mut Db, new: &DeliveryRow) -> Result<bool, StoreError> {
    // A transaction can run again after a deadlock or a lost response.
    Ok(diesel::insert_into(deliveries::table)
        .values(new)
        .or_ignore()
        .execute(connection)?
        == 1)
}

/// Stores the result of a message. A result replaces the assumption that the message was lost.
pub fn finish(connection: &mut Db, row: &DeliveryRow) -> Result<(), StoreError> {
    diesel::update(deliveries::table.find(&row.id))
        .set((
            deliveries::state.eq(row.state),
            deliveries::reason.eq(&row.reason),
            deliveries::attempts.eq(row.attempts),
            deliveries::finished_at.eq(row.finished_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// Records that the instance of these messages is running.
pub fn touch(connection: &mut Db, ids: &[String], now: Timestamp) -> Result<(), StoreError> {
    diesel::update(deliveries::table.filter(deliveries::id.eq_any(ids)))
        .filter(deliveries::state.eq(DeliveryState::Queued))
        .set(deliveries::heartbeat_at.eq(now))
        .execute(connection)?;
    Ok(())
}

/// Queued messages without a heartbeat since `before`.
pub fn list_lost(
    connection: &mut Db,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<DeliveryRow>, StoreError> {
    Ok(deliveries::table
        .filter(deliveries::state.eq(DeliveryState::Queued))
        .filter(deliveries::heartbeat_at.lt(before))
        .order(deliveries::heartbeat_at)
        .limit(limit)
        .load(connection)?)
}

/// Marks a message that is still queued, without a heartbeat since `before`, as failed. Returns whether this call did it.
pub fn fail_lost(
    connection: &mut Db,
    id: &str,
    before: Timestamp,
    reason: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let lost = deliveries::table
        .find(id)
        .filter(deliveries::state.eq(DeliveryState::Queued))
        .filter(deliveries::heartbeat_at.lt(before));
    Ok(diesel::update(lost)
        .set((
            deliveries::state.eq(DeliveryState::Failed),
            deliveries::reason.eq(Some(reason)),
            deliveries::finished_at.eq(Some(now)),
        ))
        .execute(connection)?
        == 1)
}

/// The newest messages to an account.
pub fn list(
    connection: &mut Db,
    owner: Principal,
    limit: i64,
) -> Result<Vec<DeliveryRow>, StoreError> {
    Ok(deliveries::table
        .filter(deliveries::user_type.eq(owner.user_type))
        .filter(deliveries::user_seq.eq(owner.user_seq))
        .order((deliveries::created_at.desc(), deliveries::id.desc()))
        .limit(limit)
        .load(connection)?)
}

/// A message by its id.
pub fn find(connection: &mut Db, id: &str) -> Result<Option<DeliveryRow>, StoreError> {
    Ok(deliveries::table.find(id).first(connection).optional()?)
}

/// The newest messages since this time that were not sent.
pub fn list_failed(
    connection: &mut Db,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<DeliveryRow>, StoreError> {
    // Rows expire a fixed time after they were created, so that the index of expiries finds the latest ones.
    Ok(deliveries::table
        .filter(deliveries::expires_at.gt(since + RETENTION))
        .filter(deliveries::state.eq(DeliveryState::Failed))
        .order((deliveries::expires_at.desc(), deliveries::id.desc()))
        .limit(limit)
        .load(connection)?)
}

/// Counts the messages since this time that were not sent, up to `limit`.
pub fn count_failed(connection: &mut Db, since: Timestamp, limit: i64) -> Result<i64, StoreError> {
    let failed = deliveries::table
        .filter(deliveries::expires_at.gt(since + RETENTION))
        .filter(deliveries::state.eq(DeliveryState::Failed))
        .limit(limit)
        .select(deliveries::id)
        .load::<String>(connection)?;
    Ok(i64::try_from(failed.len()).unwrap_or(limit))
}
