//! Signing the lists.

use std::{sync::Arc, time::Instant};

use aws_lc_rs::digest::{SHA256, digest};

use crate::clock::Timestamp;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::status_lists::state::{SignedList, VALID_FOR};
use crate::store::status_indexes;
use crate::tokens::status_list::{TYPE, claims};

/// A list, signed; `None` if there is no list of this number, or `tokens.status_list` is off.
///
/// # Errors
/// [`Error::Unavailable`] if it is not known what was revoked, and the store's.
pub async fn find(services: &Services, number: u64) -> Result<Option<Arc<SignedList>>, Error> {
    let Some(uris) = services.tokens.status_lists() else {
        return Ok(None);
    };
    if !exists(services, number).await? {
        return Ok(None);
    }
    if services.revocations.is_stale() {
        let cause = "the revocations are not known: the database cannot be reached";
        return Err(Error::Unavailable(cause.into()));
    }
    let (lists, now) = (&services.status_lists, services.clock.now());
    let version = services.revocations.status_marks().version(number);
    // Read before signing: if another key signs meanwhile, the next call signs again.
    let kid = services.tokens.key_id();
    if let Some(list) = lists.signed(number, &kid, version, now) {
        return Ok(Some(list));
    }
    let list = Arc::new(sign(services, &uris.of(number), number, kid, now)?);
    lists.insert_signed(number, Arc::clone(&list));
    Ok(Some(list))
}

/// Whether a session of any instance can have an index of this list.
async fn exists(services: &Services, number: u64) -> Result<bool, Error> {
    let lists = &services.status_lists;
    if number <= lists.last_known() {
        return Ok(true);
    }
    let next = services.store.read(status_indexes::find_next).await?;
    Ok(number <= lists.note_next(next))
}

fn sign(
    services: &Services,
    uri: &str,
    number: u64,
    kid: String,
    now: Timestamp,
) -> Result<SignedList, Error> {
    let marks = services.revocations.status_marks().of(number);
    let ttl = services.tokens.settings().status_list_ttl.get();
    let claims = claims(uri, &marks.bits, now, ttl, VALID_FOR);
    let token = services.tokens.sign_statement(TYPE, &claims)?;
    let hash = digest(&SHA256, token.as_bytes());
    let etag = hash.as_ref().iter().take(16);
    Ok(SignedList {
        etag: etag.fold(String::new(), |text, byte| text + &format!("{byte:02x}")),
        token,
        kid,
        version: marks.version,
        issued_at: now,
        signed_at: Instant::now(),
    })
}
