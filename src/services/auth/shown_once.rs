//! Secrets that a page of the panel shows once: a form that creates one redirects to that page, so that a reload creates no
//! further one. Until the page is opened, the secret is in the row of the browser's session, encrypted under the master key.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::session::BrowserSessionId;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::browser_sessions as table;

/// How long a secret is kept for its page.
const KEPT_FOR: Duration = Duration::from_mins(10);

#[derive(Serialize, Deserialize)]
struct Kept {
    until: i64,
    secret: String,
}

/// What the key that encrypts the secrets is derived for.
const PURPOSE: &[u8] = b"shown once";

/// What the secret is encrypted for: the session and the page.
fn context(session: &BrowserSessionId, path: &str) -> String {
    format!("{session}\n{path}")
}

/// Keeps a secret for the page at this path. It replaces one that was not shown yet.
///
/// # Errors
/// The store's, and [`Error::Internal`] if it cannot be encrypted.
pub async fn keep(
    services: &Services,
    session: &BrowserSessionId,
    path: &str,
    secret: &str,
) -> Result<(), Error> {
    let until = services.clock.now() + KEPT_FOR;
    let kept = Kept {
        until: until.unix_micros(),
        secret: secret.to_owned(),
    };
    let sealed = serde_json::to_vec(&kept)
        .map_err(|error| error.to_string())
        .and_then(|bytes| {
            let key = &services.master_keys.present;
            let sealed = key.seal(PURPOSE, &context(session, path), &bytes);
            sealed.map_err(|error| error.to_string())
        })
        .map_err(Error::Internal)?;
    let session = session.clone();
    services
        .store
        .write(move |connection| Ok(table::keep_shown_once(connection, &session, &sealed)?))
        .await
}

/// Takes the secret that was kept for this page; `None` if there is none, or no more.
///
/// # Errors
/// The store's.
pub async fn take(
    services: &Services,
    session: &BrowserSessionId,
    path: &str,
) -> Result<Option<String>, Error> {
    let id = session.clone();
    let sealed = services
        .store
        .read(move |connection| table::find_shown_once(connection, &id))
        .await?;
    let Some((sealed, kept)) = sealed.and_then(|sealed| {
        let key = &services.master_keys.present;
        let bytes = key.open(PURPOSE, &context(session, path), &sealed).ok()?;
        Some((sealed, serde_json::from_slice::<Kept>(&bytes).ok()?))
    }) else {
        return Ok(None);
    };
    let id = session.clone();
    let is_taken = services
        .store
        .write(move |connection| table::remove_shown_once(connection, &id, &sealed))
        .await?;
    let is_fresh = Timestamp::from_unix_micros(kept.until) > services.clock.now();
    Ok((is_taken && is_fresh).then_some(kept.secret))
}
