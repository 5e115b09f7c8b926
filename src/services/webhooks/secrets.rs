//! The secrets of endpoints, which sign the events. They are encrypted under a key that is derived from the master key,
//! with the name of the endpoint as associated data.

use aws_lc_rs::rand;
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::clock::Timestamp;
use crate::services::error::Error;
use crate::store::webhook_endpoints::{EndpointRow, Secrets};
use crate::tokens::MasterKeys;

/// The purpose of the key that secrets are encrypted under.
const PURPOSE: &[u8] = b"sealing of webhook secrets";
/// The bytes of a secret: the length of a SHA-256.
const SECRET_BYTES: usize = 32;

/// A secret. It has no `Debug`.
#[derive(Clone)]
pub(super) struct WebhookSecret(Vec<u8>);

impl WebhookSecret {
    /// A new secret from the system's random generator.
    pub(super) fn generate() -> Result<Self, Error> {
        let mut bytes = vec![0; SECRET_BYTES];
        rand::fill(&mut bytes)
            .map_err(|_| Error::Internal("the system's random generator failed".into()))?;
        Ok(Self(bytes))
    }

    /// The text for the receiver, as Standard Webhooks 1.0 defines it: `whsec_` and base64.
    pub(super) fn text(&self) -> String {
        format!("whsec_{}", BASE64_STANDARD.encode(&self.0))
    }

    /// Encrypts the secret of the endpoint with this name.
    pub(super) fn seal(&self, keys: &MasterKeys, name: &str) -> Result<String, Error> {
        let sealed = keys.present.seal(PURPOSE, &context(name), &self.0);
        sealed.map_err(|error| Error::Internal(error.to_string()))
    }
}

/// Decrypts a secret, also under another master key that is known. `None` if none of them fits.
fn open(keys: &MasterKeys, name: &str, sealed: &str) -> Option<Vec<u8>> {
    let context = context(name);
    keys.all()
        .find_map(|key| key.open(PURPOSE, &context, sealed).ok())
}

fn context(name: &str) -> String {
    format!("webhook\n{name}")
}

/// The secrets that sign the events of an endpoint now: the present one, and during a rotation the previous one.
pub(super) fn signing(
    keys: &MasterKeys,
    row: &EndpointRow,
    now: Timestamp,
) -> Option<Vec<Vec<u8>>> {
    let mut secrets = vec![open(keys, &row.name, &row.secret)?];
    let is_valid = row.previous_until.is_some_and(|until| now < until);
    let previous = row.previous_secret.as_deref().filter(|_| is_valid);
    secrets.extend(previous.and_then(|sealed| open(keys, &row.name, sealed)));
    Some(secrets)
}

/// The secrets of an endpoint, encrypted under the master key in use; `None` if they are already, or cannot be
/// decrypted.
pub(crate) fn resealed(keys: &MasterKeys, row: &EndpointRow) -> Result<Option<Secrets>, Error> {
    let context = context(&row.name);
    let is_present = keys.present.open(PURPOSE, &context, &row.secret).is_ok();
    let Some(secret) = open(keys, &row.name, &row.secret).filter(|_| !is_present) else {
        return Ok(None);
    };
    let previous = row.previous_secret.as_deref();
    let previous = previous.and_then(|sealed| open(keys, &row.name, sealed));
    let seal = |secret: Vec<u8>| WebhookSecret(secret).seal(keys, &row.name);
    Ok(Some(Secrets {
        secret: seal(secret)?,
        previous_secret: previous.map(seal).transpose()?,
        previous_until: row.previous_until,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::principal::UserSeq;
    use crate::domain::webhook::EventTypes;
    use crate::tokens::MasterKey;

    fn row(keys: &MasterKeys, secret: &WebhookSecret, previous: &WebhookSecret) -> EndpointRow {
        EndpointRow {
            id: UserSeq::new(1).unwrap(),
            name: "hook".into(),
            url: "https://hooks.example.org/".into(),
            events: EventTypes::all(),
            secret: secret.seal(keys, "hook").ok().unwrap(),
            previous_secret: previous.seal(keys, "hook").ok(),
            previous_until: Some(Timestamp::from_unix_seconds(100).unwrap()),
            is_active: true,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
        }
    }

    #[test]
    fn a_new_master_key_keeps_the_secrets() {
        let old = MasterKeys::one(MasterKey::from_bytes(&[7; 32]));
        let new = MasterKeys {
            present: MasterKey::from_bytes(&[8; 32]),
            others: vec![old.present.clone()],
        };
        let (secret, previous) = (WebhookSecret(vec![1; 32]), WebhookSecret(vec![2; 32]));
        let mut row = row(&old, &secret, &previous);
        assert!(resealed(&old, &row).ok().unwrap().is_none());
        let secrets = resealed(&new, &row).ok().unwrap().unwrap();
        row.secret = secrets.secret;
        row.previous_secret = secrets.previous_secret;
        let alone = MasterKeys::one(new.present.clone());
        let now = Timestamp::from_unix_seconds(99).unwrap();
        let both = vec![vec![1; 32], vec![2; 32]];
        assert_eq!(signing(&alone, &row, now), Some(both));
        let later = Timestamp::from_unix_seconds(100).unwrap();
        assert_eq!(signing(&alone, &row, later), Some(vec![vec![1; 32]]));
        assert_eq!(signing(&old, &row, now), None);
        row.name = "other".into();
        assert_eq!(signing(&alone, &row, now), None);
    }
}
