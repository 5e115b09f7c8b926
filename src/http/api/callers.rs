//! Who calls: the bearer of an access token, and what his role lets him do. A handler that asks for one of these cannot
//! forget the check.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::Pin,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::AUTHORIZATION, web};

use crate::{
    domain::{
        account::Role,
        audit::{Actor, AuditSource},
        principal::UserType,
    },
    http::{api::errors::ApiError, device_token::ShownDevice, middleware::context::RequestContext},
    services::{
        Error, Services,
        auth::bearer::{Caller, authenticate},
        limits::attempts::LoginContext,
    },
    tokens::TokenError,
};

/// Anybody with an access token that is accepted, of either population.
pub(super) struct Bearer(pub Caller);

/// An internal user.
pub(super) struct Internal(#[expect(dead_code, reason = "being one is what matters")] pub Caller);

/// An internal user with the role `admin`.
pub(super) struct Administrator(pub Caller);

impl Bearer {
    /// Who does what this request asks for, for the record.
    pub(super) fn actor(&self, request: &HttpRequest) -> Actor {
        actor(&self.0, request)
    }
}

impl Administrator {
    /// Who does what this request asks for, for the record.
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
            // A role counts in the internal population only, and as the row has it now.
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

/// The token of `Authorization: Bearer …` (RFC 6750 section 2.1), or of another configured scheme. A header of any other
/// scheme is no credential of ours.
fn bearer_token<'a>(request: &'a HttpRequest, schemes: &[String]) -> Result<&'a str, Error> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().ok_or(Error::Unauthorized)?;
    if headers.next().is_some() {
        return Err(TokenError::Invalid.into());
    }
    let header = header.to_str().map_err(|_| TokenError::Invalid)?.trim();
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    if !schemes.iter().any(|ours| ours.eq_ignore_ascii_case(scheme)) {
        return Err(Error::Unauthorized);
    }
    Ok(token.trim())
}

/// Whoever calls without a token, or with one that does not matter here: what is known of him.
pub(super) struct Anonymous(pub LoginContext);

impl FromRequest for Anonymous {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let context = RequestContext::of(request);
        let actor = Actor::anonymous(AuditSource::Api, context.device(), context.id.clone());
        let shown = ShownDevice::from_request(request, payload).into_inner();
        ready(shown.map(|shown| Self(shown.login_context(actor))))
    }
}
