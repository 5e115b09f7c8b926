//! `/api/locks`: accounts and addresses that are blocked after too many failed attempts.

use actix_web::web;
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::limits::LimitKind;
use crate::domain::principal::{UserSeq, UserType};
use crate::domain::problem::Problem;
use crate::http::api::admin::granted::Granted;
use crate::http::api::admin::list::{Changed, position};
use crate::http::api::answer::Answer;
use crate::http::api::body::Fields;
use crate::http::api::errors::ApiError;
use crate::http::api::input::{Kind, inputs};
use crate::http::api::inputs::{SEARCH, plain};
use crate::http::api::query::Query;
use crate::services::Services;
use crate::services::limits::locks;
use crate::store::rate_limits::{LockFilter, LockRow};

/// The most characters of the name of a lock.
const MAX_LOCK: usize = 500;

inputs! {
    /// The limit that was exceeded.
    LIMIT: LimitKind = "limit", Kind::OneOf(LimitKind::NAMES), limit;
    /// The lock, as the list names it.
    LOCK: String = "lock", Kind::Text { format: None, max: Some(MAX_LOCK) }, lock;
}

fn limit(text: &str) -> Result<LimitKind, Problem> {
    LimitKind::from_word(text).ok_or(Problem::NotOneOf(LimitKind::NAMES))
}

fn lock(text: &str) -> Result<String, Problem> {
    plain(text, MAX_LOCK)
}

/// A lock.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Lock")]
pub(in crate::http::api) struct LockView {
    /// The name of the lock, to lift it by.
    #[schemars(example = &"login:user:minji@example.org")]
    lock: String,
    /// The limit that was exceeded.
    limit: LimitKind,
    /// The population of the login name; `null` for an address.
    user_type: Option<UserType>,
    /// The number of the account; `null` if no account has the login name.
    user_seq: Option<UserSeq>,
    /// The login name or the address.
    #[schemars(example = &"minji@example.org")]
    subject: Option<String>,
    /// Whether only a known device of the account is locked.
    is_of_device: bool,
    /// How many attempts failed.
    #[schemars(example = 5)]
    attempts: i64,
    /// When it was locked.
    locked_at: Timestamp,
    /// When the lock ends.
    locked_until: Timestamp,
}

impl LockView {
    fn new(row: LockRow) -> Self {
        Self {
            is_of_device: row.is_of_device(),
            lock: row.bucket,
            limit: row.kind,
            user_type: row.user_type,
            user_seq: row.user_seq,
            subject: row.subject,
            attempts: row.hits,
            locked_at: row.locked_at,
            locked_until: row.locked_until,
        }
    }
}

/// `GET /api/locks`: the locks of accounts and addresses, the latest first.
///
/// **Permissions**: `admin:locks:read`. `200` `LOCK_LIST`; `400`, `401`, `403`, `503`.
pub(in crate::http::api) async fn list(
    services: web::Data<Services>,
    _: Granted,
    mut query: Query,
) -> Result<Answer<Vec<LockView>>, ApiError> {
    let filter = LockFilter {
        search: query.get(&SEARCH).flatten(),
        kind: query.get(&LIMIT),
        ..LockFilter::default()
    };
    let (seek, size) = position(&mut query, |cursor| cursor.time().is_some());
    query.finish()?;
    let slice = locks::list(&services, filter, seek, size).await?;
    let cursor_of = locks::cursor_of;
    Ok(Answer::part(
        "LOCK_LIST",
        slice,
        size,
        cursor_of,
        LockView::new,
    ))
}

/// `POST /api/locks/lift`: lifts a lock before its time.
///
/// **Permissions**: `admin:locks:write`. `200` `LOCK_LIFTED`; `400`, `401`, `403`, `503`.
pub(in crate::http::api) async fn lift(
    services: web::Data<Services>,
    caller: Granted,
    mut fields: Fields,
) -> Result<Answer<Changed>, ApiError> {
    let lock = fields.required(&LOCK);
    let lock = fields.complete(lock)?;
    let changed = locks::lift(&services, &caller.actor, &lock).await?;
    Ok(Answer::ok("LOCK_LIFTED", Changed { changed }))
}
