//! Authenticating a service by its name and secret.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::domain::audit::Actor;
use crate::domain::limits::LimitKind;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::addresses;
use crate::services::secret;
use crate::store::services::{self as table, ServiceRow};

/// The name and the secret that a request presents.
pub struct Credentials {
    /// The `client_id`.
    pub name: String,
    /// The `client_secret`.
    pub secret: String,
}

/// The active service with these credentials. Without a query if it is cached.
///
/// The right secret is always accepted. A wrong one is counted for its address, so that the work that it causes is limited.
///
/// # Errors
/// [`Error::InvalidCredentials`], [`Error::RateLimited`] after too many wrong secrets from this address, and the store's.
pub async fn authenticate(
    services: &Services,
    actor: &Actor,
    credentials: &Credentials,
) -> Result<Arc<ServiceRow>, Error> {
    let cached = services.revocations.service_by_name(&credentials.name);
    let mut found = cached.filter(|service| are_of(credentials, service));
    if found.is_none() {
        let stored = load(services, &credentials.name).await?;
        found = stored.filter(|service| are_of(credentials, service));
    }
    let Some(service) = found else {
        return Err(refusal(services, actor).await?);
    };
    let now = services.clock.now();
    services
        .service_last_use
        .record(&services.store, service.id, now);
    Ok(service)
}

/// Whether these are the credentials of this service, and it is active.
pub(super) fn are_of(credentials: &Credentials, service: &ServiceRow) -> bool {
    let hash = secret::hash(&credentials.secret);
    let is_right = verify_slices_are_equal(hash.as_bytes(), service.secret_hash.as_bytes()).is_ok();
    is_right && service.name == credentials.name && service.is_active
}

/// Reads a service by its name, and caches it.
async fn load(services: &Services, name: &str) -> Result<Option<Arc<ServiceRow>>, Error> {
    let generation = services.revocations.service_generation();
    let name = name.to_owned();
    let row = services
        .store
        .read(move |connection| table::find_by_name(connection, &name))
        .await?;
    let service = row.map(Arc::new);
    if let Some(service) = &service {
        services.revocations.insert_service(service, generation);
    }
    Ok(service)
}

/// Counts a wrong secret for its address, and returns the error for it.
async fn refusal(services: &Services, actor: &Actor) -> Result<Error, Error> {
    addresses::admit(services, LimitKind::ServiceSecret, actor.ip_address).await?;
    addresses::record_failure(services, LimitKind::ServiceSecret, actor).await?;
    Ok(Error::InvalidCredentials)
}
