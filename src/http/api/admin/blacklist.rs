//! `/api/blacklist`: the blacklisted refresh tokens, and the flush of expired rows.

use actix_web::web;
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::audit::AuditSource;
use crate::domain::problem::Problem;
use crate::domain::session::{Jti, RevocationReason};
use crate::http::api::admin::granted::Granted;
use crate::http::api::admin::jobs::JobView;
use crate::http::api::admin::list::{
    BEFORE, FROM, OWNER_TYPE, OwnerView, PERSON, part_by_owner, position,
};
use crate::http::api::answer::Answer;
use crate::http::api::errors::ApiError;
use crate::http::api::input::{Kind, inputs};
use crate::http::api::query::Query;
use crate::services::Services;
use crate::services::maintenance::{flush, jobs};
use crate::services::tokens::blacklist::{self, BlacklistQuery, BlacklistedToken};

inputs! {
    /// The reasons, separated by commas; all if missing.
    REASONS: Vec<RevocationReason> = "reason", Kind::AnyOf(RevocationReason::NAMES), reasons;
}

fn reasons(text: &str) -> Result<Vec<RevocationReason>, Problem> {
    let words = text.split(',');
    let found: Option<Vec<_>> = words
        .map(|word| RevocationReason::from_word(word.trim()))
        .collect();
    found.ok_or(Problem::NotOneOf(RevocationReason::NAMES))
}

/// A blacklisted refresh token.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BlacklistedToken")]
pub(in crate::http::api) struct BlacklistedView {
    /// The id of the token; its claim `jti`.
    jti: Jti,
    /// The account that it was issued to.
    owner: OwnerView,
    /// Why it was blacklisted.
    reason: RevocationReason,
    /// By which interface it was blacklisted, as far as the audit log has it.
    source: Option<AuditSource>,
    /// By whom it was blacklisted, as far as the audit log has it.
    #[schemars(example = &"ops")]
    actor: Option<String>,
    /// When it was blacklisted.
    blacklisted_at: Timestamp,
    /// When it expires.
    expires_at: Timestamp,
}

impl BlacklistedView {
    fn new(token: BlacklistedToken) -> Self {
        let (source, actor) = token.actor.unzip();
        Self {
            jti: token.jti,
            owner: OwnerView::new(token.owner),
            reason: token.reason,
            source,
            actor: actor.flatten(),
            blacklisted_at: token.blacklisted_at,
            expires_at: token.expires_at,
        }
    }
}

/// `GET /api/blacklist`: the blacklisted refresh tokens, the latest first.
///
/// **Permissions**: `admin:blacklist:read`. `200` `BLACKLIST`; `400`, `401`, `403`, `503`.
pub(in crate::http::api) async fn list(
    services: web::Data<Services>,
    _: Granted,
    mut query: Query,
) -> Result<Answer<Vec<BlacklistedView>>, ApiError> {
    let filter = BlacklistQuery {
        user_type: query.get(&OWNER_TYPE),
        person: query.get(&PERSON).flatten(),
        reasons: query.get(&REASONS),
        from: query.get(&FROM),
        to: query.get(&BEFORE),
    };
    let (seek, size) = position(&mut query, |cursor| {
        cursor.time().is_some() && Jti::parse(&cursor.id).is_some()
    });
    query.finish()?;
    let found = blacklist::list(&services, filter, seek, size).await?;
    let (code, cursor_of) = ("BLACKLIST", blacklist::cursor_of);
    part_by_owner(code, found, size, cursor_of, BlacklistedView::new)
}

/// `POST /api/blacklist/flush`: starts a flush of expired rows in the background, or returns the one that is running.
///
/// **Permissions**: `admin:blacklist:write`. `202` `FLUSH_STARTED`; `401`, `403`, `503`.
pub(in crate::http::api) async fn flush(
    services: web::Data<Services>,
    caller: Granted,
) -> Result<Answer<JobView>, ApiError> {
    let started = flush::start(&services, &caller.actor).await?;
    let job = jobs::find(&services, &started.job).await?;
    let job = job.ok_or(ApiError::NotFound)?;
    Ok(Answer::accepted_with("FLUSH_STARTED", JobView::new(job)))
}
