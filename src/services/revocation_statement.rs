//! What was revoked since the last call, as a signed statement for services that check access tokens by themselves. Any
//! instance continues what another one began.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::config::{MAX_ACCESS_LIFETIME, MAX_LEEWAY};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::revocation_positions::{self, EventsSince};
use crate::store::revocations::{RevocationEvent, RevocationKind};

/// The `typ` of a statement; with `application/` in front of it the media type.
pub const TYPE: &str = "munjigi-revocations+jwt";

/// How long a statement may be used after it was signed.
const VALID_FOR: Duration = Duration::from_mins(5);
/// The longest wait for a revocation.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The time that is left to read and answer when a wait ends.
const MARGIN: Duration = Duration::from_secs(5);

/// How long a call may wait that asked for `wait`: the answer must come within `server.request_timeout`.
#[must_use]
pub fn longest_wait(services: &Services, wait: Duration) -> Duration {
    let limit = services.config.server.request_timeout.get();
    let limit = limit.saturating_sub(MARGIN).max(limit / 2);
    wait.min(limit).min(MAX_WAIT)
}

/// What was revoked since the cursor of an earlier statement. Without a cursor, or with one that is too old or of another
/// database, everything that still matters. If there is nothing, it waits for a revocation, until `wait` is over.
///
/// # Errors
/// Errors of the store.
pub async fn read(
    services: &Services,
    cursor: Option<&str>,
    wait: Duration,
) -> Result<String, Error> {
    let deadline = Instant::now() + wait;
    let mut changes = services.revocations.changes();
    let mut stopping = services.jobs.stopping();
    let mut position = cursor.and_then(|cursor| parse(cursor, services.clock.now()));
    loop {
        changes.mark_unchanged();
        let since = position.clone();
        let read = services
            .store
            .read(move |connection| revocation_positions::read(connection, since.as_deref()));
        let found = read.await?;
        let left = deadline.saturating_duration_since(Instant::now());
        let has_ended = left.is_zero() || *stopping.borrow();
        if found.complete || has_ended || found.events.iter().any(is_revocation) {
            return sign(services, &found);
        }
        position = Some(found.position);
        tokio::select! {
            _ = changes.changed() => {}
            _ = stopping.wait_for(|is_stopping| *is_stopping) => {}
            () = tokio::time::sleep(left) => {}
        }
    }
}

/// Whether an event matters to other services.
fn is_revocation(event: &RevocationEvent) -> bool {
    match event.kind {
        RevocationKind::SessionEnded(..) | RevocationKind::AccessTokensRevoked => true,
        RevocationKind::AccountChanged | RevocationKind::StatusMarked => false,
    }
}

fn sign(services: &Services, found: &EventsSince) -> Result<String, Error> {
    let now = services.clock.now();
    let (mut sessions, mut accounts) = (Vec::new(), Vec::new());
    for event in &found.events {
        let until = (event.expires_at + MAX_LEEWAY.get()).unix_seconds();
        match &event.kind {
            RevocationKind::SessionEnded(session, _) => {
                sessions.push(json!({"sid": session, "until": until}));
            }
            RevocationKind::AccessTokensRevoked => {
                let millis = event.revoked_at.unix_micros() / 1_000;
                let owner = event.owner.to_string();
                accounts.push(json!({"sub": owner, "issued_until_ms": millis, "until": until}));
            }
            RevocationKind::AccountChanged | RevocationKind::StatusMarked => {}
        }
    }
    let mut claims: Map<String, Value> = Map::new();
    if let Some(issuer) = services.config.issuer() {
        claims.insert("iss".into(), issuer.into());
    }
    claims.insert("iat".into(), now.unix_seconds().into());
    claims.insert("exp".into(), (now + VALID_FOR).unix_seconds().into());
    claims.insert("cursor".into(), cursor_of(&found.position, now).into());
    claims.insert("complete".into(), found.complete.into());
    claims.insert("sessions".into(), sessions.into());
    claims.insert("accounts".into(), accounts.into());
    Ok(services.tokens.sign_statement(TYPE, &claims)?)
}

/// A cursor: when it was issued, and the position in the database.
fn cursor_of(position: &str, now: Timestamp) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{} {position}", now.unix_seconds()))
}

/// The position of a cursor; `None` if it is none, or older than the tokens that were revoked since.
fn parse(cursor: &str, now: Timestamp) -> Option<String> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (issued_at, position) = text.split_once(' ')?;
    let issued_at = Timestamp::from_unix_seconds(issued_at.parse().ok()?)?;
    let lifetime = MAX_ACCESS_LIFETIME.get() + MAX_LEEWAY.get();
    (issued_at + lifetime > now).then(|| position.to_owned())
}
