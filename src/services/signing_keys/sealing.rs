//! Signing keys as rows: the private part is encrypted under the master key, with the purpose, the algorithm and the key id
//! as associated data.

use crate::clock::Timestamp;
use crate::config::Algorithm;
use crate::domain::signing_key::KeyState;
use crate::store::StoreError;
use crate::store::signing_keys::SigningKeyRow;
use crate::tokens::{KeyDefect, KeyError, MasterKeyError, MasterKeys, SigningKey};

/// The purpose of the key that they are encrypted under.
const PURPOSE: &[u8] = b"sealing of signing keys";

/// Why the signing keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The keys are encrypted under a master key that this server does not know.
    #[error(
        "this database belongs to the master key {ring}, under which its signing keys are encrypted, but this server has {own}. \
         Nothing was changed. Give it the master key of the other instances; if {own} is to replace {ring}, name the old \
         key in server.previous_master_key_files and run `munjigi keys rewrap`; if {ring} is lost, \
         `munjigi serve --new-key` makes new signing keys, and everyone has to log in again"
    )]
    AnotherMasterKey {
        /// The id of the key that they are encrypted under.
        ring: String,
        /// The id of the server's key.
        own: String,
    },
    /// A row was changed by something else than munjigi.
    #[error(
        "the signing key {0} cannot be decrypted, although its master key is known: its row was changed"
    )]
    Damaged(String),
    /// No key signs.
    #[error("no signing key is active: `munjigi serve` makes one at the first start")]
    NoActiveKey,
    /// Two of the files in `tokens.keys` hold the same key.
    #[error("tokens.keys: two files hold the key {0}")]
    Duplicate(String),
    /// A file in `tokens.keys` cannot be used.
    #[error("tokens.keys: {0}")]
    File(#[from] KeyError),
    /// No key can be made.
    #[error("a signing key {0}")]
    Generation(#[from] KeyDefect),
    /// The key cannot be encrypted.
    #[error(transparent)]
    Sealing(#[from] MasterKeyError),
    /// An error of the store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn context(algorithm: &str, kid: &str) -> String {
    format!("signing key\n{algorithm}\n{kid}")
}

/// The row of a new key.
///
/// # Errors
/// [`KeysError::Sealing`].
pub(crate) fn row(
    key: &SigningKey,
    master_keys: &MasterKeys,
    state: KeyState,
    now: Timestamp,
) -> Result<SigningKeyRow, KeysError> {
    let (kid, algorithm) = (key.id(), key.algorithm().as_str());
    let public_jwk = key
        .public_jwk()
        .map(|jwk| serde_json::Value::from(jwk.clone()).to_string());
    Ok(SigningKeyRow {
        private_key: master_keys.present.seal(
            PURPOSE,
            &context(algorithm, kid),
            key.private_bytes(),
        )?,
        master_key_id: master_keys.present.id().to_owned(),
        kid: kid.to_owned(),
        algorithm: algorithm.to_owned(),
        state,
        public_jwk,
        created_at: now,
        published_at: now,
        activated_at: (state == KeyState::Active).then_some(now),
        retired_at: None,
        revoked_at: None,
        expires_at: None,
    })
}

/// Decrypts a key.
///
/// # Errors
/// [`KeysError::AnotherMasterKey`] and [`KeysError::Damaged`].
pub(crate) fn open(row: &SigningKeyRow, master_keys: &MasterKeys) -> Result<SigningKey, KeysError> {
    let Some(master_key) = master_keys.find(&row.master_key_id) else {
        return Err(KeysError::AnotherMasterKey {
            ring: row.master_key_id.clone(),
            own: master_keys.present.id().to_owned(),
        });
    };
    let context = context(&row.algorithm, &row.kid);
    let opened = master_key.open(PURPOSE, &context, &row.private_key);
    opened
        .ok()
        .zip(Algorithm::from_word(&row.algorithm))
        .and_then(|(private, algorithm)| SigningKey::from_private_bytes(algorithm, &private).ok())
        .filter(|key| key.id() == row.kid)
        .ok_or_else(|| KeysError::Damaged(row.kid.clone()))
}
