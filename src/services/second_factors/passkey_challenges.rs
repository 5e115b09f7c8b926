//! Challenges of passkeys.
//!
//! A challenge consists of random bytes, the time of its expiry, and a MAC over both and what it is for. So the server
//! recognises its own challenges without a row, and strangers who open the log-in page store nothing. The hash of a challenge
//! is stored when an answer to it is accepted, until it expires: that happens once, on any number of instances. A refused answer
//! leaves it open, so nobody uses up the challenge of somebody else with a passkey of their own.

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac, rand};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};

use crate::clock::Timestamp;
use crate::domain::principal::Principal;
use crate::services::error::Error;
use crate::services::second_factors::webauthn::options::LIFETIME;
use crate::services::secret;
use crate::store::{Db, StoreError, passkeys as table};
use crate::tokens::MasterKeys;

/// The purpose of the key of challenges.
const CHALLENGES: &[u8] = b"passkey challenges";
/// Random bytes of a challenge: the specification asks for at least 16.
const RANDOM: usize = 16;
/// The bytes that the MAC covers: also the expiry, in microseconds since 1970.
const COVERED: usize = RANDOM + 8;
/// Bytes of the MAC.
const TAG: usize = 16;

/// What a challenge is for. An answer for one thing is none for another.
#[derive(Clone)]
pub enum Purpose {
    /// Adding a passkey to this account.
    Registration(Principal),
    /// The second step of the login with this secret.
    SecondFactor(String),
    /// A new proof of the owner of the session with this id.
    Reauthentication(String),
    /// Signing in to the panel without a password, in the browser with this secret.
    SignIn(String),
}

impl Purpose {
    fn message(&self) -> String {
        match self {
            Self::Registration(owner) => format!("registration {owner}"),
            Self::SecondFactor(secret) => format!("second factor {secret}"),
            Self::Reauthentication(session) => format!("reauthentication {session}"),
            Self::SignIn(secret) => format!("sign-in {secret}"),
        }
    }
}

/// A challenge of this server that has not expired. Whether it was answered before is known when it is marked.
#[derive(Clone, Debug)]
pub(crate) struct OpenChallenge {
    hash: String,
    expires_at: Timestamp,
}

/// A new challenge, in base64url.
///
/// # Errors
/// [`Error::Internal`] if the system's random generator fails.
pub(crate) fn issue(keys: &MasterKeys, now: Timestamp, purpose: &Purpose) -> Result<String, Error> {
    let mut bytes = [0_u8; COVERED + TAG];
    rand::fill(&mut bytes[..RANDOM])
        .map_err(|_| Error::Internal("the system's random generator failed".into()))?;
    let expires_at = now + LIFETIME;
    bytes[RANDOM..COVERED].copy_from_slice(&expires_at.unix_micros().to_be_bytes());
    let tag = tag(&keys.derive(CHALLENGES), &bytes[..COVERED], purpose);
    bytes[COVERED..].copy_from_slice(&tag);
    Ok(BASE64.encode(bytes))
}

fn tag(key: &hmac::Key, covered: &[u8], purpose: &Purpose) -> [u8; TAG] {
    let message = [covered, purpose.message().as_bytes()].concat();
    let tag = hmac::sign(key, &message);
    tag.as_ref().first_chunk().copied().unwrap_or_default()
}

/// The challenge, if this server issued it for this purpose and it has not expired.
pub(crate) fn check(
    keys: &MasterKeys,
    now: Timestamp,
    purpose: &Purpose,
    challenge: &str,
) -> Option<OpenChallenge> {
    let bytes: [u8; COVERED + TAG] = BASE64.decode(challenge).ok()?.try_into().ok()?;
    let (covered, given) = bytes.split_at(COVERED);
    keys.all().find(|key| {
        let expected = tag(&key.derive(CHALLENGES), covered, purpose);
        verify_slices_are_equal(&expected, given).is_ok()
    })?;
    let expiry = i64::from_be_bytes(covered[RANDOM..].try_into().ok()?);
    let expires_at = Timestamp::from_unix_micros(expiry);
    (expires_at > now).then(|| OpenChallenge {
        hash: secret::hash(challenge),
        expires_at,
    })
}

impl OpenChallenge {
    /// Marks it as answered; part of the transaction of what it is for. Returns `false` if it was answered before.
    pub(crate) fn mark_answered(&self, connection: &mut Db) -> Result<bool, StoreError> {
        table::mark_answered(connection, &self.hash, self.expires_at)
    }

    /// Takes [`Self::mark_answered`] back, because the answer is refused; part of the same transaction.
    pub(crate) fn unmark_answered(&self, connection: &mut Db) -> Result<(), StoreError> {
        table::unmark_answered(connection, &self.hash)
    }
}
