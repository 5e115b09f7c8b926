//! Accounts that a service creates and changes. There is no owner of a session who could prove who they are, so the scope of the
//! service decides: users whose role may change accounts need one of their own.

use crate::domain::account::Role;
use crate::domain::audit::Actor;
use crate::domain::principal::UserSeq;
use crate::services::accounts::user_changes;
use crate::services::accounts::users::{NewUser, User, UserChanges, find};
use crate::services::bootstrap::Services;
use crate::services::error::Error;

/// A service that changes accounts.
pub struct ByService<'a> {
    /// The service as the actor.
    pub actor: &'a Actor,
    /// Whether it may create and change users whose role may change accounts.
    pub changes_administrators: bool,
}

impl ByService<'_> {
    fn check(&self, services: &Services, role: &Role) -> Result<(), Error> {
        if self.changes_administrators || !services.roles.rights(role).can_write() {
            Ok(())
        } else {
            Err(Error::RoleNeedsScope)
        }
    }
}

/// [`user_changes::create`] by a service.
///
/// # Errors
/// As there, and [`Error::RoleNeedsScope`].
pub async fn create_user(
    services: &Services,
    by: &ByService<'_>,
    new: NewUser,
) -> Result<User, Error> {
    by.check(services, &new.role)?;
    user_changes::create(services, by.actor, new).await
}

/// [`user_changes::update`] by a service.
///
/// # Errors
/// As there, and [`Error::RoleNeedsScope`].
pub async fn update_user(
    services: &Services,
    by: &ByService<'_>,
    user_seq: UserSeq,
    changes: UserChanges,
) -> Result<User, Error> {
    let old = find(services, user_seq).await?;
    by.check(services, &old.role)?;
    if let Some(role) = &changes.role {
        by.check(services, role)?;
    }
    user_changes::update(services, by.actor, user_seq, changes).await
}
