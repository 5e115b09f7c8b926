//! Requests that a service may repeat: with the same `Idempotency-Key` a request has its effect once, and a repetition gets the
//! answer of the first one (draft-ietf-httpapi-idempotency-key-header).

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::domain::idempotency::{IdempotencyKey, KeyConflict};
use crate::domain::principal::UserSeq;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::idempotency_keys::{self as table, IdempotencyKeyRow};

/// The purpose of the key of the MACs. A body may contain passwords: a plain hash of it could be compared with guesses.
const PURPOSE: &[u8] = b"idempotency keys";
/// How long a key stands for one request.
const KEPT_FOR: Duration = Duration::from_hours(24);
/// How long a request may run. Afterwards its process counts as killed, and a repetition runs it again.
const MAX_RUN: Duration = Duration::from_mins(15);

/// A request with a key.
pub struct KeyedRequest<'a> {
    /// The service that calls.
    pub caller: UserSeq,
    /// The key.
    pub key: &'a IdempotencyKey,
    /// The method and the path.
    pub operation: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// The result of beginning a request.
pub enum Begun {
    /// It is to be run, and its answer to be stored with [`finish`].
    New(Running),
    /// It was run before, with this answer.
    Finished(String),
}

/// A request that is running.
pub struct Running(String);

/// Begins a request.
///
/// # Errors
/// [`Error::Idempotency`], and errors of the store.
pub async fn begin(services: &Services, request: &KeyedRequest<'_>) -> Result<Begun, Error> {
    let now = services.clock.now();
    let caller = request.caller.to_string();
    let row = IdempotencyKeyRow {
        key_mac: mac(
            services,
            &[caller.as_bytes(), request.key.as_str().as_bytes()],
        ),
        request_mac: mac(services, &[request.operation.as_bytes(), request.body]),
        answer: None,
        locked_until: now + MAX_RUN,
        expires_at: now + KEPT_FOR,
    };
    services
        .store
        .write(move |connection| {
            let key = &row.key_mac;
            table::delete_expired(connection, key, now)?;
            if table::insert(connection, &row)? {
                return Ok(Begun::New(Running(key.clone())));
            }
            // Deleted meanwhile, by a flush: the caller repeats the request.
            let known = table::find(connection, key)?.ok_or(KeyConflict::InUse)?;
            if known.request_mac != row.request_mac {
                return Err(KeyConflict::Reused.into());
            }
            match known.answer {
                Some(answer) => Ok(Begun::Finished(answer)),
                None if table::take_over(connection, key, now, row.locked_until)? => {
                    Ok(Begun::New(Running(key.clone())))
                }
                None => Err(Error::from(KeyConflict::InUse)),
            }
        })
        .await
}

/// Stores the answer of a request, for its repetitions.
///
/// # Errors
/// Errors of the store.
pub async fn finish(services: &Services, running: Running, answer: String) -> Result<(), Error> {
    let write = move |connection: &mut _| table::finish(connection, &running.0, &answer);
    Ok(services.store.write_statement(write).await?)
}

/// Frees the key of a request that had no effect: the same request with it is run again.
///
/// # Errors
/// Errors of the store.
pub async fn abandon(services: &Services, running: Running) -> Result<(), Error> {
    let write = move |connection: &mut _| table::delete_running(connection, &running.0);
    Ok(services.store.write_statement(write).await?)
}

/// The MAC of some parts. Each is preceded by its length: two different lists never give the same bytes.
fn mac(services: &Services, parts: &[&[u8]]) -> String {
    let key = services.master_keys.derive(PURPOSE);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    BASE64_URL_SAFE_NO_PAD.encode(context.sign())
}
