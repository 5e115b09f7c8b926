//! Device tokens, after OWASP's "Slow Down Online Guessing Attacks with Device Cookies": a device that has logged in to
//! an account presents one, and its failures are counted apart from all others. So a lock caused by others does not
//! lock the account's owner out.
//!
//! A token is a nonce, its issue time, and an HMAC of both with the account's login name. It is no credential, and is
//! not stored.

use aws_lc_rs::{hmac, rand};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::principal::UserType;
use crate::domain::text::normalised;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::login_context::LoginContext;

/// The purpose of the derived key.
const PURPOSE: &[u8] = b"device tokens";
/// The version of the token format.
const VERSION: &str = "1";
/// Longer than any valid token.
const MAX_LENGTH: usize = 128;

/// A token for a device that has just logged in to an account.
///
/// # Errors
/// [`Error::Internal`] if the system's random generator fails.
pub fn issue(services: &Services, account: &Account) -> Result<String, Error> {
    let mut nonce = [0_u8; 16];
    rand::fill(&mut nonce)
        .map_err(|_| Error::Internal("the system's random generator failed".into()))?;
    let nonce = BASE64_URL_SAFE_NO_PAD.encode(nonce);
    let issued_at = services.clock.now().unix_seconds();
    let user_type = account.principal.user_type;
    let tag = hmac::sign(
        &services.tokens.key().derive(PURPOSE),
        message(user_type, &normalised(account.login()), &nonce, issued_at).as_bytes(),
    );
    let tag = BASE64_URL_SAFE_NO_PAD.encode(tag);
    Ok(format!("{VERSION}.{nonce}.{issued_at}.{tag}"))
}

/// The nonce of the presented token, if the token is authentic, belongs to the account with this normalised login name,
/// and has not expired.
pub(in crate::services) fn presented_nonce(
    services: &Services,
    login_context: &LoginContext,
    user_type: UserType,
    name: &str,
) -> Option<String> {
    let token = login_context.device_token.as_deref()?;
    if token.len() > MAX_LENGTH {
        return None;
    }
    let mut parts = token.split('.');
    let (version, nonce, issued_at, tag) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version != VERSION || parts.next().is_some() {
        return None;
    }
    let issued_at: i64 = issued_at.parse().ok()?;
    let tag = BASE64_URL_SAFE_NO_PAD.decode(tag).ok()?;
    let key = services.tokens.key().derive(PURPOSE);
    // hmac::verify compares in constant time.
    hmac::verify(
        &key,
        message(user_type, name, nonce, issued_at).as_bytes(),
        &tag,
    )
    .ok()?;
    let age = services
        .clock
        .now()
        .since(Timestamp::from_unix_seconds(issued_at)?);
    (age < services.config.limits.device_lifetime.get()).then(|| nonce.to_owned())
}

fn message(user_type: UserType, name: &str, nonce: &str, issued_at: i64) -> String {
    format!("{VERSION}\n{user_type}\n{nonce}\n{issued_at}\n{name}")
}
