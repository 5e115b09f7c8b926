//! Activating, deactivating and deleting accounts of either population.

use std::sync::Arc;

use crate::config::RolesConfig;
use crate::domain::audit::Actor;
use crate::domain::principal::{Principal, UserType};
use crate::services::accounts::client_users::ClientChanges;
use crate::services::accounts::users::UserChanges;
use crate::services::accounts::{client_user_changes, user_changes};
use crate::services::audit::log::AuditContext;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::{Transaction, client_users, users};

/// Activates or deactivates an account. Deactivating ends its sessions in the same transaction.
///
/// # Errors
/// [`Error::AccountNotFound`], [`Error::LastAdministrator`], [`Error::OwnAccount`] in the panel, and errors of the store.
pub async fn set_active(
    services: &Services,
    actor: &Actor,
    owner: Principal,
    is_active: bool,
) -> Result<(), Error> {
    let roles = Arc::clone(&services.roles);
    services
        .write_as(actor, move |connection, audit_context| {
            set_active_in(connection, audit_context, &roles, owner, is_active, true).map(|_| ())
        })
        .await
}

/// The same in a transaction. Returns whether the account was in the other state before. With `always` the consequences of
/// the change, such as ended sessions, also apply to an account that is in this state already.
pub(crate) fn set_active_in(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    roles: &RolesConfig,
    owner: Principal,
    is_active: bool,
    always: bool,
) -> Result<bool, Error> {
    let (id, now) = (owner.user_seq, audit_context.now);
    let missing = Error::AccountNotFound(owner.user_type);
    let is_changed;
    match owner.user_type {
        UserType::User => {
            let old = users::lock(connection, id)?.ok_or(missing)?;
            is_changed = old.is_active != is_active;
            if !is_changed && !always {
                return Ok(false);
            }
            if !is_active {
                user_changes::check_removal_of_rights(
                    connection,
                    &audit_context.actor,
                    roles,
                    &old,
                )?;
            }
            let changes = UserChanges {
                is_active: Some(is_active),
                ..UserChanges::default()
            };
            let row = user_changes::changed_row(&changes, None, now);
            user_changes::apply(connection, audit_context, roles, &old, &row)?;
        }
        UserType::Client => {
            let old = client_users::lock(connection, id)?.ok_or(missing)?;
            is_changed = old.is_active != is_active;
            if !is_changed && !always {
                return Ok(false);
            }
            let changes = ClientChanges {
                is_active: Some(is_active),
                ..ClientChanges::default()
            };
            let row = client_user_changes::changed_row(&changes, None, now);
            client_user_changes::apply(connection, audit_context, &old, &row)?;
        }
    }
    Ok(is_changed)
}

/// Deletes an account and ends its sessions.
///
/// # Errors
/// [`Error::AccountNotFound`], [`Error::LastAdministrator`], [`Error::OwnAccount`] in the panel, and errors of the store.
pub async fn delete(services: &Services, actor: &Actor, owner: Principal) -> Result<(), Error> {
    let roles = Arc::clone(&services.roles);
    services
        .write_as(actor, move |connection, audit_context| {
            delete_in(connection, audit_context, &roles, owner)
        })
        .await
}

/// The same in a transaction.
pub(crate) fn delete_in(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    roles: &RolesConfig,
    owner: Principal,
) -> Result<(), Error> {
    match owner.user_type {
        UserType::User => user_changes::delete(connection, audit_context, roles, owner.user_seq),
        UserType::Client => client_user_changes::delete(connection, audit_context, owner.user_seq),
    }
}
