//! The table of what became of the one-time codes that were sent.

use diesel::prelude::*;

use crate::{
    clock::Timestamp,
    domain::principal::UserSeq,
    store::{engine::connection::Db, error::StoreError, schema::otp_deliveries},
};

/// A row, as it is inserted and read.
#[derive(Insertable, Queryable, Selectable, Clone, Debug)]
#[diesel(table_name = otp_deliveries)]
pub struct OtpDeliveryRow {
    /// The challenge that the code answers: it is delivered once.
    pub id: String,
    /// For which client.
    pub user_seq: UserSeq,
    /// By which way.
    pub channel: String,
    /// To whom, masked.
    pub recipient: Option<String>,
    /// `sent` or `failed`.
    pub outcome: String,
    /// Why it was not sent.
    pub reason: Option<String>,
    /// When that was known.
    pub delivered_at: Timestamp,
    /// Until when the row is kept.
    pub expires_at: Timestamp,
}

/// Adds a row; one of the same challenge stays as it is.
pub fn insert(connection: &mut Db, new: &OtpDeliveryRow) -> Result<(), StoreError> {
    // A writing that is done again after a deadlock, or after an answer that was lost, must not trip over itself.
    match connection {
        Db::Postgres(postgres) => diesel::insert_into(otp_deliveries::table)
            .values(new)
            .on_conflict_do_nothing()
            .execute(postgres)?,
        Db::Sqlite(sqlite) => diesel::insert_into(otp_deliveries::table)
            .values(new)
            .on_conflict_do_nothing()
            .execute(sqlite)?,
    };
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
