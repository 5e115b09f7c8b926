//! `/auth/*`: log-in by password, refresh, log-out, and asking about a token.

use actix_web::{HttpRequest, web};
use serde::Serialize;

use super::{
    answer::Answer,
    body::{Fields, identifier, password, token},
    callers::{Bearer, Stranger},
    errors::ApiError,
    me::AccountView,
};
use crate::{
    domain::{
        principal::UserType,
        problem::{Problem, Problems},
    },
    http::context::{RequestContext, RequestContextRef},
    services::{self, Services, login::Credentials, refresh::RefreshRequest, sessions::TokenPair},
};

/// Token data: the pair, how long each lives, and whose they are.
#[derive(Serialize)]
pub(super) struct TokenData {
    access: String,
    refresh: String,
    token_type: String,
    expires_in: u64,
    refresh_expires_in: u64,
    user: AccountView,
}

impl TokenData {
    pub(super) fn new(services: &Services, pair: TokenPair) -> Self {
        let TokenPair {
            access,
            refresh,
            account,
            issued_at,
        } = pair;
        let issued_at = issued_at.whole_seconds();
        let scheme = services.tokens.settings().auth_header_types.first();
        Self {
            expires_in: access.expires_at.since(issued_at).as_secs(),
            refresh_expires_in: refresh.expires_at.since(issued_at).as_secs(),
            access: access.token,
            refresh: refresh.token,
            token_type: scheme.map_or("Bearer", String::as_str).to_owned(),
            user: AccountView::from(&account),
        }
    }
}

/// `POST /auth/login`: e-mail (or username) and password for a pair of tokens.
///
/// **Permissions**: anyone. `200` `LOGGED_IN`; `400`, `401` `INVALID_CREDENTIALS`, `429` `RATE_LIMITED`, `503`.
pub(super) async fn log_in(
    services: web::Data<Services>,
    context: RequestContextRef,
    stranger: Stranger,
    mut fields: Fields,
) -> Result<Answer<TokenData>, ApiError> {
    let user_type = fields.optional("user_type", |word| {
        word.parse::<UserType>()
            .map_err(|_| Problem::NotOneOf(UserType::NAMES))
    });
    let name = if !fields.has("username") && fields.has("email") {
        "email"
    } else {
        "username"
    };
    let identifier = fields.required(name, identifier);
    let password = fields.required("password", password);
    let (identifier, password) = fields.complete(identifier.zip(password))?;
    let credentials = Credentials {
        user_type: user_type.unwrap_or(UserType::User),
        identifier,
        password,
    };
    let pair = services::login::log_in(&services, credentials, stranger.0).await?;
    logged_in(&services, &context, pair)
}

/// The answer to whoever was let in: a pair of tokens, and a device token.
pub(super) fn logged_in(
    services: &Services,
    context: &RequestContext,
    pair: TokenPair,
) -> Result<Answer<TokenData>, ApiError> {
    context.note_caller(pair.account.principal);
    let device = services::device_tokens::issue(services, &pair.account)?;
    let answer = Answer::tokens("LOGGED_IN", TokenData::new(services, pair));
    Ok(answer.on_device(services, device))
}

/// `POST /auth/refresh`: a refresh token for a new pair; the old one is used up.
///
/// **Permissions**: anyone. `200` `REFRESHED`; `400`, `401` with the reason's code, `429` `RATE_LIMITED`, `503`.
pub(super) async fn refresh(
    services: web::Data<Services>,
    context: RequestContextRef,
    stranger: Stranger,
    mut fields: Fields,
) -> Result<Answer<TokenData>, ApiError> {
    let refresh = fields.required("refresh", token);
    let refresh = fields.complete(refresh)?;
    let request = RefreshRequest {
        token: refresh,
        actor: stranger.0.actor,
        language: context.language,
    };
    let pair = services::refresh::refresh(&services, request).await?;
    context.note_caller(pair.account.principal);
    Ok(Answer::tokens("REFRESHED", TokenData::new(&services, pair)))
}

/// `POST /auth/logout`: ends the session of the caller's refresh token.
///
/// **Permissions**: a bearer, for his own refresh tokens. `200` `LOGGED_OUT`; `400` `INVALID_REQUEST` or `INVALID_TOKEN`,
/// `401`, `403` `FORBIDDEN`, `503`.
pub(super) async fn log_out(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
    mut fields: Fields,
) -> Result<Answer<()>, ApiError> {
    if fields.are_readable() && !fields.has("refresh") {
        return Err(ApiError::RefreshTokenRequired(Problems::one(
            "refresh",
            Problem::Required,
        )));
    }
    let refresh = fields.required("refresh", token);
    let refresh = fields.complete(refresh)?;
    services::logout::log_out(&services, &caller.actor(&request), &caller.0, &refresh).await?;
    Ok(Answer::done("LOGGED_OUT"))
}

/// How many sessions a log-out of all ended.
#[derive(Serialize)]
pub(super) struct EndedSessions {
    sessions: usize,
}

/// `POST /auth/logout-all`: ends all sessions of the caller, with `keep_current` all but the one he calls from.
///
/// **Permissions**: a bearer. `200` `LOGGED_OUT_ALL`; `400`, `401`, `503`.
pub(super) async fn log_out_all(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
    mut fields: Fields,
) -> Result<Answer<EndedSessions>, ApiError> {
    let keep_current = fields.boolean("keep_current").unwrap_or(false);
    fields.finish()?;
    let actor = caller.actor(&request);
    let sessions =
        services::logout::log_out_all(&services, &actor, &caller.0, keep_current).await?;
    Ok(Answer::ok("LOGGED_OUT_ALL", EndedSessions { sessions }))
}

/// `POST /auth/verify`: whether a token of either type would be accepted now, and its claims.
///
/// **Permissions**: anyone. `200` `TOKEN_VALID`; `400`, `401` with the reason's code, `503`.
pub(super) async fn verify(
    services: web::Data<Services>,
    mut fields: Fields,
) -> Result<Answer<serde_json::Map<String, serde_json::Value>>, ApiError> {
    let token = fields.required("token", token);
    let token = fields.complete(token)?;
    let claims = services::bearer::verify(&services, &token).await?;
    Ok(Answer::tokens("TOKEN_VALID", claims.all().clone()))
}

/// The number in a path such as `/api/users/7`; whatever is no number names nobody.
pub(super) fn user_seq_in(request: &HttpRequest) -> Option<crate::domain::principal::UserSeq> {
    request
        .match_info()
        .get("user_seq")
        .and_then(crate::domain::principal::UserSeq::from_digits)
}
