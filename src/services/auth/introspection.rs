//! Introspection (RFC 7662) and revocation (RFC 7009) of tokens of accounts and services.

use serde_json::{Map, Value};

use crate::domain::audit::Actor;
use crate::services::auth::bearer::verify;
use crate::services::auth::django_adoption;
use crate::services::auth::logout::{Logout, log_out};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::service::access;
use crate::tokens::{Claims, TokenError, TokenType};

/// The claims of a token that is accepted now; `None` for every other text. The database is not queried for an access token
/// while the revocation cache is up to date and contains its owner and its session.
///
/// # Errors
/// The store's.
pub async fn introspect(
    services: &Services,
    token: &str,
) -> Result<Option<Map<String, Value>>, Error> {
    let claims = match verify(services, token).await {
        Err(Error::Token(TokenError::OtherOwner)) => access::verify(services, token)
            .await
            .map(|caller| caller.claims.all().clone()),
        result => result.map(|claims| claims.all().clone()),
    };
    match claims {
        Ok(claims) => Ok(Some(claims)),
        Err(error) if error.is_refused_token() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Ends the session of a valid token of an account. Possession of the token suffices. A token that is not valid is ignored.
/// Returns `false` for a token of a service, which belongs to no session.
///
/// # Errors
/// The store's.
pub async fn revoke(services: &Services, actor: &Actor, token: &str) -> Result<bool, Error> {
    let claims = match services.tokens.read(token, None, services.clock.now()) {
        Ok(claims) => claims,
        Err(TokenError::OtherOwner) => return Ok(false),
        Err(_) => match of_django(services, token).await? {
            Some(claims) => claims,
            None => return Ok(true),
        },
    };
    let logout = Logout {
        caller: None,
        tokens: vec![claims],
    };
    log_out(services, actor, logout).await?;
    Ok(true)
}

/// The claims of a refresh token of Django that is accepted.
async fn of_django(services: &Services, token: &str) -> Result<Option<Claims>, Error> {
    let now = services.clock.now();
    let claims = match services.tokens.examine_django(token, now) {
        Some(Ok(claims)) if claims.token_type != TokenType::Access => claims,
        _ => return Ok(None),
    };
    match django_adoption::read(services, &claims, now).await {
        Ok(claims) => Ok(Some(claims)),
        Err(error) if error.is_refused_token() => Ok(None),
        Err(error) => Err(error),
    }
}
