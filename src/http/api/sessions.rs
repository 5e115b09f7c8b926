//! `/auth/sessions`: the caller's sessions.

use actix_web::{HttpRequest, web};
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::session::{LoginMethod, SessionId};
use crate::http::api::answer::Answer;
use crate::http::api::callers::{Bearer, actor};
use crate::http::api::errors::ApiError;
use crate::http::api::refresh_transport::RefreshTransport;
use crate::services::Services;
use crate::services::auth::sessions;
use crate::store::sessions::SessionRow;

/// A session in an answer to its owner.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Session")]
pub(super) struct SessionView {
    /// The session's id; the claim `sid` of its tokens.
    id: SessionId,
    /// How the account logged in.
    method: LoginMethod,
    /// The user agent of the login.
    #[schemars(example = &"Mozilla/5.0 (X11; Linux x86_64)")]
    device: Option<String>,
    /// The address of the login.
    #[schemars(example = &"203.0.113.7")]
    ip_address: Option<String>,
    /// The login.
    created_at: Timestamp,
    /// The last refresh, or the login.
    last_used_at: Timestamp,
    /// When the session ends unless it is refreshed.
    expires_at: Timestamp,
    /// Whether the access token of the request belongs to it.
    current: bool,
}

impl SessionView {
    fn new(session: SessionRow, current: &SessionId) -> Self {
        Self {
            current: session.id == *current,
            id: session.id,
            method: session.method,
            device: session.user_agent,
            ip_address: session.ip_address,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
        }
    }
}

/// `GET /auth/sessions`: the caller's active sessions, the last used first; at most 100.
///
/// **Permissions**: a bearer of either population. `200` `SESSION_LIST`; `401`, `503`.
pub(super) async fn list(
    services: web::Data<Services>,
    caller: Bearer,
) -> Result<Answer<Vec<SessionView>>, ApiError> {
    let live = sessions::list_live(&services, caller.0.account.principal).await?;
    let views = live
        .into_iter()
        .map(|session| SessionView::new(session, &caller.0.session));
    Ok(Answer::ok("SESSION_LIST", views.collect()))
}

/// `DELETE /auth/sessions/{id}`: ends one of the caller's active sessions with its access tokens, the current one included.
///
/// **Permissions**: a bearer of either population, own sessions. `200` `SESSION_ENDED`; `401`, `403` `FORBIDDEN` (the current one,
/// with the refresh cookie, from a page of another origin), `404` (no active session of the caller), `503`.
pub(super) async fn end(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
    transport: RefreshTransport,
) -> Result<Answer<()>, ApiError> {
    let id = request.match_info().get("id").and_then(SessionId::parse);
    let id = id.ok_or(ApiError::NotFound)?;
    let removal = if id == caller.0.session {
        transport.removal(|claims| claims.session == id)?
    } else {
        None
    };
    let actor = actor(&caller.0, &request);
    if !sessions::end_own(&services, &actor, &caller.0.account, id).await? {
        return Err(ApiError::NotFound);
    }
    Ok(Answer::done("SESSION_ENDED").with_refresh_cookie(removal))
}
