//! Creating, changing and deleting internal users. A change that takes rights away ends the sessions, and each change is
//! recorded, in the same transaction.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::config::{PanelAccess, RolesConfig};
use crate::domain::account::{Email, ExternalId, Name, Role, Username};
use crate::domain::audit::{Action, Actor, AuditSource, Change, Subject};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::problem::{Problem, Problems};
use crate::domain::session::RevocationReason;
use crate::domain::text::searchable;
use crate::services::accounts::change_notices::{self, ChangeMails};
use crate::services::accounts::changes::{
    Update, changed_text, check_claims, checked_hash, claims_change, conflict_of,
    external_id_change, external_id_column, finish_deletion, finish_update, reason_to_end,
    verification_change, verified_column,
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
/// [`Error::Invalid`] if the password violates the policy, or without an e-mail address and a username;
/// [`Error::AlreadyExists`] if a name to log in by or the external id is taken, [`Error::Overloaded`], and errors of the
/// store.
pub async fn create(services: &Services, actor: &Actor, new: NewUser) -> Result<User, Error> {
    let row = new_row(services, new).await?;
    let audit_context = services.audit_log.audit_context(actor, row.created_at);
    let row = services
        .store
        .write(move |connection| {
            let created = insert(connection, &row)?;
            let event = creation_event(Action::AccountCreated, &created);
            audit_context.record(connection, &event)?;
            Ok(created)
        })
        .await
        .map_err(conflict_of)?;
    Ok(row.into())
}

/// Inserts a user; part of a transaction.
pub(crate) fn insert(connection: &mut Db, row: &NewRow) -> Result<UserRow, Error> {
    let email = row.email_normalized.as_deref();
    let username = row.username_normalized.as_deref();
    table::lock_logins(connection, email, username)?;
    check_logins(connection, None, email, username)?;
    Ok(table::insert(connection, row)?)
}

/// Refuses a user with neither e-mail address nor username, and a name that another user logs in by.
fn check_logins(
    connection: &mut Db,
    id: Option<UserSeq>,
    email: Option<&str>,
    username: Option<&str>,
) -> Result<(), Error> {
    if email.is_none() && username.is_none() {
        return Err(no_login());
    }
    match table::find_login_conflict(connection, id, email, username)? {
        Some(field) => Err(Error::AlreadyExists { field }),
        None => Ok(()),
    }
}

fn no_login() -> Error {
    Error::Invalid(Problems::one("email", Problem::NoLogin))
}

/// The row of a new user, its password hashed.
pub(crate) async fn new_row(services: &Services, new: NewUser) -> Result<NewRow, Error> {
    check_claims(services, new.claims.as_ref())?;
    check_role(&services.roles, &new.role)?;
    // Before the password is hashed, which is expensive.
    if new.email.is_none() && new.username.is_none() {
        return Err(no_login());
    }
    let name = new.name.as_str();
    let (email, username) = (new.email.as_ref(), new.username.as_ref());
    let typed_email = email.map(Email::as_typed);
    let typed_username = username.map(Username::as_typed);
    let external_id = new.external_id.as_ref().map(ExternalId::as_str);
    let words = own_words(typed_email, typed_username, name);
    let password_hash = match new.password {
        Some(password) => Some(checked_hash(services, password, &words).await?),
        None => None,
    };
    let now = services.clock.now();
    Ok(NewRow {
        search_text: search_text(typed_email, typed_username, external_id, name),
        email: typed_email.map(str::to_owned),
        email_normalized: email.map(|email| email.normalised().to_owned()),
        username: typed_username.map(str::to_owned),
        username_normalized: username.map(|username| username.normalised().to_owned()),
        external_id: external_id.map(str::to_owned),
        name: name.to_owned(),
        name_normalized: new.name.normalised(),
        role: new.role,
        password_hash,
        is_active: new.is_active,
        created_at: now,
        updated_at: now,
        claims: new.claims,
        email_verified_at: (email.is_some() && new.email_verified).then_some(now),
    })
}

/// What must not be used as the password.
fn own_words<'a>(email: Option<&'a str>, username: Option<&'a str>, name: &'a str) -> [&'a str; 3] {
    [
        email.unwrap_or_default(),
        username.unwrap_or_default(),
        name,
    ]
}

/// The text that a user is searched by.
#[must_use]
pub fn search_text(
    email: Option<&str>,
    username: Option<&str>,
    external_id: Option<&str>,
    name: &str,
) -> String {
    let texts = [email, username, external_id].map(Option::unwrap_or_default);
    searchable(&[texts[0], texts[1], name, texts[2]])
}

/// Refuses a role that is not configured.
pub(crate) fn check_role(roles: &RolesConfig, role: &Role) -> Result<(), Error> {
    let checked = roles.check_role(role);
    checked.map_err(|problem| Error::Invalid(Problems::one("role", problem)))
}

/// The audit event of a created user.
pub(crate) fn creation_event(action: Action, created: &UserRow) -> Event {
    let mut event = Event::new(action).to(Subject::of(&created.account()));
    for (field, value) in [
        ("email", &created.email),
        ("username", &created.username),
        ("external_id", &created.external_id),
    ] {
        if let Some(value) = value {
            event = event.with_detail(field, value);
        }
    }
    if created.account().email_verified() == Some(false) {
        event = event.with_detail("email_verified", false);
    }
    event = event
        .with_detail("name", &created.name)
        .with_detail("role", &created.role)
        .with_detail("is_active", created.is_active);
    match &created.claims {
        Some(claims) => event.with_detail("claims", claims.as_str()),
        None => event,
    }
}

/// Changes a user. Deactivating and a new password end all sessions in the same transaction. A changed role takes effect
/// with the next request, and ends the sessions in the panel unless the new role may change everything there.
///
/// # Errors
/// As [`create`], [`Error::AccountNotFound`], [`Error::LastAdministrator`], and [`Error::OwnAccount`] in the panel.
pub async fn update(
    services: &Services,
    actor: &Actor,
    user_seq: UserSeq,
    changes: UserChanges,
) -> Result<User, Error> {
    check_claims(services, changes.claims.as_ref().and_then(Option::as_ref))?;
    let roles = Arc::clone(&services.roles);
    let password_hash = match changes.password.clone() {
        Some(password) => {
            let old = find(services, user_seq).await?;
            let email = changed_text(changes.email.as_ref(), Email::as_typed, old.email.as_ref());
            let username = changes.username.as_ref();
            let username = changed_text(username, Username::as_typed, old.username.as_ref());
            let name = changes.name.as_ref();
            let name = name.map_or(old.name.as_str(), Name::as_str);
            Some(checked_hash(services, password, &own_words(email, username, name)).await?)
        }
        None => None,
    };
    let mails = ChangeMails::new(services);
    let (new, queued) = services
        .write_as(actor, move |connection, audit_context| {
            let missing = Error::AccountNotFound(UserType::User);
            let email = changes.email.as_ref().and_then(Option::as_ref);
            let username = changes.username.as_ref().and_then(Option::as_ref);
            let (email, username) = (
                email.map(Email::normalised),
                username.map(Username::normalised),
            );
            table::lock_logins(connection, email, username)?;
            let old = table::lock(connection, user_seq)?.ok_or(missing)?;
            // A user may keep a role that is not configured any more.
            if let Some(role) = changes.role.as_ref().filter(|role| **role != old.role) {
                check_role(&roles, role)?;
            }
            if changes.takes_rights_of_admins(&roles) {
                check_removal_of_rights(connection, &audit_context.actor, &roles, &old)?;
            }
            let hash = password_hash.clone();
            let new = apply_changes(connection, audit_context, &roles, &old, &changes, hash)?;
            let (before, after) = (old.account(), new.account());
            let is_password = password_hash.is_some();
            let accounts = (&before, &after);
            let queued = mails.changed(connection, audit_context, accounts, is_password)?;
            Ok((new, queued))
        })
        .await
        .map_err(conflict_of)?;
    change_notices::send(services, queued);
    Ok(new.into())
}

/// Changes a user whose row is locked, like [`apply`]. New names to log in by are locked as well.
pub(crate) fn apply_changes(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    roles: &RolesConfig,
    old: &UserRow,
    changes: &UserChanges,
    password_hash: Option<String>,
) -> Result<UserRow, Error> {
    let mut row = changed_row(changes, password_hash, audit_context.now);
    if row.email.is_some() || row.username.is_some() {
        let email = row.email_normalized.as_ref();
        let email = email.unwrap_or(&old.email_normalized).as_deref();
        let username = row.username_normalized.as_ref();
        let username = username.unwrap_or(&old.username_normalized).as_deref();
        check_logins(connection, Some(old.id), email, username)?;
    }
    let (old_account, now) = (old.account(), audit_context.now);
    let email = row.email.as_ref();
    row.email_verified_at = verified_column(&old_account, email, changes.email_verified, now);
    let external_id = row.external_id.as_ref().unwrap_or(&old.external_id);
    row.search_text = Some(search_text(
        row.email.as_ref().unwrap_or(&old.email).as_deref(),
        row.username.as_ref().unwrap_or(&old.username).as_deref(),
        external_id.as_deref(),
        row.name.as_deref().unwrap_or(&old.name),
    ));
    apply(connection, audit_context, roles, old, &row)
}

/// Updates a user whose row is locked, ends what the change ends, and records it; part of a transaction.
pub(crate) fn apply(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    roles: &RolesConfig,
    old: &UserRow,
    row: &RowChanges,
) -> Result<UserRow, Error> {
    let missing = Error::AccountNotFound(UserType::User);
    let new = table::update(connection, old.id, row)?.ok_or(missing)?;
    let now = audit_context.now;
    let reason = reason_to_end(row.is_active, row.password_hash.is_some());
    if new.role != old.role {
        if reason.is_none() && roles.rights(&new.role).panel != PanelAccess::Write {
            let reason = RevocationReason::RoleChanged;
            browser_sessions::end_all(connection, &[old.id], None, now, reason)?;
        }
        // Access tokens contain the old role.
        withdraw_access(connection, &[old.id], now)?;
    }
    let (old_role, new_role) = (old.role.to_string(), new.role.to_string());
    let (old_account, new_account) = (old.account(), new.account());
    let update = Update {
        old_hash: old.password_hash.as_deref(),
        new_hash: new.password_hash.as_deref(),
        reason,
        fields: vec![
            Change::of("email", old.email.clone(), new.email.clone()),
            Change::of("username", old.username.clone(), new.username.clone()),
            external_id_change(&old_account, &new_account),
            Change::of("name", Some(old.name.clone()), Some(new.name.clone())),
            Change::of("role", Some(old_role), Some(new_role)),
            claims_change(&old_account, &new_account),
            verification_change(&old_account, &new_account),
        ],
        old: old_account,
        new: new_account,
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
    let username = changes.username.as_ref();
    RowChanges {
        email: email.map(|email| email.as_ref().map(|email| email.as_typed().to_owned())),
        email_normalized: email
            .map(|email| email.as_ref().map(|email| email.normalised().to_owned())),
        username: username.map(|name| name.as_ref().map(|name| name.as_typed().to_owned())),
        username_normalized: username
            .map(|name| name.as_ref().map(|name| name.normalised().to_owned())),
        external_id: external_id_column(changes.external_id.as_ref()),
        name: name.map(|name| name.as_str().to_owned()),
        name_normalized: name.map(Name::normalised),
        role: changes.role.clone(),
        password_hash,
        is_active: changes.is_active,
        updated_at,
        search_text: None,
        claims: changes.claims.clone(),
        email_verified_at: None,
    }
}

/// Deletes a user and everything that belongs to the user; part of a transaction.
pub(crate) fn delete(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    roles: &RolesConfig,
    user_seq: UserSeq,
) -> Result<(), Error> {
    let missing = Error::AccountNotFound(UserType::User);
    let old = table::lock(connection, user_seq)?.ok_or(missing)?;
    check_removal_of_rights(connection, &audit_context.actor, roles, &old)?;
    table::delete(connection, user_seq)?;
    panel_preferences::delete(connection, user_seq)?;
    let event = Event::new(Action::AccountDeleted)
        .to(Subject::of(&old.account()))
        .with_detail("name", &old.name)
        .with_detail("role", &old.role);
    finish_deletion(connection, audit_context, Principal::user(user_seq), &event)
}

/// Refuses to take rights away from the last administrator, and in the panel from the actor.
pub(crate) fn check_removal_of_rights(
    connection: &mut Db,
    actor: &Actor,
    roles: &RolesConfig,
    old: &UserRow,
) -> Result<(), Error> {
    if actor.is_trusted() {
        return Ok(());
    }
    if matches!(actor.source, AuditSource::Panel | AuditSource::Job)
        && actor.is(Principal::user(old.id))
    {
        return Err(Error::OwnAccount);
    }
    let full = roles.full();
    if full.contains(&old.role) && table::lock_active(connection, &full)? == [old.id] {
        return Err(Error::LastAdministrator);
    }
    Ok(())
}
