//! Ids of challenges, and the hashes of their codes.
//!
//! An id consists of the hash of the login name that the code was requested for, the time, random bytes, and a MAC. So the
//! server recognises its own ids without a row, until their code would have expired: an attempt with the id of a name that no
//! account has is counted for that name, as for any other, and an invented id costs no query.

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac, rand};
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::domain::otp::OtpCode;
use crate::domain::session::ChallengeId;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::name_hash::NameHash;
use crate::store::otp_challenges::Attempt;

/// The purpose of the key of ids.
const IDS: &[u8] = b"one-time code challenges";
/// The purpose of the key of codes.
const CODES: &[u8] = b"one-time codes";
/// The bytes that the MAC of an id covers.
const COVERED: usize = 12;

/// The end of the time in an id, in seconds since 1970.
const TIME_END: usize = NameHash::LENGTH + 4;

/// A new id for a login name.
///
/// # Errors
/// [`Error::Internal`] if the system's random generator fails.
pub(super) fn issue(services: &Services, name: NameHash) -> Result<ChallengeId, Error> {
    let mut id = [0_u8; 16];
    id[..NameHash::LENGTH].copy_from_slice(name.bytes());
    id[NameHash::LENGTH..TIME_END].copy_from_slice(&seconds(services).to_be_bytes());
    rand::fill(&mut id[TIME_END..COVERED])
        .map_err(|_| Error::Internal("the system's random generator failed".into()))?;
    let tag = tag(&services.master_keys.derive(IDS), &id[..COVERED]);
    id[COVERED..].copy_from_slice(&tag);
    Ok(ChallengeId::from_bytes(id))
}

/// The current time in seconds, to 2106.
fn seconds(services: &Services) -> u32 {
    let seconds = services.clock.now().unix_micros() / 1_000_000;
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

/// The login name that an id was issued for; `None` if this server did not issue it, or so long ago that its code has expired:
/// attempts with it must not be counted for the name.
pub(super) fn name_of(services: &Services, id: &ChallengeId) -> Option<NameHash> {
    let id = id.bytes()?;
    let (covered, given) = id.split_at(COVERED);
    let mut keys = services.master_keys.all().map(|key| key.derive(IDS));
    keys.find(|key| verify_slices_are_equal(&tag(key, covered), given).is_ok())?;
    let name = id.first_chunk::<{ NameHash::LENGTH }>()?;
    let issued_at = u32::from_be_bytes(id[NameHash::LENGTH..TIME_END].try_into().ok()?);
    let age = u64::from(seconds(services).saturating_sub(issued_at));
    if age > services.config.otp.lifetime.get().as_secs() {
        return None;
    }
    Some(NameHash::from_bytes(*name))
}

fn tag(key: &hmac::Key, covered: &[u8]) -> [u8; 4] {
    let tag = hmac::sign(key, covered);
    tag.as_ref().first_chunk().copied().unwrap_or_default()
}

/// The key that codes are hashed with.
pub(super) fn code_key(services: &Services) -> hmac::Key {
    services.master_keys.derive(CODES)
}

/// The keys that hashes of codes are compared with: also those of other instances while the master key is changed.
pub(super) fn code_keys(services: &Services) -> Vec<hmac::Key> {
    let keys = services.master_keys.all();
    keys.map(|key| key.derive(CODES)).collect()
}

/// The HMAC of a code and its challenge: it is not valid in another row, or on a server with another key.
pub(super) fn hash(key: &hmac::Key, id: &ChallengeId, code: &OtpCode) -> String {
    BASE64_STANDARD.encode(hmac::sign(key, message(id, code).as_bytes()))
}

pub(super) fn matches_hash(
    keys: &[hmac::Key],
    id: &ChallengeId,
    code: &OtpCode,
    attempt: &Attempt,
) -> bool {
    let Ok(expected) = BASE64_STANDARD.decode(&attempt.code_hash) else {
        return false;
    };
    let message = message(id, code);
    // hmac::verify compares in constant time.
    keys.iter()
        .any(|key| hmac::verify(key, message.as_bytes(), &expected).is_ok())
}

fn message(id: &ChallengeId, code: &OtpCode) -> String {
    format!("{id}:{}", code.reveal())
}
