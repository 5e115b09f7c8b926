//! Device tokens, after OWASP's "Slow Down Online Guessing Attacks with Device Cookies": a device that has logged in to
//! an account presents one, and its failures are counted apart from all others. So a lock caused by others does not
//! lock the account's owner out.
//!
//! A token is a nonce, its issue time, and an HMAC of both with the account's login name. It is no credential. The nonces
//! of valid tokens are stored: an account has a handful of devices, and a new password ends their tokens.

use aws_lc_rs::{hmac, rand};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::principal::{Principal, UserType};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::login_context::LoginContext;
use crate::store::device_tokens::NewDeviceToken;
use crate::store::{Db, StoreError, device_tokens as table};

/// The purpose of the derived key.
const PURPOSE: &[u8] = b"device tokens";
/// The version of the token format.
const VERSION: &str = "1";
/// Longer than any valid token.
const MAX_LENGTH: usize = 128;

/// The number of devices that an account can have.
const DEVICES: usize = 5;

/// A token for a device that has just logged in to an account.
#[derive(Clone)]
pub(in crate::services) struct NewToken {
    nonce: String,
    issued_at: Timestamp,
    expires_at: Timestamp,
    presented_at: Option<Timestamp>,
}

impl NewToken {
    /// A token that succeeds the one of the known device `known`; without one, of a new device.
    ///
    /// # Errors
    /// [`Error::Internal`] if the system's random generator fails.
    pub(in crate::services) fn new(
        services: &Services,
        known: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let nonce = match known {
            Some(known) => known.to_owned(),
            None => new_nonce()?,
        };
        Ok(Self {
            nonce,
            issued_at: now,
            expires_at: now + services.config.limits.device_lifetime.get(),
            presented_at: known.map(|_| now),
        })
    }

    /// Stores the token; part of the transaction of a login, in which the account's row is locked. If the account has too
    /// many, one ends: logins of a program that does not keep its tokens end none of a device that presents its own.
    pub(in crate::services) fn insert(
        &self,
        connection: &mut Db,
        owner: Principal,
    ) -> Result<(), StoreError> {
        let new = NewDeviceToken {
            nonce: self.nonce.clone(),
            user_type: owner.user_type,
            user_seq: owner.user_seq,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            presented_at: self.presented_at,
        };
        table::put(connection, &new, DEVICES)
    }

    /// The token as the device stores it.
    pub(in crate::services) fn text(&self, services: &Services, account: &Account) -> String {
        let (nonce, issued_at) = (&self.nonce, self.issued_at.unix_seconds());
        let name = account.normalised_login();
        let message = message(account.principal.user_type, &name, nonce, issued_at);
        let tag = hmac::sign(&services.master_keys.derive(PURPOSE), message.as_bytes());
        let tag = BASE64_URL_SAFE_NO_PAD.encode(tag);
        format!("{VERSION}.{nonce}.{issued_at}.{tag}")
    }
}

fn new_nonce() -> Result<String, Error> {
    let mut nonce = [0_u8; 16];
    rand::fill(&mut nonce)
        .map_err(|_| Error::Internal("the system's random generator failed".into()))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(nonce))
}

/// The known device: the nonce of the presented token, if the token is valid for this account with this normalised login
/// name.
///
/// # Errors
/// The store's.
pub(in crate::services) async fn find_known(
    services: &Services,
    login_context: &LoginContext,
    owner: Principal,
    name: &str,
) -> Result<Option<String>, Error> {
    let presented = presented_nonce(services, login_context, owner.user_type, name);
    let Some(nonce) = presented else {
        return Ok(None);
    };
    let searched = nonce.clone();
    let is_valid = services
        .store
        .read(move |connection| table::contains(connection, owner, &searched))
        .await?;
    Ok(is_valid.then_some(nonce))
}

/// The nonce of the presented token, if the token is authentic, was issued for this normalised login name, and has not
/// expired. It may have ended before.
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
    let message = message(user_type, name, nonce, issued_at);
    let mut keys = services.master_keys.all().map(|key| key.derive(PURPOSE));
    // hmac::verify compares in constant time.
    keys.find(|key| hmac::verify(key, message.as_bytes(), &tag).is_ok())?;
    let age = services
        .clock
        .now()
        .since(Timestamp::from_unix_seconds(issued_at)?);
    (age < services.config.limits.device_lifetime.get()).then(|| nonce.to_owned())
}

fn message(user_type: UserType, name: &str, nonce: &str, issued_at: i64) -> String {
    format!("{VERSION}\n{user_type}\n{nonce}\n{issued_at}\n{name}")
}
