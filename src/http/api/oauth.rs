//! `/oauth/*`: the endpoints of OAuth 2.0 for services. Their answers have the form of the standards, not the envelope.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::principal::TokenOwner;
use crate::domain::service::Scopes;
use crate::http::api::body::Fields;
use crate::http::api::callers::anonymous_actor;
use crate::http::api::inputs::{GRANT_TYPE, SCOPE, TOKEN, TOKEN_TYPE_HINT};
use crate::http::api::oauth_client::Presented;
use crate::http::api::oauth_error::OAuthError;
use crate::http::middleware::context::RequestContext;
use crate::services::Services;
use crate::services::auth::introspection::{introspect as introspected, revoke as revoked};
use crate::services::service::access::{ServiceToken, issue};

/// An access token of a service (RFC 6749 section 5.1).
#[derive(Serialize, JsonSchema)]
pub(super) struct TokenBody<'a> {
    /// The token.
    #[schemars(example = &"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzZXJ2aWNlOjEifQ.c2lnbmF0dXJl")]
    access_token: &'a str,
    /// Always `Bearer`.
    #[schemars(example = &"Bearer")]
    token_type: &'static str,
    /// Its lifetime in seconds.
    #[schemars(example = 300)]
    expires_in: u64,
    /// Its scopes, separated by spaces.
    #[schemars(example = &"orders.read")]
    scope: &'a str,
}

/// The answer of an introspection (RFC 7662 section 2.2).
#[derive(Serialize, JsonSchema)]
pub(super) struct Introspection {
    /// Whether the token is valid now. Of another token nothing else is shown.
    #[schemars(example = false)]
    active: bool,
    /// The claims of the token.
    #[serde(flatten)]
    claims: Map<String, Value>,
}

/// `POST /oauth/token` (RFC 6749 section 4.4): an access token for a service.
///
/// **Permissions**: a service, by its secret. `200`; `400` `invalid_request`, `invalid_scope`, `unsupported_grant_type`;
/// `401` `invalid_client`; `429` and `503` `temporarily_unavailable`.
pub(super) async fn token(
    services: web::Data<Services>,
    request: HttpRequest,
    mut fields: Fields,
) -> Result<HttpResponse, OAuthError> {
    let grant_type = fields.required(&GRANT_TYPE);
    let scope = fields.optional(&SCOPE);
    let presented = Presented::of(&request, &services, &mut fields);
    let grant_type = fields.complete(grant_type)?;
    if grant_type != "client_credentials" {
        return Err(OAuthError::UnsupportedGrantType);
    }
    let credentials = presented.secret()?;
    let scope = scope.map(|scope| Scopes::parse(&scope)).transpose();
    let scope = scope.map_err(|_| OAuthError::InvalidScope)?;
    // An empty parameter counts as a missing one (RFC 6749 section 3.2).
    let scope = scope.filter(|scope| !scope.is_empty());
    let issued = issue(&services, &anonymous_actor(&request), credentials, scope).await?;
    RequestContext::of(&request).note_caller(TokenOwner::Service(issued.service));
    Ok(token_answer(&issued))
}

fn token_answer(issued: &ServiceToken) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::PRAGMA, "no-cache"))
        .json(TokenBody {
            access_token: &issued.token,
            token_type: "Bearer",
            expires_in: issued.lifetime.as_secs(),
            scope: issued.scopes.as_str(),
        })
}

/// The token that a request is about, and the credentials that it presents. The hint of the token's type is not needed.
fn token_of(
    request: &HttpRequest,
    services: &Services,
    mut fields: Fields,
) -> Result<(String, Presented), OAuthError> {
    let token = fields.required(&TOKEN);
    let _ = fields.optional(&TOKEN_TYPE_HINT);
    let presented = Presented::of(request, services, &mut fields);
    Ok((fields.complete(token)?, presented))
}

/// `POST /oauth/introspect` (RFC 7662): whether a token is valid now, and its claims.
///
/// **Permissions**: a service, by its secret or with an access token of its own. `200`; `400` `invalid_request`; `401`
/// `invalid_client` or `invalid_token`; `403` `insufficient_scope`; `429` and `503` `temporarily_unavailable`.
pub(super) async fn introspect(
    services: web::Data<Services>,
    request: HttpRequest,
    fields: Fields,
) -> Result<HttpResponse, OAuthError> {
    let (token, presented) = token_of(&request, &services, fields)?;
    presented.required_service(&request, &services).await?;
    let claims = introspected(&services, &token).await?;
    Ok(HttpResponse::Ok().json(introspection(claims)))
}

/// The answer: the claims of a valid token, with `token_type` as OAuth means it.
fn introspection(claims: Option<Map<String, Value>>) -> Introspection {
    let active = claims.is_some();
    let mut claims = claims.unwrap_or_default();
    if let Some(token_type) = claims.get_mut("token_type") {
        let is_access = token_type == "access";
        *token_type = if is_access { "Bearer" } else { "refresh_token" }.into();
    }
    Introspection { active, claims }
}

/// `POST /oauth/revoke` (RFC 7009): ends the session of a token.
///
/// **Permissions**: anyone with the token; credentials of a service are checked if they are sent. `200` for any token that is
/// not valid too; `400` `invalid_request` or `unsupported_token_type`; `401` `invalid_client` or `invalid_token`; `403`
/// `insufficient_scope`; `429` and `503` `temporarily_unavailable`.
pub(super) async fn revoke(
    services: web::Data<Services>,
    request: HttpRequest,
    fields: Fields,
) -> Result<HttpResponse, OAuthError> {
    let (token, presented) = token_of(&request, &services, fields)?;
    let mut actor = anonymous_actor(&request);
    actor.name = presented.service(&request, &services).await?;
    if revoked(&services, &actor, &token).await? {
        Ok(HttpResponse::Ok().finish())
    } else {
        Err(OAuthError::UnsupportedTokenType)
    }
}
