//! Device tokens, after OWASP's "Slow Down Online Guessing Attacks with Device Cookies": who has logged in to an account
//! shows one, and his failures are counted apart from those of strangers. So a lock that strangers bring about does not
//! lock its owner out.
//!
//! A token is a nonce, the time it was issued, and a keyed hash of both with the account's name. It is no credential: it
//! opens nothing, and stands in no table.

use aws_lc_rs::{hmac, rand};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    clock::Timestamp,
    domain::{account::Account, principal::Principal, text::normalised},
    services::{bootstrap::Services, error::Error, limits::rules::LoginName},
};

/// What the key is derived for.
const PURPOSE: &[u8] = b"device tokens";
/// The form of tokens; another one would have another number.
const VERSION: &str = "1";
/// Longer than any token of ours.
const LONGEST: usize = 128;

/// A token for the device that has just logged in to an account.
///
/// # Errors
/// [`Error::Internal`] when the system gives no randomness.
pub fn issue(services: &Services, account: &Account) -> Result<String, Error> {
    let mut nonce = [0_u8; 16];
    rand::fill(&mut nonce).map_err(|_| Error::Internal("the system gives no randomness".into()))?;
    let nonce = BASE64_URL_SAFE_NO_PAD.encode(nonce);
    let issued_at = services.clock.now().unix_seconds();
    let Principal { user_type, .. } = account.principal;
    let name = login_of(account);
    let named = LoginName {
        user_type,
        name: &name,
    };
    let tag = hmac::sign(
        &services.tokens.key().derive(PURPOSE),
        message(named, &nonce, issued_at).as_bytes(),
    );
    let tag = BASE64_URL_SAFE_NO_PAD.encode(tag);
    Ok(format!("{VERSION}.{nonce}.{issued_at}.{tag}"))
}

/// What a device is counted by: the nonce of its token, if that is one of ours, for this account, and not too old.
pub(crate) fn nonce_of(services: &Services, token: &str, account: LoginName<'_>) -> Option<String> {
    if token.len() > LONGEST {
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
    // hmac::verify takes the same time wherever the first difference is.
    hmac::verify(&key, message(account, nonce, issued_at).as_bytes(), &tag).ok()?;
    let age = services
        .clock
        .now()
        .since(Timestamp::from_unix_seconds(issued_at)?);
    (age < services.config.limits.device_lifetime.get()).then(|| nonce.to_owned())
}

fn message(account: LoginName<'_>, nonce: &str, issued_at: i64) -> String {
    let LoginName { user_type, name } = account;
    format!("{VERSION}\n{user_type}\n{nonce}\n{issued_at}\n{name}")
}

/// What an account logs in by, as names are compared.
pub(crate) fn login_of(account: &Account) -> String {
    normalised(account.login())
}
