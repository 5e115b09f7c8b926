//! Making, changing and deleting external clients. A change that takes rights away ends the sessions with it; each change
//! is recorded in its own transaction.

use crate::{
    clock::Timestamp,
    domain::{
        account::{Email, Name, Username},
        audit::{Action, Actor, Change, Subject},
        principal::{Principal, UserSeq},
        session::RevocationReason,
        text::{normalised, searchable},
    },
    services::{
        accounts::{
            client_users::{Client, ClientChanges, NewClient, find},
            users::{checked_hash, reason_to_end},
        },
        audit::log::{AuditContext, Event},
        auth::logout::end_all,
        bootstrap::Services,
        error::{Error, Missing},
        limits::locks,
    },
    store::{
        Db, StoreError, client_users as table,
        client_users::{ClientChanges as RowChanges, ClientRow, NewClient as NewRow},
        revocations, set_up_links,
    },
};

/// Makes a client.
///
/// # Errors
/// [`Error::Invalid`] when the password breaks the policy, [`Error::AlreadyExists`] when the username is taken,
/// [`Error::Overloaded`], and the store's.
pub async fn create(services: &Services, actor: &Actor, new: NewClient) -> Result<Client, Error> {
    let NewClient {
        username,
        name,
        email,
        phone,
        password,
        is_active,
    } = new;
    let name = name.map_or_else(
        || username.as_typed().to_owned(),
        |name| name.as_str().to_owned(),
    );
    let email_normalized = email.as_ref().map(|email| email.normalised().to_owned());
    let email = email.map(|email| email.as_typed().to_owned());
    let phone = phone.map(|phone| phone.as_str().to_owned());
    let password_hash = match password {
        Some(password) => {
            let own_words = [
                username.as_typed(),
                name.as_str(),
                email.as_deref().unwrap_or_default(),
            ];
            Some(checked_hash(services, password, &own_words).await?)
        }
        None => None,
    };
    let now = services.clock.now();
    let row = NewRow {
        search_text: search_text(
            username.as_typed(),
            &name,
            email.as_deref(),
            phone.as_deref(),
        ),
        username: username.as_typed().to_owned(),
        username_normalized: username.normalised().to_owned(),
        name_normalized: normalised(&name),
        name,
        email,
        email_normalized,
        phone,
        password_hash,
        is_active,
        created_at: now,
        updated_at: now,
    };
    let audit_context = services.audit_log.audit_context(actor, now);
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

fn creation(made: &ClientRow) -> Event {
    let mut event = Event::new(Action::AccountCreated)
        .to(subject(made))
        .noting("username", &made.username)
        .noting("name", &made.name)
        .noting("is_active", made.is_active);
    for (field, value) in [("email", &made.email), ("phone", &made.phone)] {
        if let Some(value) = value {
            event = event.noting(field, value);
        }
    }
    event
}

/// What a client is searched by; of a telephone number the bare digits too.
fn search_text(username: &str, name: &str, email: Option<&str>, phone: Option<&str>) -> String {
    let phone = phone.unwrap_or_default();
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    searchable(&[username, name, email.unwrap_or_default(), phone, &digits])
}

/// Changes a client. Deactivating and a new password end its sessions in the same transaction.
///
/// # Errors
/// As [`create`], and [`Error::AccountNotFound`].
pub async fn update(
    services: &Services,
    actor: &Actor,
    user_seq: UserSeq,
    changes: ClientChanges,
) -> Result<Client, Error> {
    let password_hash = new_hash(services, user_seq, &changes).await?;
    let audit_context = services.audit_context(actor);
    let row = changed_row(&changes, password_hash, audit_context.now);
    services
        .store
        .write(move |connection| {
            let missing = Error::AccountNotFound(Missing::Client);
            let old = table::lock(connection, user_seq)?.ok_or(missing)?;
            let mut row = row.clone();
            let username = row.username.as_deref().unwrap_or(&old.username);
            let name = row.name.as_deref().unwrap_or(&old.name);
            let email = row.email.as_ref().unwrap_or(&old.email).as_deref();
            let phone = row.phone.as_ref().unwrap_or(&old.phone).as_deref();
            row.search_text = Some(search_text(username, name, email, phone));
            apply(connection, &audit_context, &old, &row)
        })
        .await
        .map(Client::from)
        .map_err(|error: Error| match error {
            Error::Store(error) => conflict(error),
            error => error,
        })
}

/// Activates or deactivates a client whose row is locked; part of a transaction.
pub(crate) fn set_active(
    connection: &mut Db,
    audit_context: &AuditContext,
    old: &ClientRow,
    is_active: bool,
) -> Result<(), Error> {
    let changes = ClientChanges {
        is_active: Some(is_active),
        ..ClientChanges::default()
    };
    let row = changed_row(&changes, None, audit_context.now);
    apply(connection, audit_context, old, &row).map(|_| ())
}

/// Puts a hash in the place of the one before; part of a transaction.
pub(crate) fn put_hash(
    connection: &mut Db,
    user_seq: UserSeq,
    hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let hash = Some(Some(hash.to_owned()));
    let row = changed_row(&ClientChanges::default(), hash, now);
    table::update(connection, user_seq, &row).map(|_| ())
}

/// Changes the row, ends what must end, and records it.
fn apply(
    connection: &mut Db,
    audit_context: &AuditContext,
    old: &ClientRow,
    row: &RowChanges,
) -> Result<ClientRow, Error> {
    let now = audit_context.now;
    let missing = Error::AccountNotFound(Missing::Client);
    let new = table::update(connection, old.id, row)?.ok_or(missing)?;
    let reason = reason_to_end(row.is_active, row.password_hash.is_some());
    if let Some(reason) = reason {
        end_all(connection, Principal::client(old.id), now, reason)?;
    }
    if reason.is_some() || new.email != old.email {
        set_up_links::revoke(connection, Principal::client(old.id), now)?;
    }
    revocations::insert_changed(connection, Principal::client(old.id), now)?;
    for event in events(old, &new) {
        audit_context.record(connection, &event)?;
    }
    if matches!(row.password_hash, Some(Some(_))) {
        locks::lift_by_password(connection, audit_context, Principal::client(new.id))?;
    }
    Ok(new)
}

/// The hash of the new password: the outer `None`, it stays; the inner one, it goes.
async fn new_hash(
    services: &Services,
    user_seq: UserSeq,
    changes: &ClientChanges,
) -> Result<Option<Option<String>>, Error> {
    let Some(Some(password)) = changes.password.clone() else {
        return Ok(changes.password.as_ref().map(|_| None));
    };
    let old = find(services, user_seq).await?;
    let username = changes
        .username
        .as_ref()
        .map_or(old.username.as_str(), Username::as_typed);
    let name = changes
        .name
        .as_ref()
        .map_or(old.name.as_str(), Name::as_str);
    let email = match &changes.email {
        Some(email) => email.as_ref().map(Email::as_typed),
        None => old.email.as_deref(),
    };
    let own_words = [username, name, email.unwrap_or_default()];
    Ok(Some(Some(
        checked_hash(services, password, &own_words).await?,
    )))
}

/// What the row becomes: each text as typed and as compared.
#[expect(
    clippy::option_option,
    reason = "left alone and emptied are two things"
)]
fn changed_row(
    changes: &ClientChanges,
    password_hash: Option<Option<String>>,
    updated_at: Timestamp,
) -> RowChanges {
    let (username, name) = (changes.username.as_ref(), changes.name.as_ref());
    let (email, phone) = (changes.email.as_ref(), changes.phone.as_ref());
    RowChanges {
        username: username.map(|username| username.as_typed().to_owned()),
        username_normalized: username.map(|username| username.normalised().to_owned()),
        name: name.map(|name| name.as_str().to_owned()),
        name_normalized: name.map(Name::normalised),
        email: email.map(|email| email.as_ref().map(|email| email.as_typed().to_owned())),
        email_normalized: email
            .map(|email| email.as_ref().map(|email| email.normalised().to_owned())),
        phone: phone.map(|phone| phone.as_ref().map(|phone| phone.as_str().to_owned())),
        password_hash,
        is_active: changes.is_active,
        updated_at,
        search_text: None,
    }
}

fn subject(row: &ClientRow) -> Subject {
    Subject::account(Principal::client(row.id), &row.username)
}

/// What there is to tell of a change.
fn events(old: &ClientRow, new: &ClientRow) -> Vec<Event> {
    let mut events = Vec::new();
    let fields = [
        Change::of(
            "username",
            Some(old.username.clone()),
            Some(new.username.clone()),
        ),
        Change::of("name", Some(old.name.clone()), Some(new.name.clone())),
        Change::of("email", old.email.clone(), new.email.clone()),
        Change::of("phone", old.phone.clone(), new.phone.clone()),
    ];
    let fields: Vec<Change> = fields.into_iter().flatten().collect();
    if !fields.is_empty() {
        events.push(Event::new(Action::AccountUpdated).changing(fields));
    }
    if old.is_active != new.is_active {
        events.push(Event::new(if new.is_active {
            Action::AccountActivated
        } else {
            Action::AccountDeactivated
        }));
    }
    if old.password_hash != new.password_hash {
        events.push(Event::new(Action::PasswordChanged));
    }
    events
        .into_iter()
        .map(|event| event.to(subject(new)))
        .collect()
}

/// Deletes a client and ends its sessions.
///
/// # Errors
/// [`Error::AccountNotFound`], and the store's.
pub async fn delete(services: &Services, actor: &Actor, user_seq: UserSeq) -> Result<(), Error> {
    let audit_context = services.audit_context(actor);
    services
        .store
        .write(move |connection| {
            let missing = Error::AccountNotFound(Missing::Client);
            let old = table::lock(connection, user_seq)?.ok_or(missing)?;
            remove(connection, &audit_context, &old)
        })
        .await
}

/// Deletes a client whose row is locked and ends its sessions; part of a transaction.
pub(crate) fn remove(
    connection: &mut Db,
    audit_context: &AuditContext,
    old: &ClientRow,
) -> Result<(), Error> {
    let now = audit_context.now;
    table::delete(connection, old.id)?;
    let reason = RevocationReason::Deleted;
    end_all(connection, Principal::client(old.id), now, reason)?;
    revocations::insert_changed(connection, Principal::client(old.id), now)?;
    let event = Event::new(Action::AccountDeleted)
        .to(subject(old))
        .noting("name", &old.name);
    Ok(audit_context.record(connection, &event)?)
}

fn conflict(error: StoreError) -> Error {
    match error {
        StoreError::Conflict { column } if column == "username_normalized" => {
            Error::AlreadyExists { field: "username" }
        }
        error => Error::Store(error),
    }
}
