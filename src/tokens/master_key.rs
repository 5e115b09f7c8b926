//! The master key: the secret from which the keys for everything but tokens are derived, and which seals the signing keys
//! in the database.

use std::{
    io,
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf, hmac, rand,
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};

use crate::config::MIN_MASTER_KEY_BYTES;
use crate::tokens::derivation::{extract, fill};
use crate::tokens::key_file;
use crate::tokens::strength::KeyStrength;

/// Random bytes of a generated key; the file contains them in base64.
const GENERATED_BYTES: usize = 64;

/// Why a master key cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be read or created.
    #[error("the master key file {path} cannot be read or created: {source}", path = path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The key is too short.
    #[error(
        "the master key in {path} has {bytes} bytes, but at least {MIN_MASTER_KEY_BYTES} are required: write random \
         bytes to the file, for example from `openssl rand -base64 48`",
        path = path.display()
    )]
    TooShort {
        /// The path of the file.
        path: PathBuf,
        /// The length of the key.
        bytes: usize,
    },
    /// The content begins or ends with a quotation mark.
    #[error(
        "the master key in {path} begins or ends with a quotation mark, which would be part of the key: remove it",
        path = path.display()
    )]
    Quoted {
        /// The path of the file.
        path: PathBuf,
    },
    /// The system random source failed.
    #[error("the system random source failed, so no master key can be generated")]
    NoRandomness,
}

/// A sealed text cannot be opened: it was sealed under another key or for another purpose, or it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text was not sealed under this key, or it was changed")]
pub struct NotOpened;

/// A master key. Its bytes are not accessible.
#[derive(Clone)]
pub struct MasterKey {
    derivation: hkdf::Prk,
    id: String,
    strength: KeyStrength,
}

fn read(path: &Path) -> Result<Vec<u8>, MasterKeyError> {
    key_file::read(path).map_err(|source| MasterKeyError::File {
        path: path.to_owned(),
        source,
    })
}

impl MasterKey {
    /// A key with these bytes. The length is not checked.
    #[must_use]
    pub fn from_bytes(secret: &[u8]) -> Self {
        let derivation = extract(secret);
        let mut id = [0; 8];
        fill(&derivation, b"master key id", &mut id);
        Self {
            id: BASE64_URL_SAFE_NO_PAD.encode(id),
            strength: KeyStrength::of(secret),
            derivation,
        }
    }

    /// Loads a key from a file. Leading and trailing whitespace is removed.
    ///
    /// # Errors
    /// [`MasterKeyError::File`], [`MasterKeyError::TooShort`] and [`MasterKeyError::Quoted`].
    pub fn from_file(path: &Path) -> Result<Self, MasterKeyError> {
        let content = read(path)?;
        let secret = content.trim_ascii();
        let path = path.to_owned();
        if secret.len() < MIN_MASTER_KEY_BYTES {
            let bytes = secret.len();
            return Err(MasterKeyError::TooShort { path, bytes });
        }
        if key_file::is_quoted(secret) {
            return Err(MasterKeyError::Quoted { path });
        }
        Ok(Self::from_bytes(secret))
    }

    /// Loads a key from a file. If the file does not exist, it is created with a random key, readable by its owner only, and
    /// `true` is returned.
    ///
    /// # Errors
    /// As [`MasterKey::from_file`], and [`MasterKeyError::NoRandomness`].
    pub fn from_file_or_new(path: &Path) -> Result<(Self, bool), MasterKeyError> {
        let failed = |source| MasterKeyError::File {
            path: path.to_owned(),
            source,
        };
        let is_new = match path.try_exists() {
            Ok(true) => false,
            Ok(false) => {
                let mut secret = [0; GENERATED_BYTES];
                rand::fill(&mut secret).map_err(|_| MasterKeyError::NoRandomness)?;
                key_file::create(path, BASE64_STANDARD.encode(secret).as_bytes()).map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        Self::from_file(path).map(|key| (key, is_new))
    }

    /// An estimate of the strength of the key.
    #[must_use]
    pub fn strength(&self) -> KeyStrength {
        self.strength
    }

    /// An estimate of the strength of the key in a file, which may be too short. Does not create the file.
    ///
    /// # Errors
    /// [`MasterKeyError::File`].
    pub fn strength_of_file(path: &Path) -> Result<KeyStrength, MasterKeyError> {
        Ok(KeyStrength::of(read(path)?.trim_ascii()))
    }

    /// The id, derived from the key. The key cannot be computed from it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Derives a key for a purpose (HKDF, RFC 5869). The derived keys are independent of each other.
    #[must_use]
    pub fn derive(&self, purpose: &'static [u8]) -> hmac::Key {
        let mut bytes = [0; 32];
        fill(&self.derivation, purpose, &mut bytes);
        hmac::Key::new(hmac::HMAC_SHA256, &bytes)
    }

    /// Encrypts a secret (AES-256-GCM) under the key that is derived for a purpose. The text opens only with the same key, purpose and
    /// context.
    ///
    /// # Errors
    /// [`MasterKeyError::NoRandomness`].
    pub fn seal(
        &self,
        purpose: &'static [u8],
        context: &str,
        secret: &[u8],
    ) -> Result<String, MasterKeyError> {
        let mut sealed = secret.to_vec();
        let nonce = self
            .sealing_key(purpose)
            .and_then(|key| key.seal_in_place_append_tag(Aad::from(context), &mut sealed))
            .map_err(|_| MasterKeyError::NoRandomness)?;
        Ok(BASE64_STANDARD.encode([&nonce.as_ref()[..], &sealed].concat()))
    }

    /// Decrypts a text of [`MasterKey::seal`].
    ///
    /// # Errors
    /// [`NotOpened`].
    pub fn open(
        &self,
        purpose: &'static [u8],
        context: &str,
        sealed: &str,
    ) -> Result<Vec<u8>, NotOpened> {
        let mut bytes = BASE64_STANDARD.decode(sealed).map_err(|_| NotOpened)?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(NotOpened)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotOpened)?;
        let opened = self
            .sealing_key(purpose)
            .and_then(|key| {
                key.open_in_place(nonce, Aad::from(context), sealed)
                    .map(|secret| secret.to_vec())
            })
            .map_err(|_| NotOpened)?;
        Ok(opened)
    }

    fn sealing_key(
        &self,
        purpose: &'static [u8],
    ) -> Result<RandomizedNonceKey, aws_lc_rs::error::Unspecified> {
        let mut bytes = [0; 32];
        fill(&self.derivation, purpose, &mut bytes);
        RandomizedNonceKey::new(&AES_256_GCM, &bytes)
    }
}

/// The master keys that a server knows.
#[derive(Clone)]
pub struct MasterKeys {
    /// The key in use.
    pub present: MasterKey,
    /// Earlier or later keys: what was made with them is accepted, and nothing is made with them.
    pub others: Vec<MasterKey>,
}

impl MasterKeys {
    /// One key alone.
    #[must_use]
    pub fn one(present: MasterKey) -> Self {
        Self {
            present,
            others: Vec::new(),
        }
    }

    /// All keys, the one in use first.
    pub fn all(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.present).chain(&self.others)
    }

    /// The key with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&MasterKey> {
        self.all().find(|key| key.id() == id)
    }

    /// The derived key in use for a purpose; see [`MasterKey::derive`].
    #[must_use]
    pub fn derive(&self, purpose: &'static [u8]) -> hmac::Key {
        self.present.derive(purpose)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_sealed_text_opens_only_with_the_same_key_and_context() {
        let key = MasterKey::from_bytes(&[7; 32]);
        let sealed = key.seal(b"p", "signing key a", b"secret").unwrap();
        assert_ne!(sealed, key.seal(b"p", "signing key a", b"secret").unwrap());
        assert_eq!(key.open(b"p", "signing key a", &sealed).unwrap(), b"secret");
        assert_eq!(key.open(b"p", "signing key b", &sealed), Err(NotOpened));
        assert_eq!(key.open(b"q", "signing key a", &sealed), Err(NotOpened));
        let other = MasterKey::from_bytes(&[8; 32]);
        assert_eq!(other.open(b"p", "signing key a", &sealed), Err(NotOpened));
        assert_ne!(other.id(), key.id());
        for broken in ["", "AAAA", "not base64", &sealed[..sealed.len() - 4]] {
            assert_eq!(key.open(b"p", "signing key a", broken), Err(NotOpened));
        }
    }

    #[test]
    fn a_file_is_trimmed_and_refused_if_it_is_short_or_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        let key = "0123456789abcdefghijklmnopqrstuvwxyz";
        let of_file = |content: &str| {
            fs::write(&path, content).unwrap();
            MasterKey::from_file(&path)
        };
        let id = MasterKey::from_bytes(key.as_bytes()).id;
        assert_eq!(
            of_file(&format!(" {key}\r\n")).ok().map(|key| key.id),
            Some(id)
        );
        assert!(matches!(
            of_file("short"),
            Err(MasterKeyError::TooShort { bytes: 5, .. })
        ));
        let quoted = of_file(&format!("\"{key}\"\n"));
        assert!(matches!(quoted, Err(MasterKeyError::Quoted { .. })));
    }
}
