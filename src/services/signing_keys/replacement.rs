//! The replacement of all signing keys by a new one, because the master key that they were encrypted under is lost.

use crate::clock::Timestamp;
use crate::config::Algorithm;
use crate::domain::signing_key::KeyState;
use crate::services::signing_keys::sealing::{self, KeysError};
use crate::services::signing_keys::session_job;
use crate::store::signing_keys as table;
use crate::store::{Store, Transaction};
use crate::tokens::{KeyRing, MasterKeys, SigningKey};

/// Replaces all stored keys by a new one. The sessions whose newest refresh token they signed are ended by
/// [`session_job::resume`].
///
/// # Errors
/// Errors of the store.
pub async fn replace_all(
    store: &Store,
    master_keys: &MasterKeys,
    algorithm: Algorithm,
    now: Timestamp,
) -> Result<KeyRing, KeysError> {
    let key = SigningKey::generate(algorithm)?;
    let row = sealing::row(&key, master_keys, KeyState::Active, now)?;
    store
        .write(move |transaction: &mut Transaction<'_>| {
            let old = table::list(transaction)?;
            table::delete_all(transaction)?;
            // The job of a revoked key was inserted when it was revoked.
            for old in old.iter().filter(|old| old.state != KeyState::Revoked) {
                session_job::insert_waiting(transaction, &old.kid, now)?;
            }
            table::insert(transaction, &row)
        })
        .await?;
    Ok(key.into())
}
