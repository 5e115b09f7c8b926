//! `/api/sessions`: the sessions of all accounts.

use actix_web::{HttpRequest, web};
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::problem::Problem;
use crate::domain::session::{LoginMethod, RevocationReason, SessionId, SessionStatus};
use crate::http::api::admin::granted::Granted;
use crate::http::api::admin::list::{
    BEFORE, Changed, FROM, OWNER_TYPE, OwnerView, PERSON, filter_text, part_by_owner, position,
};
use crate::http::api::answer::Answer;
use crate::http::api::body::Fields;
use crate::http::api::errors::ApiError;
use crate::http::api::input::{Kind, inputs};
use crate::http::api::query::Query;
use crate::services::Services;
use crate::services::auth::session_list::{self, SessionQuery};
use crate::services::auth::sessions::{self, RevocationOutcome};
use crate::services::tokens::owner::Owner;
use crate::store::session_list::SessionListRow;

/// The most characters of a filter.
const MAX_FILTER: usize = 200;
/// The most characters of an account.
const MAX_ACCOUNT: usize = 30;
/// The states, and the word for all of them.
const STATES: &[&str] = &["live", "ended", "all"];

inputs! {
    /// The state of the sessions; `live` if missing.
    STATE: Option<SessionStatus> = "state", Kind::OneOf(STATES), state;
    /// The address of the login or the last refresh.
    ADDRESS: Option<String> = "address", Kind::Text { format: None, max: Some(MAX_FILTER) }, filter_text;
    /// A part of the user agent of the login or the last refresh.
    PROGRAM: Option<String> = "program", Kind::Text { format: None, max: Some(MAX_FILTER) }, filter_text;
    /// The account, such as `user:1`: its population and number, as in the claim `sub`.
    ACCOUNT: Principal = "account", Kind::Text { format: Some("account"), max: Some(MAX_ACCOUNT) }, account;
}

fn state(text: &str) -> Result<Option<SessionStatus>, Problem> {
    match text {
        "all" => Ok(None),
        word => SessionStatus::from_word(word)
            .map(Some)
            .ok_or(Problem::NotOneOf(STATES)),
    }
}

fn account(text: &str) -> Result<Principal, Problem> {
    let parts = text.split_once(':');
    let read = parts.and_then(|(word, digits)| {
        let user_type = UserType::from_word(word)?;
        Some(Principal::new(user_type, UserSeq::from_digits(digits)?))
    });
    read.ok_or(Problem::NotAccount)
}

/// A session of any account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccountSession")]
pub(in crate::http::api) struct SessionView {
    /// The session's id; the claim `sid` of its tokens.
    id: SessionId,
    /// The account.
    owner: OwnerView,
    /// How the account logged in.
    method: LoginMethod,
    /// The address of the login.
    #[schemars(example = &"203.0.113.7")]
    ip_address: Option<String>,
    /// The user agent of the login.
    #[schemars(example = &"Mozilla/5.0 (X11; Linux x86_64)")]
    device: Option<String>,
    /// The address of the last refresh.
    last_ip_address: Option<String>,
    /// The user agent of the last refresh.
    last_device: Option<String>,
    /// The login.
    created_at: Timestamp,
    /// The last refresh, or the login.
    last_used_at: Timestamp,
    /// When the session ends unless it is refreshed.
    expires_at: Timestamp,
    /// When it was ended; `null` if it was not.
    ended_at: Option<Timestamp>,
    /// Why it was ended.
    end_reason: Option<RevocationReason>,
}

impl SessionView {
    fn new(row: SessionListRow) -> Self {
        Self {
            id: row.id,
            owner: OwnerView::new(Owner::new(row.user_type, row.user_seq, row.login, row.name)),
            method: row.method,
            ip_address: row.ip_address,
            device: row.user_agent,
            last_ip_address: row.last_ip_address,
            last_device: row.last_user_agent,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
            end_reason: row.end_reason,
        }
    }
}

/// `GET /api/sessions`: the sessions of all accounts, the latest first.
///
/// **Permissions**: `admin:sessions:read`. `200` `ADMIN_SESSION_LIST`; `400`, `401`, `403`, `503`.
pub(in crate::http::api) async fn list(
    services: web::Data<Services>,
    _: Granted,
    mut query: Query,
) -> Result<Answer<Vec<SessionView>>, ApiError> {
    let filter = SessionQuery {
        user_type: query.get(&OWNER_TYPE),
        person: query.get(&PERSON).flatten(),
        status: query.get(&STATE).unwrap_or(Some(SessionStatus::Live)),
        address: query.get(&ADDRESS).flatten(),
        program: query.get(&PROGRAM).flatten(),
        id: None,
        from: query.get(&FROM),
        before: query.get(&BEFORE),
    };
    let (seek, size) = position(&mut query, |cursor| SessionId::parse(&cursor.id).is_some());
    query.finish()?;
    let found = session_list::list(&services, filter, seek, size).await?;
    let (code, cursor_of) = ("ADMIN_SESSION_LIST", session_list::cursor_of);
    part_by_owner(code, found, size, cursor_of, SessionView::new)
}

/// `DELETE /api/sessions/{id}`: ends a session with its tokens.
///
/// **Permissions**: `admin:sessions:write`. `200` `SESSION_ENDED`; `401`, `403`, `404`, `503`.
pub(in crate::http::api) async fn end(
    services: web::Data<Services>,
    caller: Granted,
    request: HttpRequest,
) -> Result<Answer<Changed>, ApiError> {
    let id = request.match_info().get("id").and_then(SessionId::parse);
    let id = id.ok_or(ApiError::NotFound)?;
    let ended = sessions::end_by_administrator(&services, &caller.actor, id, None).await?;
    changed("SESSION_ENDED", ended)
}

/// The answer to a revocation: `404` for what does not exist.
pub(super) fn changed(
    code: &'static str,
    outcome: RevocationOutcome,
) -> Result<Answer<Changed>, ApiError> {
    let changed = match outcome {
        RevocationOutcome::Revoked => true,
        RevocationOutcome::AlreadyRevoked => false,
        RevocationOutcome::NotFound => return Err(ApiError::NotFound),
    };
    Ok(Answer::ok(code, Changed { changed }))
}

/// How many sessions a call ended.
#[derive(Serialize, JsonSchema)]
pub(in crate::http::api) struct Ended {
    /// The number of sessions.
    #[schemars(example = 2)]
    sessions: usize,
}

/// `POST /api/sessions/end`: ends all sessions of an account, also those in the panel.
///
/// **Permissions**: `admin:sessions:write`. `200` `SESSIONS_ENDED`; `400`, `401`, `403`, `404` (no such account), `503`.
pub(in crate::http::api) async fn end_all(
    services: web::Data<Services>,
    caller: Granted,
    mut fields: Fields,
) -> Result<Answer<Ended>, ApiError> {
    let owner = fields.required(&ACCOUNT);
    let owner = fields.complete(owner)?;
    let sessions = sessions::end_all_by_administrator(&services, &caller.actor, owner).await?;
    Ok(Answer::ok("SESSIONS_ENDED", Ended { sessions }))
}
