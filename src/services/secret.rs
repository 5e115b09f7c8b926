//! Secrets that are handed out once and known by their hash afterwards: cookies of the panel, one-time links.

use std::fmt::Write as _;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::services::error::Error;

/// A secret of 256 bits from the system's generator, as 43 characters of base64url (ASVS 5.0 7.2.3).
pub fn fresh() -> Result<String, Error> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|_| Error::Internal("the system gives no randomness".into()))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// What is stored of a secret: its SHA-256 in hex. It needs no salt and no slowness: nobody guesses 256 bits.
#[must_use]
pub fn hash(secret: &str) -> String {
    let digest = digest(&SHA256, secret.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Whether a text has the form of a secret; whether it is one of ours is for its hash to say.
#[must_use]
pub fn is_one(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.len() == 43 && text.bytes().all(plain)
}
