//! The signing key: loading, generating, minimum length, id, and derived keys.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use aws_lc_rs::{hkdf, hmac, rand};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::{DecodingKey, EncodingKey};

use crate::config::Algorithm;
use crate::tokens::strength::KeyStrength;

/// Random bytes of a generated key; the file contains them in base64.
const GENERATED_BYTES: usize = 64;

/// Why the signing key cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or created.
    #[error("the signing key file {path} cannot be read or created: {source}", path = path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The key is too short for the algorithm (RFC 7518 section 3.2).
    #[error(
        "the signing key in {path} has {bytes} bytes, but {algorithm} requires at least {least}: \
         write random bytes to the file, for example from `openssl rand -base64 64`",
        path = path.display()
    )]
    TooShort {
        /// The path of the file.
        path: PathBuf,
        /// The length of the key.
        bytes: usize,
        /// The name of the algorithm.
        algorithm: &'static str,
        /// The minimum length.
        least: usize,
    },
    /// The system random source failed.
    #[error("the system random source failed, so no signing key can be generated")]
    NoRandomness,
}

/// The algorithm as a type of the `jsonwebtoken` library.
#[must_use]
pub fn algorithm(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
        Algorithm::Hs384 => jsonwebtoken::Algorithm::HS384,
        Algorithm::Hs512 => jsonwebtoken::Algorithm::HS512,
    }
}

/// A secret that signs tokens. Its bytes are not accessible.
#[derive(Clone)]
pub struct SigningKey {
    encoding: EncodingKey,
    decoding: DecodingKey,
    derivation: hkdf::Prk,
    id: String,
    strength: KeyStrength,
}

impl SigningKey {
    /// A key with these bytes. The length is not checked.
    #[must_use]
    pub fn from_bytes(secret: &[u8]) -> Self {
        let derivation = hkdf::Salt::new(hkdf::HKDF_SHA256, b"munjigi").extract(secret);
        let mut id = [0; 8];
        fill(&derivation, b"kid", &mut id);
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            derivation,
            id: BASE64_URL_SAFE_NO_PAD.encode(id),
            strength: KeyStrength::of(secret),
        }
    }

    /// Loads a key from a file. Leading and trailing whitespace is removed.
    ///
    /// # Errors
    /// [`KeyError::File`] and [`KeyError::TooShort`].
    pub fn from_file(path: &Path, algorithm: Algorithm) -> Result<Self, KeyError> {
        let content = read(path)?;
        let secret = content.trim_ascii();
        let least = algorithm.min_key_bytes();
        if secret.len() < least {
            return Err(KeyError::TooShort {
                path: path.to_owned(),
                bytes: secret.len(),
                algorithm: algorithm.as_str(),
                least,
            });
        }
        Ok(Self::from_bytes(secret))
    }

    /// Loads a key from a file. If the file does not exist, it is created with a random key, readable by its owner only, and
    /// `true` is returned.
    ///
    /// # Errors
    /// As [`SigningKey::from_file`], and [`KeyError::NoRandomness`].
    pub fn from_file_or_new(path: &Path, algorithm: Algorithm) -> Result<(Self, bool), KeyError> {
        let failed = |source| KeyError::File {
            path: path.to_owned(),
            source,
        };
        let is_new = match path.try_exists() {
            Ok(true) => false,
            Ok(false) => {
                let mut secret = [0; GENERATED_BYTES];
                rand::fill(&mut secret).map_err(|_| KeyError::NoRandomness)?;
                new_file(path, BASE64_STANDARD.encode(secret).as_bytes()).map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        Self::from_file(path, algorithm).map(|key| (key, is_new))
    }

    /// An estimate of the strength of the key.
    #[must_use]
    pub fn strength(&self) -> KeyStrength {
        self.strength
    }

    /// An estimate of the strength of the key in a file, which may be too short. Does not create the file.
    ///
    /// # Errors
    /// [`KeyError::File`].
    pub fn strength_of_file(path: &Path) -> Result<KeyStrength, KeyError> {
        Ok(KeyStrength::of(read(path)?.trim_ascii()))
    }

    /// The key id (`kid`), derived from the key. The key cannot be computed from it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Derives a key for another purpose (HKDF, RFC 5869). The derived keys are independent of each other.
    #[must_use]
    pub fn derive(&self, purpose: &'static [u8]) -> hmac::Key {
        let mut bytes = [0; 32];
        fill(&self.derivation, purpose, &mut bytes);
        hmac::Key::new(hmac::HMAC_SHA256, &bytes)
    }

    pub(super) fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}

fn read(path: &Path) -> Result<Vec<u8>, KeyError> {
    let mut content = Vec::new();
    // A file of more than 64 KiB is not a key file.
    File::open(path)
        .and_then(|file| file.take(64 * 1024).read_to_end(&mut content))
        .map_err(|source| KeyError::File {
            path: path.to_owned(),
            source,
        })?;
    Ok(content)
}

/// Fills `out` with derived bytes. HKDF fails only for more than 255 times the hash length.
fn fill(derivation: &hkdf::Prk, purpose: &[u8], out: &mut [u8]) {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let filled = derivation
        .expand(&[purpose], Length(out.len()))
        .and_then(|material| material.fill(out));
    debug_assert!(
        filled.is_ok(),
        "HKDF provides up to 255 times the hash length"
    );
}

/// Creates a file that only its owner can read. Returns `false` if it already exists; it is then left unchanged.
///
/// The content is written to a temporary file first, so that neither a concurrent process nor a start after a crash reads
/// an incomplete file.
fn new_file(path: &Path, content: &[u8]) -> io::Result<bool> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    // Unlike a rename, a hard link does not replace an existing file.
    match fs::hard_link(&temporary, path) {
        Ok(()) => fs::remove_file(&temporary).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(&temporary).map(|()| false)
        }
        // The file system does not support hard links.
        Err(_) => fs::rename(&temporary, path).map(|()| true),
    }
}
