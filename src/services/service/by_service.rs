//! Changes of services by a service. It neither grants scopes of the admin API that it does not have, nor changes a service that
//! has such scopes: with a new secret it would have them too.

use crate::domain::audit::Actor;
use crate::domain::principal::UserSeq;
use crate::domain::service::{Description, Scopes};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::service::changes::{self, NewService, WithSecret};
use crate::services::service::view::{self, Service};

/// A service that changes others.
#[derive(Clone, Copy)]
pub struct ByService<'a> {
    /// The service as the actor.
    pub actor: &'a Actor,
    /// The scopes of its access token.
    pub scopes: &'a Scopes,
}

impl ByService<'_> {
    fn check(&self, scopes: &Scopes) -> Result<(), Error> {
        if scopes.are_granted_by(self.scopes) {
            Ok(())
        } else {
            Err(Error::ScopeNotOwned)
        }
    }

    /// The service with this number, if the caller may change it.
    async fn find(&self, services: &Services, number: UserSeq) -> Result<Service, Error> {
        let service = view::find(&services.store, number).await?;
        self.check(&service.scopes)?;
        Ok(service)
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
    by.check(&new.scopes)?;
    changes::create(services, by.actor, new).await
}

/// Changes of a service; `None` leaves a field unchanged.
#[derive(Default)]
pub struct ServiceUpdate {
    /// What it is for.
    pub description: Option<Description>,
    /// The scopes that its access tokens may have.
    pub scopes: Option<Scopes>,
    /// Whether it may authenticate.
    pub is_active: Option<bool>,
}

/// [`changes::update`] and [`changes::set_active`] by a service.
///
/// # Errors
/// As there, and [`Error::ScopeNotOwned`].
pub async fn update(
    services: &Services,
    by: &ByService<'_>,
    number: UserSeq,
    update: ServiceUpdate,
) -> Result<Service, Error> {
    let mut service = by.find(services, number).await?;
    if let Some(scopes) = &update.scopes {
        by.check(scopes)?;
    }
    let ServiceUpdate {
        description,
        scopes,
        is_active,
    } = update;
    if description.is_some() || scopes.is_some() {
        service = changes::update(services, by.actor, number, description, scopes).await?;
    }
    if let Some(is_active) = is_active.filter(|is_active| *is_active != service.is_active) {
        service = changes::set_active(services, by.actor, number, is_active).await?;
    }
    Ok(service)
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
    by.find(services, number).await?;
    changes::rotate_secret(services, by.actor, number).await
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
    by.find(services, number).await?;
    changes::delete(services, by.actor, number).await
}
