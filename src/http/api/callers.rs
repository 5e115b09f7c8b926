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

use crate::domain::account::Role;
use crate::domain::audit::{Actor, AuditSource};
use crate::domain::password::Password;
use crate::domain::principal::{Principal, UserType};
use crate::http::api::errors::ApiError;
use crate::http::device_token::PresentedDevice;
use crate::http::middleware::context::{RequestContext, services_of};
use crate::services::Error;
use crate::services::accounts::step_up::Requester;
use crate::services::auth::bearer::{Caller, authenticate};
use crate::services::limits::login_context::LoginContext;
use crate::tokens::TokenError;

/// A caller of either population with a valid access token.
pub(super) struct Bearer(pub Caller);

/// A caller with a valid access token, or the `401` without one, for a request that may have other credentials.
pub(super) struct OptionalBearer(pub Result<Caller, ApiError>);

/// An internal user.
pub(super) struct Internal(pub Caller);

impl Internal {
    /// Whether the caller sees the e-mail addresses and telephone numbers of all accounts. Staff see only their own.
    pub(super) fn sees_contacts(&self) -> bool {
        self.0.account.role.is_some_and(Role::has_panel_access)
    }

    /// Whether the caller sees the e-mail address and the telephone number of this account.
    pub(super) fn sees_contacts_of(&self, account: Principal) -> bool {
        self.sees_contacts() || self.0.account.principal == account
    }
}

/// An internal user with the role `admin`.
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
        password,
    }
}

/// Checks the access token, and that its account may call.
async fn authenticated(
    request: HttpRequest,
    may_call: fn(&Caller) -> bool,
) -> Result<Caller, ApiError> {
    let services = services_of(&request)?;
    let token = bearer_token(&request, &services.tokens.settings().auth_header_types)?;
    let caller = authenticate(&services, token).await?;
    RequestContext::of(&request).note_caller(caller.account.principal);
    if may_call(&caller) {
        Ok(caller)
    } else {
        Err(Error::Forbidden.into())
    }
}

impl FromRequest for Bearer {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = authenticated(request.clone(), |_| true);
        caller.map_ok(Self).boxed_local()
    }
}

impl FromRequest for OptionalBearer {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = authenticated(request.clone(), |_| true);
        let read = caller.map(|result| match result {
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
        let caller = authenticated(request.clone(), |caller| {
            caller.account.principal.user_type == UserType::User
        });
        caller.map_ok(Self).boxed_local()
    }
}

impl FromRequest for Administrator {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = authenticated(request.clone(), |caller| {
            // Only internal users have a role. It is the one in the database now, not that of the token.
            let account = &caller.account;
            account.principal.user_type == UserType::User && account.role == Some(Role::Admin)
        });
        caller.map_ok(Self).boxed_local()
    }
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
        let actor = anonymous_actor(request);
        let device = PresentedDevice::from_request(request, payload).into_inner();
        ready(device.map(|device| Self(device.login_context(actor))))
    }
}
