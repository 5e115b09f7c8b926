//! The keys of the servers in the test process.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

use munjigi::{
    clock::Timestamp,
    config::{Algorithm, Config, KeyKind},
    services::{
        bootstrap::Keys,
        signing_keys::{
            replacement::replace_all,
            ring::{check_master_key, from_files, load_or_create},
            sealing::KeysError,
        },
    },
    store::Store,
    tokens::{DjangoKey, MasterKey, MasterKeys, SigningKey},
};

use super::SIGNING_KEY;

/// The key pairs of this process, so that all instances use the same, and an RSA key is generated once.
static PAIRS: LazyLock<Mutex<HashMap<Algorithm, SigningKey>>> = LazyLock::new(Mutex::default);

/// The known secret, or the key pair of the algorithm.
pub fn signing_key(algorithm: Algorithm) -> SigningKey {
    if algorithm.kind() != KeyKind::Secret {
        return key_pair(algorithm);
    }
    SigningKey::from_private_bytes(algorithm, SIGNING_KEY.as_bytes()).unwrap()
}

/// The key pair of this process for the algorithm.
pub fn key_pair(algorithm: Algorithm) -> SigningKey {
    let mut pairs = PAIRS.lock().unwrap();
    let pair = pairs
        .entry(algorithm)
        .or_insert_with(|| SigningKey::generate(algorithm).unwrap());
    pair.clone()
}

/// The master keys of the settings.
pub fn master_keys(config: &Config) -> MasterKeys {
    let of_text = |key: &munjigi::config::Secret| MasterKey::from_bytes(key.reveal().as_bytes());
    MasterKeys {
        present: config.server.master_key.as_ref().map(of_text).unwrap(),
        others: config
            .server
            .previous_master_keys
            .iter()
            .map(of_text)
            .collect(),
    }
}

/// The keys of a server, as at its start. The first signing key of a database is [`signing_key`].
pub async fn keys(config: &Config, store: &Store, now: Timestamp) -> Keys {
    let (master, algorithm) = (master_keys(config), config.tokens.algorithm);
    let django = config.django.secret_key.as_ref();
    let django = django.map(|key| DjangoKey::new(&config.django, key.reveal().as_bytes()));
    if let Err(error) = check_master_key(store, &master).await {
        assert!(
            matches!(error, KeysError::AnotherMasterKey { .. }),
            "{error}"
        );
        // As with `munjigi serve --new-key`.
        let ring = replace_all(store, &master, algorithm, now).await.unwrap();
        return Keys {
            master,
            ring,
            django,
        };
    }
    let files = from_files(&config.tokens.keys, algorithm).unwrap();
    let ring = match files {
        Some(files) => files,
        None => load_or_create(store, &master, || Ok(signing_key(algorithm)), now)
            .await
            .unwrap(),
    };
    Keys {
        master,
        ring,
        django,
    }
}
