//! Making, changing and deleting internal users. A change that takes rights away ends the sessions with it; each change is
//! recorded in its own transaction.

use crate::{
    clock::Timestamp,
    domain::{
        account::{Email, Name, Role},
        audit::{Action, Actor, Change, Subject},
        principal::{Principal, UserSeq},
        session::RevocationReason,
        text::searchable,
    },
    services::{
        accounts::users::{NewUser, User, UserChanges, checked_hash, find, reason_to_end},
        audit::log::{AuditContext, Event},
        auth::logout::{end_all, withdraw_access},
        bootstrap::Services,
        error::{Error, Missing},
        limits::locks,
    },
    store::{
        Db, StoreError, browser_sessions, panel_preferences, revocations, set_up_links,
        users as table,
        users::{NewUser as NewRow, UserChanges as RowChanges, UserRow},
    },
};

/// Makes a user.
///
/// # Errors
/// [`Error::Invalid`] when the password breaks the policy, [`Error::AlreadyExists`] when the address is taken,
/// [`Error::Overloaded`], and the store's.
pub async fn create(services: &Services, actor: &Actor, new: NewUser) -> Result<User, Error> {
    let row = new_row(services, new).await?;
    let audit_context = services.audit_log.audit_context(actor, row.created_at);
    let row = services
        .store
        .write(move |connection| {
            let made = table::insert(connection, &row)?;
            audit_context.record(connection, &creation(&made))?;
            Ok(made)
        })
        .await
        .map_err(conflict)?;
    Ok(row.into())
}

/// The row of a new user, its password hashed.
pub(crate) async fn new_row(services: &Services, new: NewUser) -> Result<NewRow, Error> {
    let NewUser {
        email,
        name,
        role,
        password,
        is_active,
    } = new;
    let password_hash = match password {
        Some(password) => {
            Some(checked_hash(services, password, &[email.as_typed(), name.as_str()]).await?)
        }
        None => None,
    };
    let now = services.clock.now();
    Ok(NewRow {
        email: email.as_typed().to_owned(),
        email_normalized: email.normalised().to_owned(),
        name: name.as_str().to_owned(),
        name_normalized: name.normalised(),
        role,
        password_hash,
        is_active,
        created_at: now,
        updated_at: now,
        search_text: searchable(&[email.as_typed(), name.as_str()]),
    })
}

/// The event of a user who was just made.
fn creation(made: &UserRow) -> Event {
    made_by(Action::AccountCreated, made)
}

/// The event of the first administrator, who made himself.
pub(crate) fn first_creation(made: &UserRow) -> Event {
    made_by(Action::FirstAdministratorMade, made)
}

fn made_by(action: Action, made: &UserRow) -> Event {
    Event::new(action)
        .to(subject(made))
        .noting("email", &made.email)
        .noting("name", &made.name)
        .noting("role", made.role)
        .noting("is_active", made.is_active)
}

/// Changes a user. Deactivating and a new password end his sessions in the same transaction; a changed role is seen by
/// the next call already, and ends his sessions in the panel where it is a lower one.
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
            let email = changes
                .email
                .as_ref()
                .map_or(old.email.as_str(), Email::as_typed);
            let name = changes
                .name
                .as_ref()
                .map_or(old.name.as_str(), Name::as_str);
            Some(checked_hash(services, password, &[email, name]).await?)
        }
        None => None,
    };
    let audit_context = services.audit_context(actor);
    let now = audit_context.now;
    let takes_away = changes.takes_rights_of_admins();
    let row = changed_row(&changes, password_hash, now);
    services
        .store
        .write(move |connection| {
            let missing = Error::AccountNotFound(Missing::User);
            let old = table::lock(connection, user_seq)?.ok_or(missing)?;
            if takes_away {
                refuse_to_take_away(connection, &audit_context.actor, &old)?;
            }
            let mut row = row.clone();
            let email = row.email.as_deref().unwrap_or(&old.email);
            let name = row.name.as_deref().unwrap_or(&old.name);
            row.search_text = Some(searchable(&[email, name]));
            let new = table::update(connection, user_seq, &row)?
                .ok_or(Error::AccountNotFound(Missing::User))?;
            end_what_must(connection, &old, &row, now)?;
            for event in events(&old, &new) {
                audit_context.record(connection, &event)?;
            }
            if row.password_hash.is_some() {
                locks::lift_by_password(connection, &audit_context, Principal::user(new.id))?;
            }
            Ok(new)
        })
        .await
        .map(User::from)
        .map_err(conflict_of)
}

/// Puts a hash in the place of the one before; part of a transaction.
pub(crate) fn put_hash(
    connection: &mut Db,
    user_seq: UserSeq,
    hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = changed_row(&UserChanges::default(), Some(hash.to_owned()), now);
    table::update(connection, user_seq, &row).map(|_| ())
}

/// Activates or deactivates a user whose row is locked; part of a transaction.
pub(crate) fn set_active(
    connection: &mut Db,
    audit_context: &AuditContext,
    old: &UserRow,
    is_active: bool,
) -> Result<(), Error> {
    let changes = UserChanges {
        is_active: Some(is_active),
        ..UserChanges::default()
    };
    let now = audit_context.now;
    let row = changed_row(&changes, None, now);
    if let Some(new) = table::update(connection, old.id, &row)? {
        end_what_must(connection, old, &row, now)?;
        for event in events(old, &new) {
            audit_context.record(connection, &event)?;
        }
    }
    Ok(())
}

/// Ends what a change does not leave alive: all sessions, or those in the panel.
fn end_what_must(
    connection: &mut Db,
    old: &UserRow,
    row: &RowChanges,
    now: Timestamp,
) -> Result<(), StoreError> {
    let reason = reason_to_end(row.is_active, row.password_hash.is_some());
    // A link that went to another address, or was asked for before the password changed, is worth nothing any more.
    if reason.is_some() || row.email.as_ref().is_some_and(|new| *new != old.email) {
        set_up_links::revoke(connection, Principal::user(old.id), now)?;
    }
    let new_role = row.role.filter(|role| *role != old.role);
    if let Some(reason) = reason {
        end_all(connection, Principal::user(old.id), now, reason)?;
    } else if new_role.is_some_and(|role| role != Role::Admin) {
        let reason = RevocationReason::RoleChanged;
        browser_sessions::end_all(connection, old.id, None, now, reason)?;
    }
    // What an access token says of the role is not true any more.
    if new_role.is_some() {
        withdraw_access(connection, Principal::user(old.id), now)?;
    }
    revocations::insert_changed(connection, Principal::user(old.id), now)
}

/// What the row becomes: each text as typed and as compared.
fn changed_row(
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

fn subject(row: &UserRow) -> Subject {
    Subject::account(Principal::user(row.id), &row.email)
}

/// What there is to tell of a change.
fn events(old: &UserRow, new: &UserRow) -> Vec<Event> {
    let mut events = Vec::new();
    let fields = [
        Change::of("email", Some(old.email.clone()), Some(new.email.clone())),
        Change::of("name", Some(old.name.clone()), Some(new.name.clone())),
        Change::of(
            "role",
            Some(old.role.to_string()),
            Some(new.role.to_string()),
        ),
    ];
    let fields: Vec<Change> = fields.into_iter().flatten().collect();
    if !fields.is_empty() {
        events.push(Event::new(Action::AccountUpdated).changing(fields));
    }
    if old.is_active != new.is_active {
        let action = if new.is_active {
            Action::AccountActivated
        } else {
            Action::AccountDeactivated
        };
        events.push(Event::new(action));
    }
    if old.password_hash != new.password_hash {
        events.push(Event::new(Action::PasswordChanged));
    }
    events
        .into_iter()
        .map(|event| event.to(subject(new)))
        .collect()
}

/// Deletes a user and ends his sessions.
///
/// # Errors
/// [`Error::AccountNotFound`], [`Error::LastAdministrator`], [`Error::OwnAccount`] in the panel, and the store's.
pub async fn delete(services: &Services, actor: &Actor, user_seq: UserSeq) -> Result<(), Error> {
    let audit_context = services.audit_context(actor);
    services
        .store
        .write(move |connection| {
            let missing = Error::AccountNotFound(Missing::User);
            let old = table::lock(connection, user_seq)?.ok_or(missing)?;
            refuse_to_take_away(connection, &audit_context.actor, &old)?;
            remove(connection, &audit_context, &old)
        })
        .await
}

/// Deletes a user whose row is locked, with all that was his; part of a transaction.
pub(crate) fn remove(
    connection: &mut Db,
    audit_context: &AuditContext,
    old: &UserRow,
) -> Result<(), Error> {
    let now = audit_context.now;
    table::delete(connection, old.id)?;
    panel_preferences::delete(connection, old.id)?;
    let reason = RevocationReason::Deleted;
    end_all(connection, Principal::user(old.id), now, reason)?;
    revocations::insert_changed(connection, Principal::user(old.id), now)?;
    let event = Event::new(Action::AccountDeleted)
        .to(subject(old))
        .noting("name", &old.name)
        .noting("role", old.role);
    Ok(audit_context.record(connection, &event)?)
}

/// Refuses to take the rights of the last administrator, and in the panel one's own.
pub(crate) fn refuse_to_take_away(
    connection: &mut Db,
    actor: &Actor,
    old: &UserRow,
) -> Result<(), Error> {
    use crate::domain::audit::AuditSource;
    if !actor.is_bound() {
        return Ok(());
    }
    if actor.door == AuditSource::Panel && actor.is(Principal::user(old.id)) {
        return Err(Error::OwnAccount);
    }
    if table::lock_active_admins(connection)? == [old.id] {
        return Err(Error::LastAdministrator);
    }
    Ok(())
}

/// The same error, its conflict named by the field.
pub(crate) fn conflict_of(error: Error) -> Error {
    match error {
        Error::Store(error) => conflict(error),
        error => error,
    }
}

fn conflict(error: StoreError) -> Error {
    match error {
        StoreError::Conflict { column } if column == "email_normalized" => {
            Error::AlreadyExists { field: "email" }
        }
        error => Error::Store(error),
    }
}
