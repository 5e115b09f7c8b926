//! `/auth/*`: login by password, refresh, logout, and verification of a token.

use std::{borrow::Cow, sync::Arc};

use actix_web::{HttpRequest, web};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::principal::{UserSeq, UserType};
use crate::domain::problem::{Problem, Problems};
use crate::domain::session::{Jti, SessionId};
use crate::http::api::answer::Answer;
use crate::http::api::body::Fields;
use crate::http::api::callers::{Anonymous, Bearer, OptionalBearer, actor, anonymous_actor};
use crate::http::api::errors::ApiError;
use crate::http::api::inputs::{
    EMAIL_IDENTIFIER, IDENTIFIER, KEEP_CURRENT, LOGIN_PASSWORD, TOKEN, USER_TYPE,
};
use crate::http::api::refresh_transport::{REFRESH, RefreshTransport};
use crate::http::api::token_answers::{LoginRequest, TokenData, token_response};
use crate::http::middleware::context::RequestContext;
use crate::services::auth::login::{self, Credentials};
use crate::services::auth::logout::{self, Logout};
use crate::services::auth::refresh_request::RefreshRequest;
use crate::services::auth::{bearer, refresh};
use crate::services::{Error, Services};
use crate::tokens::TokenType;

/// `POST /auth/login`: exchanges a username or e-mail address and a password for a pair of tokens.
///
/// **Permissions**: anyone. `200` `LOGGED_IN`; `400`, `401` `INVALID_CREDENTIALS` or `SECOND_FACTOR_REQUIRED`, `403`
/// `SECOND_FACTOR_SETUP_REQUIRED` or `FORBIDDEN` (a page of another origin requests the cookie), `429` `RATE_LIMITED`, `503`.
pub(super) async fn log_in(request: LoginRequest) -> Result<Answer<TokenData>, ApiError> {
    let LoginRequest {
        answer,
        caller,
        fields,
    } = request;
    let credentials = credentials(fields)?;
    let logged_in = Box::pin(login::log_in(answer.services(), credentials, caller)).await?;
    Ok(answer.with(logged_in))
}

fn credentials(mut fields: Fields) -> Result<Credentials, ApiError> {
    let user_type = fields.optional(&USER_TYPE);
    let (has_username, has_email) = (fields.has(&IDENTIFIER), fields.has(&EMAIL_IDENTIFIER));
    let identifier = if has_email && !has_username {
        fields.required(&EMAIL_IDENTIFIER)
    } else {
        fields.required(&IDENTIFIER)
    };
    let password = fields.required(&LOGIN_PASSWORD);
    let (identifier, password) = fields.complete(identifier.zip(password))?;
    Ok(Credentials {
        user_type: user_type.unwrap_or(UserType::User),
        identifier,
        password,
    })
}

/// `POST /auth/refresh`: exchanges a refresh token for a new pair of tokens; the refresh token cannot be used again.
///
/// **Permissions**: anyone. `200` `REFRESHED`; `400`, `401` with the code of the reason (`UNAUTHORIZED`: no
/// cookie), `403` `FORBIDDEN` (the cookie, from a page of another origin), `429` `RATE_LIMITED`, `503`.
pub(super) async fn refresh(
    services: web::Data<Services>,
    context: web::ReqData<Arc<RequestContext>>,
    caller: Anonymous,
    transport: RefreshTransport,
    fields: Fields,
) -> Result<Answer<TokenData>, ApiError> {
    let presented = transport.presented(fields)?.ok_or(Error::Unauthorized)?;
    let request = RefreshRequest {
        token: presented.token,
        token_type: TokenType::Refresh,
        actor: caller.0.actor,
        language: context.language,
    };
    let pair = refresh::refresh(&services, request)
        .await
        .map_err(|error| transport.refusal(presented.transport, error))?;
    context.note_caller(pair.account.principal);
    Ok(token_response(
        &services,
        "REFRESHED",
        pair,
        presented.transport,
    ))
}

/// `POST /auth/logout`: ends the sessions of the refresh tokens in the body and the cookie, and that of the access token. None
/// of them needs the others, except that an access token needs a refresh token where those are in bodies only.
///
/// **Permissions**: a bearer, or anyone with a refresh token. `200` `LOGGED_OUT`; `400` `INVALID_REQUEST` or
/// `INVALID_TOKEN`, `401` (neither of the two), `403` `FORBIDDEN` (a token of another account in the body, or the cookie
/// from a page of another origin; nothing changes), `503`.
pub(super) async fn log_out(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: OptionalBearer,
    transport: RefreshTransport,
    mut fields: Fields,
) -> Result<Answer<()>, ApiError> {
    let has_refresh = fields.has(&REFRESH) || transport.has_cookie();
    let caller = match caller.0 {
        Ok(caller) => Some(caller),
        // Without either token the request is answered like any other without a bearer.
        Err(error) if !has_refresh && fields.are_readable() => return Err(error),
        Err(_) => None,
    };
    if transport.is_body_only() && fields.are_readable() && !has_refresh {
        return Err(ApiError::RefreshTokenRequired(Problems::one(
            REFRESH.name,
            Problem::Required,
        )));
    }
    let actor = caller.as_ref().map_or_else(
        || anonymous_actor(&request),
        |caller| actor(caller, &request),
    );
    let (tokens, removal) = transport.logged_out(fields, caller.as_ref()).await?;
    logout::log_out(&services, &actor, Logout { caller, tokens }).await?;
    Ok(Answer::done("LOGGED_OUT").with_refresh_cookie(removal))
}

/// How many sessions were ended.
#[derive(Serialize, JsonSchema)]
pub(super) struct EndedSessions {
    /// The number of sessions.
    #[schemars(example = 3)]
    sessions: usize,
}

/// `POST /auth/logout-all`: ends all sessions of the caller, with `keep_current` all except the one of the access token.
///
/// **Permissions**: a bearer. `200` `LOGGED_OUT_ALL`; `400`, `401`, `403` `FORBIDDEN` (with the refresh cookie, from a
/// page of another origin), `503`.
pub(super) async fn log_out_all(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
    transport: RefreshTransport,
    mut fields: Fields,
) -> Result<Answer<EndedSessions>, ApiError> {
    let keep_current = fields.boolean(&KEEP_CURRENT).unwrap_or(false);
    fields.finish()?;
    let removal = if keep_current {
        None
    } else {
        let owner = caller.0.account.principal;
        transport.removal(|claims| claims.principal == owner)?
    };
    let actor = actor(&caller.0, &request);
    let sessions = logout::log_out_all(&services, &actor, &caller.0, keep_current).await?;
    let answer = Answer::ok("LOGGED_OUT_ALL", EndedSessions { sessions });
    Ok(answer.with_refresh_cookie(removal))
}

/// The claims of a token.
#[derive(Serialize)]
pub(super) struct VerifiedClaims(Map<String, Value>);

impl JsonSchema for VerifiedClaims {
    fn schema_name() -> Cow<'static, str> {
        "Claims".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "The claims of a token. The name of `user_seq` is set by `tokens.user_id_claim`.",
            "required": ["token_type", "exp", "iat", "jti", "sid", "user_type", "sub"],
            "properties": {
                "token_type": {"type": "string", "enum": ["access", "refresh", "sliding"]},
                "exp": {"type": "integer", "description": "When it expires, in seconds since 1970.", "examples": [1_771_074_045]},
                "iat": {"type": "integer", "description": "When it was issued, in seconds since 1970.", "examples": [1_771_072_245]},
                "jti": generator.subschema_for::<Jti>(),
                "sid": generator.subschema_for::<SessionId>(),
                "user_type": generator.subschema_for::<UserType>(),
                "user_seq": generator.subschema_for::<UserSeq>(),
                "sub": {"type": "string", "description": "The population and the number.", "examples": ["user:7"]},
                "auth_time": {"type": "integer", "description": "Of access tokens: when the owner last proved who they are, in seconds since 1970.", "examples": [1_771_072_245]},
                "amr": {"type": "array", "items": {"type": "string"}, "description": "Of access tokens: by which methods (RFC 8176).", "examples": [["pwd", "otp", "mfa"]]},
                "email": {"type": ["string", "null"], "description": "Of access tokens, if `tokens.claims` lists it."},
                "role": {"type": ["string", "null"], "description": "Of access tokens of internal users, if `tokens.claims` lists it."},
            },
        })
    }
}

/// `POST /auth/verify`: the claims of an access or refresh token that is accepted now.
///
/// **Permissions**: anyone. `200` `TOKEN_VALID`; `400`, `401` with the code of the reason, `503`.
pub(super) async fn verify(
    services: web::Data<Services>,
    mut fields: Fields,
) -> Result<Answer<VerifiedClaims>, ApiError> {
    let token = fields.required(&TOKEN);
    let token = fields.complete(token)?;
    let claims = bearer::verify(&services, &token).await?;
    let claims = VerifiedClaims(claims.all().clone());
    Ok(Answer::ok("TOKEN_VALID", claims))
}
