//! Giving all users of a role another one, for example after it was renamed in the configuration.

use std::sync::Arc;

use crate::config::{PanelAccess, RolesConfig};
use crate::domain::account::Role;
use crate::domain::audit::{Action, Actor, Change, Subject};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::RevocationReason;
use crate::services::accounts::user_changes::check_role;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::auth::logout::withdraw_access;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::account_list::AccountFilter;
use crate::store::account_pages::ids_after;
use crate::store::{Transaction, browser_sessions, revocations, users};

/// How many users are changed in a transaction.
const BATCH: i64 = 1_000;

/// Gives all users of a role another one, in the name of the operator, and returns how many. For each it has the effects of
/// the same change of one user.
///
/// # Errors
/// [`Error::Invalid`] if the new role is not configured, and errors of the store.
pub async fn rename_role(services: &Services, old: &Role, new: &Role) -> Result<usize, Error> {
    check_role(&services.roles, new)?;
    let filter = AccountFilter {
        role: Some(old.clone()),
        ..AccountFilter::all(UserType::User)
    };
    let (mut after, mut count) = (0, 0);
    loop {
        let filter = filter.clone();
        let found = services
            .store
            .read_list(move |connection| ids_after(connection, &filter, after, i64::MAX, BATCH))
            .await?;
        let Some(last) = found.last().filter(|_| old != new) else {
            return Ok(count);
        };
        after = last.get();
        let roles = Arc::clone(&services.roles);
        let (old, new) = (old.clone(), new.clone());
        count += services
            .write_as(&Actor::operator(), move |connection, audit_context| {
                rename_batch(connection, audit_context, &roles, &found, &old, &new)
            })
            .await?;
    }
}

/// Changes those of these users who still have the old role.
fn rename_batch(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    roles: &RolesConfig,
    ids: &[UserSeq],
    old: &Role,
    new: &Role,
) -> Result<usize, Error> {
    let now = audit_context.now;
    let changed = users::replace_role(connection, ids, old, new, now)?;
    let ids: Vec<UserSeq> = changed.iter().map(|user| user.id).collect();
    if roles.rights(new).panel != PanelAccess::Write {
        browser_sessions::end_all(connection, &ids, None, now, RevocationReason::RoleChanged)?;
    }
    // Access tokens contain the old role.
    withdraw_access(connection, &ids, now)?;
    for user in &changed {
        revocations::insert_changed(connection, Principal::user(user.id), now)?;
        let role = Change::of("role", Some(old.to_string()), Some(new.to_string()));
        let event = Event::new(Action::AccountUpdated).changing(role.into_iter().collect());
        audit_context.record(connection, &event.to(Subject::of(&user.account())))?;
    }
    Ok(changed.len())
}
