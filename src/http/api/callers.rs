//! Extractors for the caller: the bearer of an access token, a role, or an anonymous caller. They check the permission before
//! the handler runs.

use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use actix_web::{
    FromRequest, HttpRequest, ResponseError,
    dev::Payload,
    http::{StatusCode, header::AUTHORIZATION},
};
use futures_util::{FutureExt, TryFutureExt, future::LocalBoxFuture};

use crate::config::{ApiAccess, Rights, TokensConfig};
use crate::domain::audit::{Actor, AuditSource};
use crate::domain::password::Password;
use crate::domain::principal::{Principal, TokenOwner};
use crate::http::api::endpoint::Endpoint;
use crate::http::api::errors::ApiError;
use crate::http::device_token::PresentedDevice;
use crate::http::middleware::context::{RequestContext, borrowed_services};
use crate::services::accounts::own_account::KeptSession;
use crate::services::accounts::reauthentication::Reproof;
use crate::services::accounts::step_up::Requester;
use crate::services::auth::bearer::{Caller, authenticate};
use crate::services::limits::login_context::LoginContext;
use crate::services::service::access;
use crate::services::{Error, Services};
use crate::tokens::TokenError;

/// A caller of either population with a valid access token.
pub(super) struct Bearer(pub Caller);

/// A caller with a valid access token, or the `401` without one, for a request that may have other credentials.
pub(super) struct OptionalBearer(pub Result<Caller, ApiError>);

/// An internal user whose role may list accounts, or a service whose access token has the scope for it.
pub(super) struct Internal {
    /// The account; `None` for a service.
    own: Option<Principal>,
    sees_contacts: bool,
}

impl Internal {
    /// Whether the caller sees the e-mail addresses and telephone numbers of all accounts. With the right to list them, only
    /// the caller's own.
    pub(super) fn sees_contacts(&self) -> bool {
        self.sees_contacts
    }

    /// Whether the caller sees the e-mail address and the telephone number of this account.
    pub(super) fn sees_contacts_of(&self, account: Principal) -> bool {
        self.sees_contacts() || self.own == Some(account)
    }
}

/// An internal user whose role may change accounts.
pub(super) struct Administrator(pub Caller);

/// The caller of a request as the actor in the audit log.
pub(super) fn actor(caller: &Caller, request: &HttpRequest) -> Actor {
    let context = RequestContext::of(request);
    Actor::account(
        AuditSource::Api,
        &caller.account,
        context.device(),
        context.id.clone(),
    )
    .in_session(caller.session.clone())
}

/// The sender of a request without a valid access token.
pub(super) fn anonymous_actor(request: &HttpRequest) -> Actor {
    let context = RequestContext::of(request);
    Actor::anonymous(AuditSource::Api, context.device(), context.id.clone())
}

/// The caller of a request that may need the current password.
pub(super) fn requester<'a>(
    caller: &'a Administrator,
    request: &HttpRequest,
    device: PresentedDevice,
    password: Option<Password>,
) -> Requester<'a> {
    Requester {
        account: &caller.0.account,
        login_context: device.login_context(actor(&caller.0, request)),
        proof: password.map(Reproof::Password),
        session: KeptSession::Tokens(caller.0.session.clone()),
        is_recent: false,
    }
}

/// Checks the access token, and that the role of its account has the required access. Clients have none.
async fn authenticated(
    request: HttpRequest,
    required: Option<ApiAccess>,
) -> Result<(Caller, Rights), ApiError> {
    let services = borrowed_services(&request)?;
    let token = bearer_token(&request, services.tokens.settings())?;
    let caller = match authenticate(services, token).await {
        Err(Error::Token(TokenError::OtherOwner)) => {
            return Err(refused_service(services, &request, token).await);
        }
        result => result?,
    };
    RequestContext::of(&request).note_caller(caller.account.principal);
    // Those of the role in the database now, not of that in the token.
    let rights = services.roles.rights_of(&caller.account);
    if required.is_none_or(|required| rights.api >= required) {
        Ok((caller, rights))
    } else {
        Err(Error::Forbidden.into())
    }
}

/// The error for an access token of a service, which has no account: `403` if the token is valid.
async fn refused_service(services: &Services, request: &HttpRequest, token: &str) -> ApiError {
    match access::authenticate(services, token).await {
        Ok(caller) => {
            let service = TokenOwner::Service(caller.service.id);
            RequestContext::of(request).note_caller(service);
            Error::Forbidden.into()
        }
        Err(error) => error.into(),
    }
}

/// A caller who may list accounts.
async fn internal(request: HttpRequest) -> Result<Internal, ApiError> {
    match authenticated(request.clone(), Some(ApiAccess::List)).await {
        Ok((caller, rights)) => Ok(Internal {
            own: Some(caller.account.principal),
            sees_contacts: rights.api >= ApiAccess::Read,
        }),
        // Of a valid token, possibly one of a service.
        Err(error) if error.status_code() == StatusCode::FORBIDDEN => {
            reading_service(&request).await?.ok_or(error)
        }
        Err(error) => Err(error),
    }
}

/// A service whose access token has the scope with which the endpoint may be read; `None` for another caller.
async fn reading_service(request: &HttpRequest) -> Result<Option<Internal>, ApiError> {
    let Some(scope) = Endpoint::of(request).and_then(|endpoint| endpoint.or_scope) else {
        return Ok(None);
    };
    let services = borrowed_services(request)?;
    let token = bearer_token(request, services.tokens.settings())?;
    match access::verify(services, token).await {
        Ok(caller) if caller.claims.scopes().grants(scope) => Ok(Some(Internal {
            own: None,
            sees_contacts: true,
        })),
        Ok(_) => Err(ApiError::ScopeMissing(scope.as_str())),
        Err(_) => Ok(None),
    }
}

impl FromRequest for Bearer {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = authenticated(request.clone(), None);
        caller.map_ok(|(caller, _)| Self(caller)).boxed_local()
    }
}

impl FromRequest for OptionalBearer {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = authenticated(request.clone(), None);
        let read = caller.map(|result| match result.map(|(caller, _)| caller) {
            Err(error) if error.status_code() != StatusCode::UNAUTHORIZED => Err(error),
            result => Ok(Self(result)),
        });
        read.boxed_local()
    }
}

impl FromRequest for Internal {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        internal(request.clone()).boxed_local()
    }
}

impl FromRequest for Administrator {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = authenticated(request.clone(), Some(ApiAccess::Write));
        caller.map_ok(|(caller, _)| Self(caller)).boxed_local()
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750 section 2.1), or of another header (`tokens.auth_header_name`) or scheme
/// (`tokens.auth_header_types`). Any
/// other scheme counts as no credentials.
pub(super) fn bearer_token<'a>(
    request: &'a HttpRequest,
    settings: &TokensConfig,
) -> Result<&'a str, Error> {
    let name = settings.auth_header_name.as_str();
    let mut headers = if name.eq_ignore_ascii_case(AUTHORIZATION.as_str()) {
        request.headers().get_all(AUTHORIZATION)
    } else {
        request.headers().get_all(name)
    };
    let header = headers.next().ok_or(Error::Unauthorized)?;
    if headers.next().is_some() {
        return Err(TokenError::Invalid.into());
    }
    // `to_str` would examine one byte after the other: a thirtieth of the time of a request.
    let header = str::from_utf8(header.as_bytes()).map_err(|_| TokenError::Invalid)?;
    let header = header.trim();
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    let mut schemes = settings.auth_header_types.iter();
    if !schemes.any(|one| one.eq_ignore_ascii_case(scheme)) {
        return Err(Error::Unauthorized);
    }
    Ok(token.trim())
}

/// A caller whose access token, if any, does not matter: the context of a login attempt.
pub(super) struct Anonymous(pub LoginContext);

impl FromRequest for Anonymous {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let actor = anonymous_actor(request);
        let device = PresentedDevice::from_request(request, payload).into_inner();
        ready(device.map(|device| Self(device.login_context(actor))))
    }
}
