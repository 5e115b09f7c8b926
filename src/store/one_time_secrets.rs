//! Secrets that work once, in several tables: links, one-time codes and second steps of logins.

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::{otp_challenges, second_factor_challenges, set_up_links};

/// Withdraws all that are valid. Returns their number.
pub fn withdraw_all(connection: &mut Db, now: Timestamp) -> Result<usize, StoreError> {
    let links = set_up_links::table
        .filter(set_up_links::used_at.is_null())
        .filter(set_up_links::expires_at.gt(now));
    let links = diesel::update(links)
        .set(set_up_links::expires_at.eq(now))
        .execute(connection)?;
    let codes = otp_challenges::table
        .filter(otp_challenges::used_at.is_null())
        .filter(otp_challenges::expires_at.gt(now));
    let codes = diesel::update(codes)
        .set(otp_challenges::expires_at.eq(now))
        .execute(connection)?;
    let steps =
        second_factor_challenges::table.filter(second_factor_challenges::expires_at.gt(now));
    let steps = diesel::update(steps)
        .set(second_factor_challenges::expires_at.eq(now))
        .execute(connection)?;
    Ok(links + codes + steps)
}
