//! The table `otp_deliveries`: the results of sending one-time codes.

use std::time::Duration;

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::principal::UserSeq;
use crate::store::engine::connection::Db;
use crate::store::engine::insert::OrIgnoreExt;
use crate::store::error::StoreError;
use crate::store::schema::otp_deliveries;

/// How long a row is kept.
pub const RETENTION: Duration = Duration::from_hours(24 * 30);

/// A row, as it is inserted and read.
#[derive(Insertable, Queryable, Selectable, Clone, Debug)]
#[diesel(table_name = otp_deliveries)]
pub struct OtpDeliveryRow {
    /// The id of the challenge. Each code is sent once.
    pub id: String,
    /// The id of the client.
    pub user_seq: UserSeq,
    /// The delivery channel.
    pub channel: String,
    /// The masked recipient.
    pub recipient: Option<String>,
    /// `sent` or `failed`.
    pub outcome: String,
    /// Why sending failed.
    pub reason: Option<String>,
    /// The time of the result.
    pub delivered_at: Timestamp,
    /// When the row can be deleted.
    pub expires_at: Timestamp,
}

impl OtpDeliveryRow {
    /// The `outcome` of a code that was sent.
    pub const SENT: &str = "sent";

    /// Whether the code was sent.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        self.outcome == Self::SENT
    }
}

/// Inserts a row, unless there is one for the same challenge.
pub fn insert(connection: &mut Db, new: &OtpDeliveryRow) -> Result<(), StoreError> {
    // A transaction can run again after a deadlock or a lost response.
    diesel::insert_into(otp_deliveries::table)
        .values(new)
        .or_ignore()
        .execute(connection)?;
    Ok(())
}

/// The newest rows of a client.
pub fn list(
    connection: &mut Db,
    user_seq: UserSeq,
    limit: i64,
) -> Result<Vec<OtpDeliveryRow>, StoreError> {
    Ok(otp_deliveries::table
        .filter(otp_deliveries::user_seq.eq(user_seq))
        .order((
            otp_deliveries::delivered_at.desc(),
            otp_deliveries::id.desc(),
        ))
        .limit(limit)
        .load(connection)?)
}

/// The newest rows of codes that could not be sent since this time.
pub fn list_failed(
    connection: &mut Db,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<OtpDeliveryRow>, StoreError> {
    // Rows expire a fixed time after the result, so that the index of expiries finds the latest ones.
    let expires_after = since + RETENTION;
    Ok(otp_deliveries::table
        .filter(otp_deliveries::expires_at.gt(expires_after))
        .filter(otp_deliveries::outcome.ne(OtpDeliveryRow::SENT))
        .order((otp_deliveries::expires_at.desc(), otp_deliveries::id.desc()))
        .limit(limit)
        .load(connection)?)
}
