//! The extractor for the caller of the admin API.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::{FutureExt, future::LocalBoxFuture};

use crate::domain::admin_scope::AdminScope;
use crate::domain::audit::Actor;
use crate::domain::principal::{TokenOwner, UserSeq};
use crate::domain::service::Scopes;
use crate::http::api::callers::{anonymous_actor, bearer_token};
use crate::http::api::endpoint::{Access, Endpoint};
use crate::http::api::errors::ApiError;
use crate::http::middleware::context::{RequestContext, borrowed_services};
use crate::services::auth::bearer;
use crate::services::service::access;
use crate::services::{Error, Services};
use crate::tokens::TokenError;

/// A service whose access token has the scope of the endpoint.
pub(in crate::http::api) struct Granted {
    /// The number of the service.
    pub number: UserSeq,
    /// The scopes of its token.
    pub scopes: Scopes,
    /// The service as the actor in the audit log.
    pub actor: Actor,
}

impl FromRequest for Granted {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        granted(request.clone()).boxed_local()
    }
}

/// Checks the access token, and that it has the scope of the endpoint.
async fn granted(request: HttpRequest) -> Result<Granted, ApiError> {
    let services = borrowed_services(&request)?;
    let required = required_scope(&request)?;
    let token = bearer_token(&request, services.tokens.settings())?;
    let caller = match access::authenticate(services, token).await {
        Err(Error::Token(TokenError::OtherOwner)) => {
            return Err(refused_account(services, &request, token, required).await);
        }
        result => result?,
    };
    RequestContext::of(&request).note_caller(TokenOwner::Service(caller.service.id));
    // A scope that was taken away has revoked the tokens that have it.
    let scopes = caller.claims.scopes();
    if !scopes.grants(required) {
        return Err(ApiError::ScopeMissing(required.as_str()));
    }
    let mut actor = anonymous_actor(&request);
    actor.name = Some(caller.service.name.clone());
    Ok(Granted {
        number: caller.service.id,
        scopes,
        actor,
    })
}

/// The scope that the route table requires.
fn required_scope(request: &HttpRequest) -> Result<AdminScope, ApiError> {
    match Endpoint::of(request).map(|endpoint| endpoint.access) {
        Some(Access::Scope(scope)) => Ok(scope),
        _ => Err(ApiError::Internal("the endpoint has no scope".into())),
    }
}

/// The error for an access token of an account, which has no scopes: `403` if the token is valid.
async fn refused_account(
    services: &Services,
    request: &HttpRequest,
    token: &str,
    required: AdminScope,
) -> ApiError {
    match bearer::authenticate(services, token).await {
        Ok(caller) => {
            RequestContext::of(request).note_caller(caller.account.principal);
            ApiError::ScopeMissing(required.as_str())
        }
        Err(error) => error.into(),
    }
}
