//! `/auth/*`: log-in by password, refresh, log-out, and asking about a token.

use std::time::Duration;

use actix_web::{HttpRequest, web};
use serde::Serialize;

use crate::{
    domain::{
        principal::UserType,
        problem::{Problem, Problems},
    },
    http::{
        api::{
            answer::Answer,
            body::{Fields, identifier, password, token},
            callers::{Anonymous, Bearer},
            errors::ApiError,
            me::AccountView,
            refresh_transport::{RefreshTransport, TokenTransport},
        },
        middleware::context::{RequestContext, RequestContextRef},
        refresh_cookie,
    },
    services::{
        Error, Services,
        auth::{login::Credentials, refresh_request::RefreshRequest, token_pair::TokenPair},
    },
};

/// Token data: the pair, how long each lives, and whose they are.
#[derive(Serialize)]
pub(super) struct TokenData {
    access: String,
    /// Left out where it travels in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<String>,
    token_type: String,
    expires_in: u64,
    refresh_expires_in: u64,
    user: AccountView,
}

impl TokenData {
    fn new(services: &Services, pair: TokenPair) -> Self {
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
            refresh: Some(refresh.token),
            token_type: scheme.map_or("Bearer", String::as_str).to_owned(),
            user: AccountView::from(&account),
        }
    }
}

/// The answer that hands out a pair of tokens, the refresh token in its way.
fn token_response(
    services: &Services,
    code: &'static str,
    pair: TokenPair,
    way: TokenTransport,
) -> Answer<TokenData> {
    let mut data = TokenData::new(services, pair);
    let token = match way {
        TokenTransport::Body => None,
        TokenTransport::Cookie => data.refresh.take(),
    };
    let life = Duration::from_secs(data.refresh_expires_in);
    let cookie = token.map(|token| refresh_cookie::keep(services, token, life));
    Answer::ok(code, data).with_refresh_cookie(cookie)
}

/// `POST /auth/login`: e-mail (or username) and password for a pair of tokens.
///
/// **Permissions**: anyone. `200` `LOGGED_IN`; `400`, `401` `INVALID_CREDENTIALS`, `403` `FORBIDDEN` (a foreign page that
/// would have the cookie set), `429` `RATE_LIMITED`, `503`.
pub(super) async fn log_in(
    services: web::Data<Services>,
    context: RequestContextRef,
    stranger: Anonymous,
    transport: RefreshTransport,
    mut fields: Fields,
) -> Result<Answer<TokenData>, ApiError> {
    let way = transport.asked_for(&mut fields)?;
    let credentials = credentials(fields)?;
    let pair = crate::services::auth::login::log_in(&services, credentials, stranger.0).await?;
    logged_in(&services, &context, pair, way)
}

fn credentials(mut fields: Fields) -> Result<Credentials, ApiError> {
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
    Ok(Credentials {
        user_type: user_type.unwrap_or(UserType::User),
        identifier,
        password,
    })
}

/// The answer to whoever was let in: a pair of tokens, and a device token.
pub(super) fn logged_in(
    services: &Services,
    context: &RequestContext,
    pair: TokenPair,
    way: TokenTransport,
) -> Result<Answer<TokenData>, ApiError> {
    context.note_caller(pair.account.principal);
    let device = crate::services::limits::device_tokens::issue(services, &pair.account)?;
    let answer = token_response(services, "LOGGED_IN", pair, way);
    Ok(answer.on_device(services, device))
}

/// `POST /auth/refresh`: a refresh token for a new pair; the old one is used up.
///
/// **Permissions**: anyone. `200` `REFRESHED`; `400`, `401` with the reason's code (`UNAUTHORIZED`: none in the cookie),
/// `403` `FORBIDDEN` (the cookie, from a foreign page), `429` `RATE_LIMITED`, `503`.
pub(super) async fn refresh(
    services: web::Data<Services>,
    context: RequestContextRef,
    stranger: Anonymous,
    transport: RefreshTransport,
    fields: Fields,
) -> Result<Answer<TokenData>, ApiError> {
    let shown = transport.shown(fields)?.ok_or(Error::Unauthorized)?;
    let request = RefreshRequest {
        token: shown.token,
        actor: stranger.0.actor,
        language: context.language,
    };
    let pair = crate::services::auth::refresh::refresh(&services, request)
        .await
        .map_err(|error| transport.refusal(shown.way, error))?;
    context.note_caller(pair.account.principal);
    Ok(token_response(&services, "REFRESHED", pair, shown.way))
}

/// `POST /auth/logout`: ends the session of the refresh token in the body; where cookies are read and there is none, the
/// session that the caller calls from, and that of his cookie.
///
/// **Permissions**: a bearer, for his own refresh tokens. `200` `LOGGED_OUT`; `400` `INVALID_REQUEST` or `INVALID_TOKEN`,
/// `401`, `403` `FORBIDDEN` (somebody else's token in the body, or the cookie from a foreign page; nothing changes), `503`.
pub(super) async fn log_out(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
    transport: RefreshTransport,
    fields: Fields,
) -> Result<Answer<()>, ApiError> {
    if transport.is_by_body() && fields.are_readable() && !fields.has("refresh") {
        return Err(ApiError::RefreshTokenRequired(Problems::one(
            "refresh",
            Problem::Required,
        )));
    }
    let (answer, actor) = (Answer::done("LOGGED_OUT"), caller.actor(&request));
    let shown = transport.shown(fields)?;
    if let Some(shown) = shown.filter(|shown| shown.way == TokenTransport::Body) {
        crate::services::auth::logout::log_out(&services, &actor, &caller.0, &shown.token).await?;
        return Ok(answer);
    }
    let owner = caller.0.account.principal;
    let removal = transport.removal(|kept| kept.principal == owner)?;
    let kept = transport.kept();
    crate::services::auth::logout::log_out_current(&services, &actor, &caller.0, kept.as_ref())
        .await?;
    Ok(answer.with_refresh_cookie(removal))
}

/// How many sessions a log-out of all ended.
#[derive(Serialize)]
pub(super) struct EndedSessions {
    sessions: usize,
}

/// `POST /auth/logout-all`: ends all sessions of the caller, with `keep_current` all but the one he calls from.
///
/// **Permissions**: a bearer. `200` `LOGGED_OUT_ALL`; `400`, `401`, `403` `FORBIDDEN` (the refresh cookie came along from a
/// foreign page), `503`.
pub(super) async fn log_out_all(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
    transport: RefreshTransport,
    mut fields: Fields,
) -> Result<Answer<EndedSessions>, ApiError> {
    let keep_current = fields.boolean("keep_current").unwrap_or(false);
    fields.finish()?;
    let removal = if keep_current {
        None
    } else {
        let owner = caller.0.account.principal;
        transport.removal(|kept| kept.principal == owner)?
    };
    let actor = caller.actor(&request);
    let sessions =
        crate::services::auth::logout::log_out_all(&services, &actor, &caller.0, keep_current)
            .await?;
    let answer = Answer::ok("LOGGED_OUT_ALL", EndedSessions { sessions });
    Ok(answer.with_refresh_cookie(removal))
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
    let claims = crate::services::auth::bearer::verify(&services, &token).await?;
    Ok(Answer::ok("TOKEN_VALID", claims.all().clone()))
}

/// The number in a path such as `/api/users/7`; whatever is no number names nobody.
pub(super) fn user_seq_in(request: &HttpRequest) -> Option<crate::domain::principal::UserSeq> {
    request
        .match_info()
        .get("user_seq")
        .and_then(crate::domain::principal::UserSeq::from_digits)
}
