//! The keys that this process signs and verifies with: read at the start, and replaced when they change in the database.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use crate::clock::Timestamp;
use crate::config::Algorithm;
use crate::domain::signing_key::KeyState;
use crate::services::mutex::lock;
use crate::services::signing_keys::sealing::{self, KeysError};
use crate::store::audit_chain_links::find_chain;
use crate::store::signing_keys::{self as table, SigningKeyRow};
use crate::store::{Store, StoreError};
use crate::tokens::{KeyRing, MasterKeys, SigningKey, Tokens};

/// Follows the keys in the database.
pub struct KeyFollower {
    master_keys: MasterKeys,
    tokens: Arc<Tokens>,
    /// The decrypted keys by their ids.
    opened: Mutex<HashMap<String, SigningKey>>,
}

impl KeyFollower {
    /// A follower that replaces the keys of `tokens`.
    #[must_use]
    pub fn new(master_keys: MasterKeys, tokens: Arc<Tokens>) -> Self {
        Self {
            master_keys,
            tokens,
            opened: Mutex::default(),
        }
    }

    /// Replaces the keys by these. A key that cannot be decrypted is left out, and the reason is logged; if it is the active
    /// one, the present key signs on, unless it was revoked.
    pub fn apply(&self, rows: &[SigningKeyRow]) {
        if !self.tokens.settings().keys.is_empty() {
            return;
        }
        let usable = || rows.iter().filter(|row| row.state != KeyState::Revoked);
        let mut opened = lock(&self.opened);
        opened.retain(|kid, _| usable().any(|row| row.kid == *kid));
        for row in usable() {
            if opened.contains_key(&row.kid) {
                continue;
            }
            match sealing::open(row, &self.master_keys) {
                Ok(key) => drop(opened.insert(row.kid.clone(), key)),
                Err(error) => tracing::error!(%error, "a signing key cannot be used"),
            }
        }
        let active = usable().find(|row| row.state == KeyState::Active);
        let active = active.and_then(|row| opened.get(&row.kid));
        let present = self.tokens.key();
        let Some(active) = active.or_else(|| opened.get(present.id())) else {
            tracing::error!("no signing key can be used: the present ones stay in use");
            return;
        };
        // In the order of the rows, so that all instances publish the same document.
        let keys = usable().filter_map(|row| opened.get(&row.kid));
        self.tokens.set_keys(ring(active, keys));
    }
}

fn ring<'a>(active: &SigningKey, keys: impl Iterator<Item = &'a SigningKey>) -> KeyRing {
    let others = keys.filter(|key| key.id() != active.id());
    KeyRing::new(
        active.clone(),
        others.map(|key| key.verifying_key().clone()),
    )
}

/// The ring of stored keys; `None` if there are none.
///
/// # Errors
/// [`KeysError::AnotherMasterKey`], [`KeysError::Damaged`] and [`KeysError::NoActiveKey`].
pub fn load(
    rows: &[SigningKeyRow],
    master_keys: &MasterKeys,
) -> Result<Option<KeyRing>, KeysError> {
    let mut opened = Vec::new();
    let mut active = None;
    for row in rows.iter().filter(|row| row.state != KeyState::Revoked) {
        let key = sealing::open(row, master_keys)?;
        if row.state == KeyState::Active {
            active = Some(key.clone());
        }
        opened.push(key);
    }
    match active {
        Some(active) => Ok(Some(ring(&active, opened.iter()))),
        None if rows.is_empty() => Ok(None),
        None => Err(KeysError::NoActiveKey),
    }
}

/// Checks that the database belongs to a known master key: that its signing keys are encrypted under one, or, without signing
/// keys, that the audit log was written with one.
///
/// # Errors
/// [`KeysError::AnotherMasterKey`], and errors of the store.
pub async fn check_master_key(store: &Store, master_keys: &MasterKeys) -> Result<(), KeysError> {
    let (rows, chain) = store
        .read(|connection| Ok::<_, StoreError>((table::list(connection)?, find_chain(connection)?)))
        .await?;
    let rows = rows.iter().filter(|row| row.state != KeyState::Revoked);
    let mut ids: Vec<&str> = rows.map(|row| row.master_key_id.as_str()).collect();
    if ids.is_empty() {
        ids.extend(
            chain
                .iter()
                .filter_map(|ends| ends.mac.split_once('.'))
                .map(|(id, _)| id),
        );
    }
    match ids.into_iter().find(|id| master_keys.find(id).is_none()) {
        None => Ok(()),
        Some(id) => Err(KeysError::AnotherMasterKey {
            ring: id.to_owned(),
            own: master_keys.present.id().to_owned(),
        }),
    }
}

/// The ring of stored keys. If there are none, `first` becomes the active one.
///
/// # Errors
/// As [`load`], and errors of the store.
pub async fn load_or_create(
    store: &Store,
    master_keys: &MasterKeys,
    first: impl FnOnce() -> Result<SigningKey, KeysError>,
    now: Timestamp,
) -> Result<KeyRing, KeysError> {
    let rows = store.read(table::list).await?;
    if let Some(ring) = load(&rows, master_keys)? {
        return Ok(ring);
    }
    let key = first()?;
    let row = sealing::row(&key, master_keys, KeyState::Active, now)?;
    let inserted = store
        .write(move |transaction| table::insert(transaction, &row))
        .await;
    match inserted {
        Ok(()) => Ok(key.into()),
        // Another instance has made the first key meanwhile.
        Err(StoreError::Conflict { .. }) => {
            let rows = store.read(table::list).await?;
            load(&rows, master_keys)?.ok_or(KeysError::NoActiveKey)
        }
        Err(error) => Err(error.into()),
    }
}

/// The ring of the files in `tokens.keys`.
///
/// # Errors
/// [`KeysError::File`] and [`KeysError::Duplicate`].
pub fn from_files(files: &[PathBuf], preferred: Algorithm) -> Result<Option<KeyRing>, KeysError> {
    let mut keys = Vec::<SigningKey>::new();
    for file in files {
        let key = SigningKey::from_file(file, preferred)?;
        if keys.iter().any(|known| known.id() == key.id()) {
            return Err(KeysError::Duplicate(key.id().to_owned()));
        }
        keys.push(key);
    }
    Ok(keys.first().map(|active| ring(active, keys.iter())))
}
