//! Extractors for the caller: the bearer of an access token, a role, or an anonymous caller. They check the permission before
//! the handler runs.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::Pin,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::AUTHORIZATION, web};

use crate::domain::account::Role;
use crate::domain::audit::{Actor, AuditSource};
use crate::domain::principal::UserType;
use crate::http::api::errors::ApiError;
use crate::http::device_token::PresentedDevice;
use crate::http::middleware::context::RequestContext;
use crate::services::auth::bearer::{Caller, authenticate};
use crate::services::limits::login_context::LoginContext;
use crate::services::{Error, Services};
use crate::tokens::TokenError;

/// A caller of either population with a valid access token.
pub(super) struct Bearer(pub Caller);

/// An internal user.
pub(super) struct Internal(
    #[expect(dead_code, reason = "the handlers need only the check")] pub Caller,
);

/// An internal user with the role `admin`.
pub(super) struct Administrator(pub Caller);

impl Bearer {
    /// The actor of this request in the audit log.
    pub(super) fn actor(&self, request: &HttpRequest) -> Actor {
        actor(&self.0, request)
    }
}

impl Administrator {
    /// The actor of this request in the audit log.
    pub(super) fn actor(&self, request: &HttpRequest) -> Actor {
        actor(&self.0, request)
    }
}

fn actor(caller: &Caller, request: &HttpRequest) -> Actor {
    let context = RequestContext::of(request);
    Actor::account(
        AuditSource::Api,
        &caller.account,
        context.device(),
        context.id.clone(),
    )
    .in_session(caller.session.clone())
}

impl FromRequest for Bearer {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { caller(&request).await.map(Self) })
    }
}

impl FromRequest for Internal {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let caller = caller(&request).await?;
            match caller.account.principal.user_type {
                UserType::User => Ok(Self(caller)),
                UserType::Client => Err(Error::Forbidden.into()),
            }
        })
    }
}

impl FromRequest for Administrator {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let caller = caller(&request).await?;
            // Only internal users have a role. It is the one in the database now, not that of the token.
            match (caller.account.principal.user_type, caller.account.role) {
                (UserType::User, Some(Role::Admin)) => Ok(Self(caller)),
                _ => Err(Error::Forbidden.into()),
            }
        })
    }
}

async fn caller(request: &HttpRequest) -> Result<Caller, ApiError> {
    let services = request
        .app_data::<web::Data<Services>>()
        .ok_or_else(|| ApiError::Internal("the server has no services".into()))?;
    let token = bearer_token(request, &services.tokens.settings().auth_header_types)?;
    let caller = authenticate(services, token).await?;
    RequestContext::of(request).note_caller(caller.account.principal);
    Ok(caller)
}

/// The token of `Authorization: Bearer …` (RFC 6750 section 2.1), or of another scheme in `tokens.auth_header_types`. Any
/// other scheme counts as no credentials.
fn bearer_token<'a>(request: &'a HttpRequest, schemes: &[String]) -> Result<&'a str, Error> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().ok_or(Error::Unauthorized)?;
    if headers.next().is_some() {
        return Err(TokenError::Invalid.into());
    }
    let header = header.to_str().map_err(|_| TokenError::Invalid)?.trim();
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    if !schemes.iter().any(|one| one.eq_ignore_ascii_case(scheme)) {
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
        let context = RequestContext::of(request);
        let actor = Actor::anonymous(AuditSource::Api, context.device(), context.id.clone());
        let device = PresentedDevice::from_request(request, payload).into_inner();
        ready(device.map(|device| Self(device.login_context(actor))))
    }
}
