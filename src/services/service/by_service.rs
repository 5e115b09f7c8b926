//! Changes of services by a service. It neither grants scopes of the admin API that it does not have, nor changes a service that
//! has such scopes: with a new secret it would have them too.

use crate::domain::audit::Actor;
use crate::domain::principal::UserSeq;
use crate::domain::service::Scopes;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::service::changes::{self, NewService, ServiceUpdate, WithSecret};
use crate::services::service::view::Service;

/// A service that changes others.
#[derive(Clone, Copy)]
pub struct ByService<'a> {
    /// The service as the actor.
    pub actor: &'a Actor,
    /// The scopes of its access token.
    pub scopes: &'a Scopes,
}

impl ByService<'_> {
    /// Refuses scopes of the admin API that the caller does not have.
    fn check(&self) -> impl Fn(&Scopes) -> Result<(), Error> + Send + 'static {
        let own = self.scopes.clone();
        move |scopes: &Scopes| {
            if scopes.are_granted_by(&own) {
                Ok(())
            } else {
                Err(Error::ScopeNotOwned)
            }
        }
    }
}

/// [`changes::create`] by a service.
///
/// # Errors
/// As there, and [`Error::ScopeNotOwned`].
pub async fn create(
    services: &Services,
    by: &ByService<'_>,
    new: NewService,
) -> Result<WithSecret, Error> {
    by.check()(&new.scopes)?;
    changes::create(services, by.actor, new).await
}

/// [`changes::update`] by a service.
///
/// # Errors
/// As there, and [`Error::ScopeNotOwned`].
pub async fn update(
    services: &Services,
    by: &ByService<'_>,
    number: UserSeq,
    update: ServiceUpdate,
) -> Result<Service, Error> {
    let check = by.check();
    if let Some(scopes) = &update.scopes {
        check(scopes)?;
    }
    changes::update_if(services, by.actor, number, update, check).await
}

/// [`changes::rotate_secret`] by a service.
///
/// # Errors
/// As there, and [`Error::ScopeNotOwned`].
pub async fn rotate_secret(
    services: &Services,
    by: &ByService<'_>,
    number: UserSeq,
) -> Result<WithSecret, Error> {
    changes::rotate_secret_if(services, by.actor, number, by.check()).await
}

/// [`changes::delete`] by a service.
///
/// # Errors
/// As there, and [`Error::ScopeNotOwned`].
pub async fn delete(
    services: &Services,
    by: &ByService<'_>,
    number: UserSeq,
) -> Result<String, Error> {
    changes::delete_if(services, by.actor, number, by.check()).await
}
