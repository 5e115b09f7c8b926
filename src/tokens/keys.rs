//! The signing key: where its bytes come from, what is too weak, its id, and the keys derived from it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    hkdf, hmac,
    rand::{SecureRandom, SystemRandom},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::{DecodingKey, EncodingKey};

use crate::{config::Algorithm, tokens::strength::KeyStrength};

/// Random bytes of a key that munjigi makes for itself; its file holds them in base64.
const FRESH_BYTES: usize = 64;

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read, or not be made.
    #[error("the signing key file {path} cannot be read or made: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The key is too short for the algorithm (RFC 7518 section 3.2).
    #[error(
        "the signing key in {path} has {bytes} bytes, and {algorithm} needs at least {least}: write at least {least} \
         random bytes into it, for example with `openssl rand -base64 64`",
        path = path.display()
    )]
    TooShort {
        /// The file.
        path: PathBuf,
        /// How many bytes it holds.
        bytes: usize,
        /// The algorithm's name.
        algorithm: &'static str,
        /// The fewest bytes it may have.
        least: usize,
    },
    /// The system gave no random bytes.
    #[error("the system's random source gives no bytes to make a signing key of")]
    NoRandomness,
}

/// The library's name of an algorithm.
#[must_use]
pub fn algorithm(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
        Algorithm::Hs384 => jsonwebtoken::Algorithm::HS384,
        Algorithm::Hs512 => jsonwebtoken::Algorithm::HS512,
    }
}

/// A secret that signs tokens. Its bytes are shown to nobody.
#[derive(Clone)]
pub struct SigningKey {
    encoding: EncodingKey,
    decoding: DecodingKey,
    derivation: hkdf::Prk,
    id: String,
    strength: KeyStrength,
}

impl SigningKey {
    /// A key of these bytes; the configuration has seen to their number.
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

    /// The key in a file: its content without outer white space.
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

    /// The key in a file that is made, readable by its owner only, when it is not there. `true`: it was made.
    ///
    /// # Errors
    /// As [`SigningKey::from_file`], and [`KeyError::NoRandomness`].
    pub fn from_file_or_new(path: &Path, algorithm: Algorithm) -> Result<(Self, bool), KeyError> {
        let failed = |source| KeyError::File {
            path: path.to_owned(),
            source,
        };
        let made = match path.try_exists() {
            Ok(true) => false,
            Ok(false) => {
                let mut secret = [0; FRESH_BYTES];
                SystemRandom::new()
                    .fill(&mut secret)
                    .map_err(|_| KeyError::NoRandomness)?;
                new_file(path, BASE64_STANDARD.encode(secret).as_bytes()).map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        Self::from_file(path, algorithm).map(|key| (key, made))
    }

    /// How good the key is, as far as its bytes tell.
    #[must_use]
    pub fn strength(&self) -> KeyStrength {
        self.strength
    }

    /// How good the key in a file is, be it long enough or not. Nothing is made.
    ///
    /// # Errors
    /// [`KeyError::File`].
    pub fn strength_of_file(path: &Path) -> Result<KeyStrength, KeyError> {
        Ok(KeyStrength::of(read(path)?.trim_ascii()))
    }

    /// The key's id (`kid`), derived from it one way.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A key for another purpose, from which neither this one nor that of a third purpose can be computed (HKDF, RFC 5869).
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

/// What is in a key's file.
fn read(path: &Path) -> Result<Vec<u8>, KeyError> {
    let mut content = Vec::new();
    // A key of more than 64 KiB is not a key but another file.
    File::open(path)
        .and_then(|file| file.take(64 * 1024).read_to_end(&mut content))
        .map_err(|source| KeyError::File {
            path: path.to_owned(),
            source,
        })?;
    Ok(content)
}

/// Fills `out` with bytes for a purpose. It can only fail for more than 255 hashes' length, which nobody asks for.
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
    debug_assert!(filled.is_ok(), "HKDF gives up to 255 hashes' length");
}

/// A new file with this content that only its owner may read. `false`: it was there, and stays as it is.
///
/// It is written under another name first: neither a process that starts beside this one nor the next start after a
/// crash finds a file without its content.
fn new_file(path: &Path, content: &[u8]) -> io::Result<bool> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let unfinished = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    // Unlike a rename, a link never takes the place of what is there.
    match fs::hard_link(&unfinished, path) {
        Ok(()) => fs::remove_file(&unfinished).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(&unfinished).map(|()| false)
        }
        // A file system without links.
        Err(_) => fs::rename(&unfinished, path).map(|()| true),
    }
}
