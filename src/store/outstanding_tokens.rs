//! The table of refresh tokens that were issued and have not expired: booked by their id, never by their text.

use diesel::prelude::*;

use super::{Db, error::StoreError, schema::outstanding_tokens};
use crate::{
    clock::Timestamp,
    domain::{
        principal::{UserSeq, UserType},
        session::{Jti, SessionId},
    },
};

/// What a new row is made of.
#[derive(Insertable, Clone)]
#[diesel(table_name = outstanding_tokens)]
pub struct NewOutstandingToken {
    /// The token's id.
    pub jti: Jti,
    /// The session it belongs to.
    pub session_id: SessionId,
    /// Whose it is: the population …
    pub user_type: UserType,
    /// … and the number in it.
    pub user_seq: UserSeq,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Books a token.
pub fn insert(connection: &mut Db, new: &NewOutstandingToken) -> Result<(), StoreError> {
    diesel::insert_into(outstanding_tokens::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}
