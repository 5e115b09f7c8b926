//! Access tokens of services: issuing (the grant `client_credentials`, RFC 6749 section 4.4) and verifying.

use std::{sync::Arc, time::Duration};

use crate::clock::Timestamp;
use crate::domain::audit::Actor;
use crate::domain::principal::{TokenOwner, UserSeq};
use crate::domain::service::Scopes;
use crate::domain::session::Jti;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::revocations::TokenStatus;
use crate::services::service::credentials::{self, Credentials};
use crate::store::services::{self as table, ServiceRow};
use crate::store::{Db, StoreError, revocations};
use crate::tokens::{ServiceClaims, TokenError, TokenService};

/// An access token that was issued to a service.
pub struct ServiceToken {
    /// The token.
    pub token: String,
    /// Its lifetime.
    pub lifetime: Duration,
    /// Its scopes.
    pub scopes: Scopes,
    /// The number of the service.
    pub service: UserSeq,
}

/// The service of a valid access token.
pub struct ServiceCaller {
    /// The service, possibly from the cache.
    pub service: Arc<ServiceRow>,
    /// The claims of the token.
    pub claims: Arc<ServiceClaims>,
}

/// Issues an access token with these scopes, or with all of the service.
///
/// # Errors
/// As [`credentials::authenticate`], and [`Error::ScopeNotGranted`].
pub async fn issue(
    services: &Services,
    actor: &Actor,
    credentials: Credentials,
    requested: Option<Scopes>,
) -> Result<ServiceToken, Error> {
    let now = services.clock.now();
    let number = credentials::authenticate(services, actor, &credentials)
        .await?
        .id;
    // The time of the last revocation comes before the row is read: a change after that revokes the token, by `revoked_until`.
    let read = move |connection: &mut Db| {
        let until = revocations::find_not_before(connection, TokenOwner::Service(number))?;
        Ok::<_, StoreError>((until, table::find_by_id(connection, number)?))
    };
    let (until, service) = services.store.read(read).await?;
    let jti = Jti::new(until.map_or(now, |until| now.max(until + Duration::from_millis(1))));
    let service = service.filter(|service| credentials::are_of(&credentials, service));
    let service = service.ok_or(Error::InvalidCredentials)?;
    let scopes = granted(&service, requested)?;
    let expires_at = services.tokens.service_access_expiry(now);
    let to = TokenService {
        number,
        name: &service.name,
        scopes: &scopes,
    };
    let issued = services
        .tokens
        .issue_to_service(&to, &jti, now, expires_at)?;
    Ok(ServiceToken {
        token: issued.token,
        lifetime: expires_at.since(now.whole_seconds()),
        scopes,
        service: number,
    })
}

fn granted(service: &ServiceRow, requested: Option<Scopes>) -> Result<Scopes, Error> {
    match requested {
        Some(requested) if requested.are_among(&service.scopes) => Ok(requested),
        Some(_) => Err(Error::ScopeNotGranted),
        None => Ok(service.scopes.clone()),
    }
}

/// Verifies an access token of a service. The database is not queried while the revocation cache is up to date and contains
/// the service.
///
/// # Errors
/// [`Error::Token`], [`Error::TokenUserNotFound`], [`Error::UserInactive`], and the store's.
pub async fn verify(services: &Services, token: &str) -> Result<ServiceCaller, Error> {
    let now = services.clock.now();
    let claims = services.tokens.read_of_service(token, now)?;
    let service = live_service(services, &claims).await?;
    Ok(ServiceCaller { service, claims })
}

/// As [`verify`], for the service that calls.
///
/// # Errors
/// As [`verify`].
pub async fn authenticate(services: &Services, token: &str) -> Result<ServiceCaller, Error> {
    let caller = verify(services, token).await?;
    let (service, now) = (caller.service.id, services.clock.now());
    services
        .service_last_use
        .record(&services.store, service, now);
    Ok(caller)
}

/// The service of a token that was not revoked.
async fn live_service(
    services: &Services,
    claims: &ServiceClaims,
) -> Result<Arc<ServiceRow>, Error> {
    let status = services
        .revocations
        .status_of_service(claims.service, &claims.jti);
    let cached = match status {
        TokenStatus::Revoked | TokenStatus::SessionEnded(_) => {
            return Err(TokenError::Expired.into());
        }
        TokenStatus::Valid => services.revocations.service(claims.service),
        TokenStatus::Unknown => None,
    };
    let service = match cached {
        Some(service) => service,
        None => load(services, claims.service, claims.jti.clone()).await?,
    };
    if service.is_active {
        Ok(service)
    } else {
        Err(Error::UserInactive)
    }
}

/// Reads the service of a token that the database does not say to be revoked, and caches it.
async fn load(services: &Services, number: UserSeq, jti: Jti) -> Result<Arc<ServiceRow>, Error> {
    let generation = services.revocations.service_generation();
    let row = services
        .store
        .read(move |connection| {
            let owner = TokenOwner::Service(number);
            let until = revocations::find_not_before(connection, owner)?;
            if until.is_some_and(|until| is_revoked(&jti, until)) {
                return Err(TokenError::Expired.into());
            }
            table::find_by_id(connection, number)?.ok_or(Error::TokenUserNotFound)
        })
        .await?;
    let service = Arc::new(row);
    services.revocations.insert_service(&service, generation);
    Ok(service)
}

fn is_revoked(jti: &Jti, until: Timestamp) -> bool {
    let issued_at = i64::try_from(jti.unix_millis()).unwrap_or(i64::MAX);
    issued_at <= until.unix_micros() / 1_000
}
