//! Creating, changing and deleting external clients. A change that takes rights away ends the sessions, and each change is
//! recorded, in the same transaction.

use crate::clock::Timestamp;
use crate::domain::account::{Email, ExternalId, Name, Phone, Username};
use crate::domain::audit::{Action, Actor, Change, Subject};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::text::{normalised, searchable};
use crate::services::accounts::change_notices::{self, ChangeMails};
use crate::services::accounts::changes::{
    Update, changed_text, check_claims, checked_hash, claims_change, conflict_of,
    external_id_change, external_id_column, finish_deletion, finish_update, reason_to_end,
    verification_change, verified_column,
};
use crate::services::accounts::client_users::{Client, ClientChanges, NewClient, find};
use crate::services::audit::log::{AuditContext, Event};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::client_users::{ClientChanges as RowChanges, ClientRow, NewClient as NewRow};
use crate::store::{Transaction, client_users as table};

/// Creates a client.
///
/// # Errors
/// [`Error::Invalid`] if the password violates the policy, [`Error::AlreadyExists`] if the username is taken,
/// [`Error::Overloaded`], and errors of the store.
pub async fn create(services: &Services, actor: &Actor, new: NewClient) -> Result<Client, Error> {
    check_claims(services, new.claims.as_ref())?;
    let username = new.username.as_typed();
    let name = new.name.as_ref().map_or(username, Name::as_str);
    let email = new.email.as_ref().map(Email::as_typed);
    let phone = new.phone.as_ref().map(Phone::as_str);
    let external_id = new.external_id.as_ref().map(ExternalId::as_str);
    let password_hash = match new.password {
        Some(password) => {
            let own_words = [username, name, email.unwrap_or_default()];
            Some(checked_hash(services, password, &own_words).await?)
        }
        None => None,
    };
    let now = services.clock.now();
    let row = NewRow {
        search_text: search_text(username, external_id, name, email, phone),
        username: username.to_owned(),
        username_normalized: new.username.normalised().to_owned(),
        external_id: external_id.map(str::to_owned),
        name: name.to_owned(),
        name_normalized: normalised(name),
        email: email.map(str::to_owned),
        email_normalized: new
            .email
            .as_ref()
            .map(|email| email.normalised().to_owned()),
        phone: phone.map(str::to_owned),
        password_hash,
        is_active: new.is_active,
        created_at: now,
        updated_at: now,
        claims: new.claims,
        email_verified_at: (email.is_some() && new.email_verified).then_some(now),
    };
    let audit_context = services.audit_log.audit_context(actor, now);
    let row = services
        .store
        .write(move |connection| {
            let created = table::insert(connection, &row)?;
            audit_context.record(connection, &creation_event(&created))?;
            Ok(created)
        })
        .await
        .map_err(conflict_of)?;
    Ok(row.into())
}

fn creation_event(created: &ClientRow) -> Event {
    let mut event = Event::new(Action::AccountCreated)
        .to(Subject::of(&created.account()))
        .with_detail("username", &created.username)
        .with_detail("name", &created.name)
        .with_detail("is_active", created.is_active);
    if created.account().email_verified() == Some(false) {
        event = event.with_detail("email_verified", false);
    }
    let claims = created.claims.as_ref();
    let claims = claims.map(|claims| claims.as_str().to_owned());
    for (field, value) in [
        ("external_id", &created.external_id),
        ("email", &created.email),
        ("phone", &created.phone),
        ("claims", &claims),
    ] {
        if let Some(value) = value {
            event = event.with_detail(field, value);
        }
    }
    event
}

/// The text that a client is searched by. A telephone number is in it as typed and as digits.
#[must_use]
pub fn search_text(
    username: &str,
    external_id: Option<&str>,
    name: &str,
    email: Option<&str>,
    phone: Option<&str>,
) -> String {
    let phone = phone.unwrap_or_default();
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let email = email.unwrap_or_default();
    let external_id = external_id.unwrap_or_default();
    searchable(&[username, name, email, phone, &digits, external_id])
}

/// Changes a client. Deactivating and a new password end all sessions in the same transaction.
///
/// # Errors
/// As [`create`], and [`Error::AccountNotFound`].
pub async fn update(
    services: &Services,
    actor: &Actor,
    user_seq: UserSeq,
    changes: ClientChanges,
) -> Result<Client, Error> {
    check_claims(services, changes.claims.as_ref().and_then(Option::as_ref))?;
    let password_hash = new_hash(services, user_seq, &changes).await?;
    let mails = ChangeMails::new(services);
    let (new, queued) = services
        .write_as(actor, move |connection, audit_context| {
            let missing = Error::AccountNotFound(UserType::Client);
            let old = table::lock(connection, user_seq)?.ok_or(missing)?;
            let hash = password_hash.clone();
            let new = apply_changes(connection, audit_context, &old, &changes, hash)?;
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

/// Changes a client whose row is locked, like [`apply`].
#[expect(clippy::option_option, reason = "unchanged and removed are different")]
pub(crate) fn apply_changes(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    old: &ClientRow,
    changes: &ClientChanges,
    password_hash: Option<Option<String>>,
) -> Result<ClientRow, Error> {
    let mut row = changed_row(changes, password_hash, audit_context.now);
    let (old_account, now) = (old.account(), audit_context.now);
    let new_email = row.email.as_ref();
    row.email_verified_at = verified_column(&old_account, new_email, changes.email_verified, now);
    let username = row.username.as_deref().unwrap_or(&old.username);
    let name = row.name.as_deref().unwrap_or(&old.name);
    let email = row.email.as_ref().unwrap_or(&old.email).as_deref();
    let phone = row.phone.as_ref().unwrap_or(&old.phone).as_deref();
    let external_id = row.external_id.as_ref().unwrap_or(&old.external_id);
    let external_id = external_id.as_deref();
    row.search_text = Some(search_text(username, external_id, name, email, phone));
    apply(connection, audit_context, old, &row)
}

/// Updates a client whose row is locked, ends what the change ends, and records it; part of a transaction.
pub(crate) fn apply(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    old: &ClientRow,
    row: &RowChanges,
) -> Result<ClientRow, Error> {
    let missing = Error::AccountNotFound(UserType::Client);
    let new = table::update(connection, old.id, row)?.ok_or(missing)?;
    let (old_name, new_name) = (Some(old.username.clone()), Some(new.username.clone()));
    let (old_account, new_account) = (old.account(), new.account());
    let update = Update {
        old_hash: old.password_hash.as_deref(),
        new_hash: new.password_hash.as_deref(),
        reason: reason_to_end(row.is_active, row.password_hash.is_some()),
        fields: vec![
            Change::of("username", old_name, new_name),
            external_id_change(&old_account, &new_account),
            Change::of("name", Some(old.name.clone()), Some(new.name.clone())),
            Change::of("email", old.email.clone(), new.email.clone()),
            Change::of("phone", old.phone.clone(), new.phone.clone()),
            claims_change(&old_account, &new_account),
            verification_change(&old_account, &new_account),
        ],
        old: old_account,
        new: new_account,
    };
    finish_update(connection, audit_context, update)?;
    Ok(new)
}

/// The hash of the new password: the outer `None` leaves the password, the inner one removes it.
async fn new_hash(
    services: &Services,
    user_seq: UserSeq,
    changes: &ClientChanges,
) -> Result<Option<Option<String>>, Error> {
    let Some(Some(password)) = changes.password.clone() else {
        return Ok(changes.password.as_ref().map(|_| None));
    };
    let old = find(services, user_seq).await?;
    let (username, name) = (changes.username.as_ref(), changes.name.as_ref());
    let username = username.map_or(old.username.as_str(), Username::as_typed);
    let name = name.map_or(old.name.as_str(), Name::as_str);
    let email = changed_text(changes.email.as_ref(), Email::as_typed, old.email.as_ref());
    let own_words = [username, name, email.unwrap_or_default()];
    let hash = checked_hash(services, password, &own_words).await?;
    Ok(Some(Some(hash)))
}

/// The changed columns: each text as typed and as normalised, without the search text.
#[expect(clippy::option_option, reason = "unchanged and removed are different")]
pub(crate) fn changed_row(
    changes: &ClientChanges,
    password_hash: Option<Option<String>>,
    updated_at: Timestamp,
) -> RowChanges {
    let (username, name) = (changes.username.as_ref(), changes.name.as_ref());
    let (email, phone) = (changes.email.as_ref(), changes.phone.as_ref());
    RowChanges {
        username: username.map(|username| username.as_typed().to_owned()),
        username_normalized: username.map(|username| username.normalised().to_owned()),
        external_id: external_id_column(changes.external_id.as_ref()),
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
        claims: changes.claims.clone(),
        email_verified_at: None,
    }
}

/// Deletes a client; part of a transaction.
pub(crate) fn delete(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    user_seq: UserSeq,
) -> Result<(), Error> {
    let missing = Error::AccountNotFound(UserType::Client);
    let old = table::lock(connection, user_seq)?.ok_or(missing)?;
    table::delete(connection, user_seq)?;
    let event = Event::new(Action::AccountDeleted)
        .to(Subject::of(&old.account()))
        .with_detail("name", &old.name);
    let owner = Principal::client(user_seq);
    finish_deletion(connection, audit_context, owner, &event)
}
