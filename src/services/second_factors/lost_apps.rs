//! Authenticator apps whose secret no known master key opens, because the key is lost. Their codes are refused: the owner logs in
//! with a recovery code or a passkey, or an administrator removes the second factor, and then the owner sets the app up again.

use crate::domain::principal::Principal;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::second_factors::totp::Secret;
use crate::store::{Db, StoreError, totp_factors};
use crate::tokens::MasterKeys;

/// The number of such apps among the first `bound`, or among all.
pub(crate) fn count(
    connection: &mut Db,
    keys: &MasterKeys,
    bound: Option<i64>,
) -> Result<usize, StoreError> {
    let confirmed = totp_factors::list_confirmed(connection, bound)?;
    let is_lost = |row: &totp_factors::TotpFactorRow| {
        let owner = Principal::new(row.user_type, row.user_seq);
        Secret::open(keys, owner, &row.sealed_secret).is_none()
    };
    Ok(confirmed.iter().filter(|row| is_lost(row)).count())
}

/// The number of such apps.
///
/// # Errors
/// The store's.
pub async fn count_all(services: &Services) -> Result<usize, Error> {
    let keys = services.master_keys.clone();
    let counted = services
        .store
        .read_list(move |connection| count(connection, &keys, None))
        .await?;
    Ok(counted)
}
