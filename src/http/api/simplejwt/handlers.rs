//! The handlers of the six routes, and the answer to other methods.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::header::ALLOW, web};
use serde::Serialize;
use serde_json::json;

use crate::clock::Timestamp;
use crate::config::RotationPolicy;
use crate::domain::password::Password;
use crate::domain::principal::UserType;
use crate::http::api::callers::{Anonymous, anonymous_actor};
use crate::http::api::simplejwt::body::{Body, PASSWORD};
use crate::http::api::simplejwt::refusal::{ALLOWED, Refusal, TokenProblem};
use crate::http::device_token;
use crate::http::middleware::context::RequestContext;
use crate::http::middleware::origin;
use crate::services::auth::login::{self, Credentials};
use crate::services::auth::logout::{self, Logout};
use crate::services::auth::refresh_request::RefreshRequest;
use crate::services::auth::session_start::LoggedIn;
use crate::services::auth::token_pair::TokenPair;
use crate::services::auth::{bearer, refresh as refreshing, sliding};
use crate::services::{Error, Services};
use crate::tokens::{Part, TokenType, readable_parts};

/// The body of a log-in, in the order of SimpleJWT.
#[derive(Serialize)]
struct Pair {
    refresh: String,
    access: String,
}

type State = web::Data<Services>;
type Context = web::ReqData<Arc<RequestContext>>;

/// `POST {prefix}/`: exchanges a username or e-mail address and a password for a pair of tokens.
///
/// **Permissions**: anyone. `200`; `400`, `401`, `429`, `503`.
pub(super) async fn obtain(
    services: State,
    request: HttpRequest,
    payload: web::Payload,
    caller: Anonymous,
) -> HttpResponse {
    let logged_in = log_in(&services, &request, payload, caller).await;
    answered(&request, logged_in, |logged_in| {
        let LoggedIn {
            tokens,
            device_token,
            ..
        } = logged_in;
        on_device(&services, &request, device_token).json(Pair {
            refresh: tokens.refresh.token,
            access: tokens.access.token,
        })
    })
}

/// `POST {prefix}/refresh/`: exchanges a refresh token for an access token, and a new refresh token if it is rotated.
///
/// **Permissions**: anyone. `200`; `400`, `401`, `429`, `503`.
pub(super) async fn refresh(
    services: State,
    request: HttpRequest,
    payload: web::Payload,
    context: Context,
) -> HttpResponse {
    let token_type = TokenType::Refresh;
    let pair = refreshed(&services, &request, payload, &context, token_type).await;
    answered(&request, pair, |(pair, _)| {
        let rotates = services.tokens.settings().rotation_policy() != RotationPolicy::NoRotation;
        let access = pair.access.token;
        ok().json(if rotates {
            json!({"access": access, "refresh": pair.refresh.token})
        } else {
            json!({"access": access})
        })
    })
}

/// `POST {prefix}/verify/`: whether a token of any type is accepted now.
///
/// **Permissions**: anyone. `200`; `400` (also for a blacklisted token), `401`, `503`.
pub(super) async fn verify(
    services: State,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let verified = async {
        let body = Body::read(&request, payload.into_inner()).await?;
        let [token] = body.texts(["token"])?;
        match bearer::verify(&services, &token).await {
            Ok(_) => Ok(()),
            Err(Error::TokenBlacklisted | Error::SessionRevoked) => {
                Err(Refusal::VerifiedBlacklisted)
            }
            Err(error) => Err(refused(&services, &token, None, error)),
        }
    };
    answered(&request, verified.await, |()| ok().json(json!({})))
}

/// `POST {prefix}/blacklist/`: ends the session of a refresh token.
///
/// **Permissions**: anyone with the token. `200`; `400`, `401`, `429`, `503`.
pub(super) async fn blacklist(
    services: State,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let done = async {
        let body = Body::read(&request, payload.into_inner()).await?;
        let [token] = body.texts(["refresh"])?;
        let (actor, token_type) = (anonymous_actor(&request), TokenType::Refresh);
        let read = refreshing::read(&services, &token, token_type, &actor).await;
        let claims = match read {
            // There is nothing to be ended.
            Err(Error::UserInactive | Error::TokenUserNotFound) => return Ok(()),
            read => read.map_err(|error| refused(&services, &token, Some(token_type), error))?,
        };
        match bearer::verify(&services, &token).await {
            Ok(_) | Err(Error::UserInactive | Error::TokenUserNotFound) => {}
            Err(error) => return Err(error.into()),
        }
        let tokens = vec![claims];
        let logout = Logout {
            caller: None,
            tokens,
        };
        Ok(logout::log_out(&services, &actor, logout).await?)
    };
    answered(&request, done.await, |()| ok().json(json!({})))
}

/// `POST {prefix}/sliding/`: exchanges a username or e-mail address and a password for a sliding token.
///
/// **Permissions**: anyone. `200`; `400`, `401`, `429`, `503`.
pub(super) async fn obtain_sliding(
    services: State,
    request: HttpRequest,
    payload: web::Payload,
    caller: Anonymous,
) -> HttpResponse {
    let logged_in = log_in(&services, &request, payload, caller).await;
    let issued = logged_in.and_then(|logged_in| {
        let token = sliding::issue(&services, &logged_in.tokens, None)?;
        Ok((token, logged_in.device_token))
    });
    answered(&request, issued, |(token, device_token)| {
        on_device(&services, &request, device_token).json(json!({"token": token.token}))
    })
}

/// `POST {prefix}/sliding/refresh/`: exchanges a sliding token for a new one.
///
/// **Permissions**: anyone. `200`; `400`, `401`, `429`, `503`.
pub(super) async fn refresh_sliding(
    services: State,
    request: HttpRequest,
    payload: web::Payload,
    context: Context,
) -> HttpResponse {
    let token_type = TokenType::Sliding;
    let pair = refreshed(&services, &request, payload, &context, token_type).await;
    let issued = pair.and_then(|(pair, until)| Ok(sliding::issue(&services, &pair, until)?));
    answered(&request, issued, |token| {
        ok().json(json!({"token": token.token}))
    })
}

/// Any method but `POST` and `OPTIONS`: `405`.
pub(super) async fn other_method(request: HttpRequest) -> HttpResponse {
    Refusal::Method(request.method().to_string()).answer(&request)
}

async fn log_in(
    services: &Services,
    request: &HttpRequest,
    payload: web::Payload,
    caller: Anonymous,
) -> Result<LoggedIn, Refusal> {
    let body = Body::read(request, payload.into_inner()).await?;
    let username_field = services.config.simplejwt.username_field.as_str();
    let [identifier, password] = body.texts([username_field, PASSWORD])?;
    let credentials = Credentials {
        user_type: UserType::User,
        identifier,
        // No account has a password that cannot be one.
        password: Password::parse(&password).map_err(|_| Refusal::Credentials)?,
    };
    let logged_in = Box::pin(login::log_in(services, credentials, caller.0)).await?;
    let owner = logged_in.tokens.account.principal;
    RequestContext::of(request).note_caller(owner);
    Ok(logged_in)
}

/// The pair for a refresh token or a sliding token, and when the latter can be refreshed for the last time.
async fn refreshed(
    services: &Services,
    request: &HttpRequest,
    payload: web::Payload,
    context: &RequestContext,
    token_type: TokenType,
) -> Result<(TokenPair, Option<Timestamp>), Refusal> {
    let body = Body::read(request, payload.into_inner()).await?;
    let [token] = body.texts([match token_type {
        TokenType::Sliding => "token",
        TokenType::Access | TokenType::Refresh => "refresh",
    }])?;
    let until = match token_type {
        TokenType::Sliding => sliding::refresh_until(services, &token),
        TokenType::Access | TokenType::Refresh => None,
    };
    let refresh_exp = &services.config.simplejwt.refresh_exp_claim;
    let has_end = |claims: Part| claims.contains_key(refresh_exp);
    if until.is_some() && !readable_parts(&token).1.is_some_and(has_end) {
        let problem = TokenProblem::NoClaim(refresh_exp.clone());
        return Err(Refusal::Token(problem));
    }
    if until.is_some_and(|until| until <= services.clock.now() - services.tokens.leeway()) {
        let problem = TokenProblem::ClaimExpired(refresh_exp.clone());
        return Err(Refusal::Token(problem));
    }
    let presented = RefreshRequest {
        token: token.clone(),
        token_type,
        actor: anonymous_actor(request),
        language: context.language,
    };
    let pair = refreshing::refresh(services, presented)
        .await
        .map_err(|error| refused(services, &token, Some(token_type), error))?;
    context.note_caller(pair.account.principal);
    Ok((pair, until))
}

fn ok() -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((ALLOW, ALLOWED));
    answer
}

/// The answer to a log-in, with the device token.
fn on_device(services: &Services, request: &HttpRequest, token: String) -> HttpResponseBuilder {
    let mut answer = ok();
    if origin::may_use_cookie(request.headers(), services).is_ok() {
        answer.cookie(device_token::cookie(services, token.clone()));
    }
    answer.insert_header((device_token::HEADER, token));
    answer
}

fn answered<T>(
    request: &HttpRequest,
    result: Result<T, Refusal>,
    answer: impl FnOnce(T) -> HttpResponse,
) -> HttpResponse {
    match result {
        Ok(value) => answer(value),
        Err(refusal) => refusal.answer(request),
    }
}

/// The refusal of a token. SimpleJWT says more precisely than the services why it is not valid.
fn refused(services: &Services, token: &str, expected: Option<TokenType>, error: Error) -> Refusal {
    match error {
        Error::Token(_) => Refusal::Token(problem(services, token, expected)),
        error => error.into(),
    }
}

/// The first problem of a token in the order of SimpleJWT. Only a token with a valid signature has another than `Invalid`.
fn problem(services: &Services, token: &str, expected: Option<TokenType>) -> TokenProblem {
    let (tokens, now) = (&services.tokens, services.clock.now());
    let defect = match tokens.examine(token, expected, now) {
        Err(defect) if defect.is_of_another_key() => match tokens.examine_django(token, now) {
            Some(Err(defect)) => Some(defect),
            Some(Ok(_)) => None,
            None => return TokenProblem::Invalid,
        },
        Err(defect) if !defect.is_signed() => return TokenProblem::Invalid,
        Err(defect) => Some(defect),
        Ok(_) => None,
    };
    let claims = readable_parts(token).1.unwrap_or_default();
    let names = &services.config.simplejwt;
    let time = |name: &str| claims.get(name).and_then(serde_json::Value::as_i64);
    let leeway = i64::try_from(tokens.leeway().as_secs()).unwrap_or(0);
    let (earliest, latest) = (now.unix_seconds() - leeway, now.unix_seconds() + leeway);
    let begins_later = |name: &str| match claims.get(name) {
        None => false,
        Some(value) => value.as_i64().is_none_or(|at| at > latest),
    };
    let own_type = claims
        .get("token_type")
        .or_else(|| claims.get(&names.token_type_claim));
    let has_id = claims.contains_key("jti") || claims.contains_key(&names.jti_claim);
    let is_sliding = expected == Some(TokenType::Sliding);
    if begins_later("iat") || begins_later("nbf") {
        TokenProblem::Invalid
    } else if time("exp").is_some_and(|at| at <= earliest) {
        TokenProblem::Expired
    } else if !claims.contains_key("exp") {
        TokenProblem::NoClaim("exp".to_owned())
    } else if time("exp").is_none() {
        TokenProblem::Invalid
    } else if !has_id {
        TokenProblem::NoId
    } else if expected.is_some() && own_type.is_none() {
        TokenProblem::NoType
    } else if expected.is_some_and(|expected| {
        own_type.and_then(serde_json::Value::as_str) != Some(expected.as_str())
    }) {
        TokenProblem::WrongType
    } else if is_sliding && defect.is_none() && !claims.contains_key(&names.refresh_exp_claim) {
        TokenProblem::NoClaim(names.refresh_exp_claim.clone())
    } else {
        TokenProblem::Invalid
    }
}
