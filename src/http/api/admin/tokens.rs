//! `/api/tokens`: the refresh tokens of all accounts. The text of a token is not stored.

use actix_web::{HttpRequest, web};
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::problem::Problem;
use crate::domain::session::{Jti, RevocationReason, SessionId, TokenState};
use crate::http::api::admin::granted::Granted;
use crate::http::api::admin::list::{
    BEFORE, Changed, FROM, OWNER_TYPE, OwnerView, PERSON, part_by_owner, position,
};
use crate::http::api::admin::sessions::changed;
use crate::http::api::answer::Answer;
use crate::http::api::errors::ApiError;
use crate::http::api::input::{Kind, inputs};
use crate::http::api::query::Query;
use crate::services::Services;
use crate::services::tokens::refresh_tokens::{self, Token, TokenQuery};

inputs! {
    /// The state of the tokens.
    STATE: TokenState = "state", Kind::OneOf(TokenState::NAMES), state;
}

fn state(text: &str) -> Result<TokenState, Problem> {
    TokenState::from_word(text).ok_or(Problem::NotOneOf(TokenState::NAMES))
}

/// A refresh token.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RefreshToken")]
pub(in crate::http::api) struct TokenView {
    /// The id of the token; its claim `jti`.
    jti: Jti,
    /// The session that it belongs to.
    session: SessionId,
    /// The account that it was issued to.
    owner: OwnerView,
    /// Its state.
    state: TokenState,
    /// Why it was blacklisted; `null` if it was not.
    reason: Option<RevocationReason>,
    /// When it was blacklisted.
    blacklisted_at: Option<Timestamp>,
    /// When it was issued.
    created_at: Timestamp,
    /// When it expires.
    expires_at: Timestamp,
}

impl TokenView {
    fn new(token: Token) -> Self {
        let (reason, blacklisted_at) = token.refused.unzip();
        Self {
            jti: token.jti,
            session: token.session,
            owner: OwnerView::new(token.owner),
            state: token.state,
            reason,
            blacklisted_at,
            created_at: token.created_at,
            expires_at: token.expires_at,
        }
    }
}

/// `GET /api/tokens`: the refresh tokens of all accounts, the latest first.
///
/// **Permissions**: `admin:tokens:read`. `200` `TOKEN_LIST`; `400`, `401`, `403`, `503`.
pub(in crate::http::api) async fn list(
    services: web::Data<Services>,
    _: Granted,
    mut query: Query,
) -> Result<Answer<Vec<TokenView>>, ApiError> {
    let filter = TokenQuery {
        user_type: query.get(&OWNER_TYPE),
        person: query.get(&PERSON).flatten(),
        state: query.get(&STATE),
        from: query.get(&FROM),
        to: query.get(&BEFORE),
    };
    let (seek, size) = position(&mut query, |cursor| Jti::parse(&cursor.id).is_some());
    query.finish()?;
    let found = refresh_tokens::list(&services, filter, seek, size).await?;
    let (code, cursor_of) = ("TOKEN_LIST", refresh_tokens::cursor_of);
    part_by_owner(code, found, size, cursor_of, TokenView::new)
}

/// `POST /api/tokens/{id}/blacklist`: refuses a refresh token from now on. Its session does not end.
///
/// **Permissions**: `admin:tokens:write`. `200` `TOKEN_REVOKED`; `401`, `403`, `404`, `503`.
pub(in crate::http::api) async fn blacklist(
    services: web::Data<Services>,
    caller: Granted,
    request: HttpRequest,
) -> Result<Answer<Changed>, ApiError> {
    let jti = request.match_info().get("id").and_then(Jti::parse);
    let jti = jti.ok_or(ApiError::NotFound)?;
    let revoked = refresh_tokens::blacklist(&services, caller.actor, jti).await?;
    changed("TOKEN_REVOKED", revoked)
}
