//! The table `recovery_codes`: hashes of the recovery codes of an account.

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::recovery_codes;

#[derive(Insertable)]
#[diesel(table_name = recovery_codes)]
struct NewRecoveryCode<'a> {
    user_type: UserType,
    user_seq: UserSeq,
    code_hash: &'a str,
    created_at: Timestamp,
}

/// Replaces the codes of an account.
pub fn replace(
    connection: &mut Db,
    owner: Principal,
    hashes: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    delete_all(connection, owner)?;
    for code_hash in hashes {
        diesel::insert_into(recovery_codes::table)
            .values(&NewRecoveryCode {
                user_type: owner.user_type,
                user_seq: owner.user_seq,
                code_hash,
                created_at: now,
            })
            .execute(connection)?;
    }
    Ok(())
}

/// Uses a code. Returns `true` if this call did it, `false` if it was used before or is unknown.
pub fn mark_used(
    connection: &mut Db,
    owner: Principal,
    code_hash: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let unused = recovery_codes::table
        .find((owner.user_type, owner.user_seq, code_hash))
        .filter(recovery_codes::used_at.is_null());
    Ok(diesel::update(unused)
        .set(recovery_codes::used_at.eq(Some(now)))
        .execute(connection)?
        == 1)
}

/// The number of unused codes of an account.
pub fn count_unused(connection: &mut Db, owner: Principal) -> Result<i64, StoreError> {
    Ok(recovery_codes::table
        .filter(recovery_codes::user_type.eq(owner.user_type))
        .filter(recovery_codes::user_seq.eq(owner.user_seq))
        .filter(recovery_codes::used_at.is_null())
        .count()
        .get_result(connection)?)
}

/// Deletes the codes of an account.
pub fn delete_all(connection: &mut Db, owner: Principal) -> Result<(), StoreError> {
    let of_account = recovery_codes::table
        .filter(recovery_codes::user_type.eq(owner.user_type))
        .filter(recovery_codes::user_seq.eq(owner.user_seq));
    diesel::delete(of_account).execute(connection)?;
    Ok(())
}
