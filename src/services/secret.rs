//! Secrets of which only the hash is stored: session cookies of the admin panel, one-time links.

use std::fmt::Write as _;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::services::error::Error;

/// A new secret of 256 bits from the system's random generator, as 43 characters of base64url (ASVS 5.0 7.2.3).
///
/// # Errors
/// [`Error::Internal`] if the random generator fails.
pub fn generate() -> Result<String, Error> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes)
        .map_err(|_| Error::Internal("the system's random generator failed".into()))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// The SHA-256 of a secret in hex. It needs neither a salt nor a slow hash, because 256 random bits cannot be guessed.
#[must_use]
pub fn hash(secret: &str) -> String {
    let digest = digest(&SHA256, secret.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Whether a text has the format of a secret.
#[must_use]
pub fn is_well_formed(text: &str) -> bool {
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.len() == 43 && text.bytes().all(is_base64url)
}
