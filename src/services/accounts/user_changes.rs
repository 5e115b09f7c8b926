//! Creating, changing and deleting internal users. A change that takes rights away ends the sessions, and each change is
//! recorded, in the same transaction.

use crate::clock::Timestamp;
use crate::domain::account::{Email, Name, Role};
use crate::domain::audit::{Action, Actor, AuditSource, Change, Subject};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::RevocationReason;
use crate::domain::text::searchable;
use crate::services::accounts::change_notices::{self, Changed};
use crate::services::accounts::changes::{
    Update, checked_hash, conflict_of, finish_deletion, finish_update, reason_to_end,
};
use crate::services::accounts::users::{NewUser, User, UserChanges, find};
use crate::services::audit::log::{AuditContext, Event};
use crate::services::auth::logout::withdraw_access;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::users::{NewUser as NewRow, UserChanges as RowChanges, UserRow};
use crate::store::{Db, Transaction, browser_sessions, panel_preferences, users as table};

/// Creates a user.
///
/// # Errors
/// [`Error::Invalid`] if the password violates the policy, [`Error::AlreadyExists`] if the address is taken,
/// [`Error::Overloaded`], and errors of the store.
pub async fn create(services: &Services, actor: &Actor, new: NewUser) -> Result<User, Error> {
    let row = new_row(services, new).await?;
    let audit_context = services.audit_log.audit_context(actor, row.created_at);
    let row = services
        .store
        .write(move |connection| {
            let created = table::insert(connection, &row)?;
            let event = creation_event(Action::AccountCreated, &created);
            audit_context.record(connection, &event)?;
            Ok(created)
        })
        .await
        .map_err(conflict_of)?;
    Ok(row.into())
}

/// The row of a new user, its password hashed.
pub(crate) async fn new_row(services: &Services, new: NewUser) -> Result<NewRow, Error> {
    let (email, name) = (new.email.as_typed(), new.name.as_str());
    let password_hash = match new.password {
        Some(password) => Some(checked_hash(services, password, &[email, name]).await?),
        None => None,
    };
    let now = services.clock.now();
    Ok(NewRow {
        email: email.to_owned(),
        email_normalized: new.email.normalised().to_owned(),
        name: name.to_owned(),
        name_normalized: new.name.normalised(),
        role: new.role,
        password_hash,
        is_active: new.is_active,
        created_at: now,
        updated_at: now,
        search_text: searchable(&[email, name]),
    })
}

/// The audit event of a created user.
pub(crate) fn creation_event(action: Action, created: &UserRow) -> Event {
    Event::new(action)
        .to(Subject::of(&created.account()))
        .with_detail("email", &created.email)
        .with_detail("name", &created.name)
        .with_detail("role", created.role)
        .with_detail("is_active", created.is_active)
}

/// Changes a user. Deactivating and a new password end all sessions in the same transaction. A changed role takes effect
/// with the next request, and ends the sessions in the panel unless the new role is administrator.
///
/// # Errors
/// As [`create`], [`Error::AccountNotFound`], [`Error::LastAdministrator`], and [`Error::OwnAccount`] in the panel.
pub async fn update(
    services: &Services,
    actor: &Actor,
    user_seq: UserSeq,
    changes: UserChanges,
) -> Result<User, Error> {
    let password_hash = match changes.password.clone() {
        Some(password) => {
            let old = find(services, user_seq).await?;
            let (email, name) = (changes.email.as_ref(), changes.name.as_ref());
            let email = email.map_or(old.email.as_str(), Email::as_typed);
            let name = name.map_or(old.name.as_str(), Name::as_str);
            Some(checked_hash(services, password, &[email, name]).await?)
        }
        None => None,
    };
    let (new, notice) = services
        .write_as(actor, move |connection, audit_context| {
            let missing = Error::AccountNotFound(UserType::User);
            let old = table::lock(connection, user_seq)?.ok_or(missing)?;
            if changes.takes_rights_of_admins() {
                check_removal_of_rights(connection, &audit_context.actor, &old)?;
            }
            let mut row = changed_row(&changes, password_hash.clone(), audit_context.now);
            let email = row.email.as_deref().unwrap_or(&old.email);
            let name = row.name.as_deref().unwrap_or(&old.name);
            row.search_text = Some(searchable(&[email, name]));
            let new = apply(connection, audit_context, &old, &row)?;
            let (new_account, at) = (new.account(), audit_context.now);
            let is_password = row.password_hash.is_some();
            let notice = Changed::new(connection, old.account(), new_account, is_password, at)?;
            Ok((new, notice))
        })
        .await
        .map_err(conflict_of)?;
    change_notices::send(services, actor, &notice);
    Ok(new.into())
}

/// Updates a user whose row is locked, ends what the change ends, and records it; part of a transaction.
pub(crate) fn apply(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    old: &UserRow,
    row: &RowChanges,
) -> Result<UserRow, Error> {
    let missing = Error::AccountNotFound(UserType::User);
    let new = table::update(connection, old.id, row)?.ok_or(missing)?;
    let now = audit_context.now;
    let reason = reason_to_end(row.is_active, row.password_hash.is_some());
    if new.role != old.role {
        if reason.is_none() && new.role != Role::Admin {
            let reason = RevocationReason::RoleChanged;
            browser_sessions::end_all(connection, old.id, None, now, reason)?;
        }
        // Access tokens contain the old role.
        withdraw_access(connection, Principal::user(old.id), now)?;
    }
    let (old_role, new_role) = (old.role.to_string(), new.role.to_string());
    let update = Update {
        old: old.account(),
        new: new.account(),
        old_hash: old.password_hash.as_deref(),
        new_hash: new.password_hash.as_deref(),
        reason,
        fields: vec![
            Change::of("email", Some(old.email.clone()), Some(new.email.clone())),
            Change::of("name", Some(old.name.clone()), Some(new.name.clone())),
            Change::of("role", Some(old_role), Some(new_role)),
        ],
    };
    finish_update(connection, audit_context, update)?;
    Ok(new)
}

/// The changed columns: each text as typed and as normalised, without the search text.
pub(crate) fn changed_row(
    changes: &UserChanges,
    password_hash: Option<String>,
    updated_at: Timestamp,
) -> RowChanges {
    let (email, name) = (changes.email.as_ref(), changes.name.as_ref());
    RowChanges {
        email: email.map(|email| email.as_typed().to_owned()),
        email_normalized: email.map(|email| email.normalised().to_owned()),
        name: name.map(|name| name.as_str().to_owned()),
        name_normalized: name.map(Name::normalised),
        role: changes.role,
        password_hash,
        is_active: changes.is_active,
        updated_at,
        search_text: None,
    }
}

/// Deletes a user and everything that belongs to the user; part of a transaction.
pub(crate) fn delete(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    user_seq: UserSeq,
) -> Result<(), Error> {
    let missing = Error::AccountNotFound(UserType::User);
    let old = table::lock(connection, user_seq)?.ok_or(missing)?;
    check_removal_of_rights(connection, &audit_context.actor, &old)?;
    table::delete(connection, user_seq)?;
    panel_preferences::delete(connection, user_seq)?;
    let event = Event::new(Action::AccountDeleted)
        .to(Subject::of(&old.account()))
        .with_detail("name", &old.name)
        .with_detail("role", old.role);
    finish_deletion(connection, audit_context, Principal::user(user_seq), &event)
}

/// Refuses to take rights away from the last administrator, and in the panel from the actor.
pub(crate) fn check_removal_of_rights(
    connection: &mut Db,
    actor: &Actor,
    old: &UserRow,
) -> Result<(), Error> {
    if actor.is_trusted() {
        return Ok(());
    }
    if actor.source == AuditSource::Panel && actor.is(Principal::user(old.id)) {
        return Err(Error::OwnAccount);
    }
    if old.role == Role::Admin && table::lock_active_admins(connection)? == [old.id] {
        return Err(Error::LastAdministrator);
    }
    Ok(())
}
