//! The signing keys as operators see them.

use std::collections::HashMap;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::signing_key::KeyState;
use crate::services::error::Error;
use crate::store::Store;
use crate::store::signing_keys::{self as table, SigningKeyRow};

/// A key without its private part.
#[derive(Clone, Debug, Serialize)]
pub struct KeyInfo {
    /// The key id.
    pub kid: String,
    /// The only algorithm of the key.
    pub algorithm: String,
    /// Its state.
    pub state: KeyState,
    /// How many live sessions have a refresh token that it signed.
    pub sessions: i64,
    /// How many accounts they belong to.
    #[serde(skip)]
    pub accounts: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was published.
    pub published_at: Timestamp,
    /// When it began to sign.
    pub activated_at: Option<Timestamp>,
    /// When it stopped signing.
    pub retired_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When the last token that it signed has expired.
    pub expires_at: Option<Timestamp>,
    /// The id of the master key that it is encrypted under.
    pub master_key_id: String,
}

impl KeyInfo {
    fn new(row: SigningKeyRow, (sessions, accounts): (i64, i64)) -> Self {
        Self {
            kid: row.kid,
            algorithm: row.algorithm,
            state: row.state,
            sessions,
            accounts,
            created_at: row.created_at,
            published_at: row.published_at,
            activated_at: row.activated_at,
            retired_at: row.retired_at,
            revoked_at: row.revoked_at,
            expires_at: row.expires_at,
            master_key_id: row.master_key_id,
        }
    }
}

/// All keys in the database, oldest first.
///
/// # Errors
/// Errors of the store.
pub async fn list(store: &Store, now: Timestamp) -> Result<Vec<KeyInfo>, Error> {
    let (rows, counts) = store
        .read_list(move |connection| {
            let rows = table::list(connection)?;
            Ok::<_, Error>((rows, table::count_sessions(connection, now)?))
        })
        .await?;
    let counts: HashMap<String, (i64, i64)> = counts
        .into_iter()
        .map(|count| (count.kid, (count.sessions, count.accounts)))
        .collect();
    let infos = rows.into_iter().map(|row| {
        let count = counts.get(&row.kid).copied().unwrap_or_default();
        KeyInfo::new(row, count)
    });
    Ok(infos.collect())
}
