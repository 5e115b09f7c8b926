//! Writing a batch: part of a transaction. An update does what the same change by an administrator does: sessions of a
//! deactivated account end, and the other instances get the revocation events.

use crate::clock::Timestamp;
use crate::config::RolesConfig;
use crate::domain::account::{Email, ExternalId, Phone, Username};
use crate::domain::import::ImportField;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::RevocationReason;
use crate::services::accounts::client_users::ClientChanges;
use crate::services::accounts::users::UserChanges;
use crate::services::accounts::{client_user_changes, user_changes};
use crate::services::audit::log::AuditContext;
use crate::services::auth::logout::end_all;
use crate::services::error::Error;
use crate::services::import::candidate::{Candidate, Identity};
use crate::services::import::fields::{FieldSet, Fields, compare};
use crate::services::import::last_administrator;
use crate::services::import::plan::{GivenUp, Plan, Update};
use crate::services::import::report::Line;
use crate::store::client_users::ClientRow;
use crate::store::imports::accounts::{self as table, ImportedFields};
use crate::store::users::UserRow;
use crate::store::{Db, StoreError, Transaction, client_users, users};

/// Writes the plan of a batch. Returns the numbers of the accounts by their keys in the source; further problems are added
/// to `lines`.
///
/// # Errors
/// Errors of the store; [`StoreError::Conflict`] if another process has taken a name meanwhile.
pub(super) fn apply(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    roles: &RolesConfig,
    user_type: UserType,
    plan: &Plan,
    lines: &mut Vec<Line>,
) -> Result<Vec<(String, UserSeq)>, Error> {
    for GivenUp { id, field, .. } in &plan.given_up {
        table::set_aside(connection, Principal::new(user_type, *id), *field)?;
    }
    let mut numbers = insert(connection, audit_context.now, user_type, &plan.inserts)?;
    for update in &plan.updates {
        lines.extend(apply_update(connection, audit_context, roles, update)?);
        numbers.push((update.candidate.key.clone(), update.id));
    }
    numbers.extend(plan.unchanged.iter().cloned());
    Ok(numbers)
}

fn insert(
    connection: &mut Db,
    now: Timestamp,
    user_type: UserType,
    candidates: &[Candidate],
) -> Result<Vec<(String, UserSeq)>, StoreError> {
    let has_number = |candidate: &&Candidate| matches!(candidate.identity, Identity::Number(_));
    let without = candidates.len() - candidates.iter().filter(has_number).count();
    let mut taken = table::take_numbers(connection, user_type, without)?.into_iter();
    let mut numbered = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let number = match candidate.identity {
            Identity::Number(number) => Some(number),
            Identity::External(_) | Identity::Login => taken.next(),
        };
        let missing = || StoreError::Query("the database gave too few numbers".into());
        numbered.push((number.ok_or_else(missing)?, candidate));
    }
    let fields: Vec<ImportedFields> = numbered
        .iter()
        .map(|(id, candidate)| written(*id, candidate, &candidate.fields(), now))
        .collect();
    match user_type {
        UserType::User => {
            let row = |(id, new): &(UserSeq, &Candidate)| user_row(*id, new, now);
            let rows: Vec<UserRow> = numbered.iter().filter_map(row).collect();
            table::insert_users(connection, &rows)?;
        }
        UserType::Client => {
            let row = |(id, new): &(UserSeq, &Candidate)| client_row(*id, new, now);
            let rows: Vec<ClientRow> = numbered.iter().filter_map(row).collect();
            table::insert_clients(connection, &rows)?;
        }
    }
    table::insert_fields(connection, &fields)?;
    let numbered = numbered.into_iter();
    Ok(numbered.map(|(id, new)| (new.key.clone(), id)).collect())
}

fn written(
    user_seq: UserSeq,
    candidate: &Candidate,
    fields: &Fields,
    imported_at: Timestamp,
) -> ImportedFields {
    ImportedFields {
        user_type: candidate.user_type,
        user_seq,
        source: candidate.origin.to_string(),
        fields: fields.to_json(),
        imported_at,
    }
}

/// When the address was verified: it was in use in the source, unless the source says that it is not verified.
fn verified_at(new: &Candidate, now: Timestamp) -> Option<Timestamp> {
    new.email.as_ref()?;
    (new.email_verified != Some(false)).then_some(now)
}

/// What the source says of the address, if it or the address has changed.
fn changed_verification(new: &Candidate, changed: FieldSet) -> Option<bool> {
    let fields = [ImportField::Email, ImportField::EmailVerified];
    let is_changed = fields.into_iter().any(|field| changed.contains(field));
    new.email_verified.filter(|_| is_changed)
}

/// The row of a user; `None` without a role, which every user has.
fn user_row(id: UserSeq, new: &Candidate, now: Timestamp) -> Option<UserRow> {
    let (role, name) = (new.role.as_ref()?.role.clone(), new.name.as_ref()?);
    let email = new.email.as_ref().map(Email::as_typed);
    let username = new.username.as_ref().map(Username::as_typed);
    let external_id = new.external_id.as_ref().map(ExternalId::as_str);
    Some(UserRow {
        id,
        search_text: user_changes::search_text(email, username, external_id, name.as_str()),
        email: email.map(str::to_owned),
        email_normalized: new
            .email
            .as_ref()
            .map(|email| email.normalised().to_owned()),
        username: username.map(str::to_owned),
        username_normalized: new
            .username
            .as_ref()
            .map(|name| name.normalised().to_owned()),
        external_id: external_id.map(str::to_owned),
        name: name.as_str().to_owned(),
        name_normalized: name.normalised(),
        role,
        password_hash: new.password_hash.clone(),
        is_active: new.is_active,
        last_login_at: new.last_login_at,
        created_at: new.created_at.unwrap_or(now),
        updated_at: now,
        claims: new.claims.clone(),
        email_verified_at: verified_at(new, now),
    })
}

/// The row of a client; `None` without a username, which every client has.
fn client_row(id: UserSeq, new: &Candidate, now: Timestamp) -> Option<ClientRow> {
    let (username, full_name) = (new.username.as_ref()?, new.name.as_ref()?);
    let email = new.email.as_ref().map(Email::as_typed);
    let phone = new.phone.as_ref().map(Phone::as_str);
    let external_id = new.external_id.as_ref().map(ExternalId::as_str);
    let (typed, name) = (username.as_typed(), full_name.as_str());
    Some(ClientRow {
        id,
        search_text: client_user_changes::search_text(typed, external_id, name, email, phone),
        username: typed.to_owned(),
        username_normalized: username.normalised().to_owned(),
        external_id: external_id.map(str::to_owned),
        name: name.to_owned(),
        name_normalized: full_name.normalised(),
        email: email.map(str::to_owned),
        email_normalized: new
            .email
            .as_ref()
            .map(|email| email.normalised().to_owned()),
        phone: phone.map(str::to_owned),
        password_hash: new.password_hash.clone(),
        is_active: new.is_active,
        last_login_at: new.last_login_at,
        created_at: new.created_at.unwrap_or(now),
        updated_at: now,
        claims: new.claims.clone(),
        email_verified_at: verified_at(new, now),
    })
}

/// Changes an account. What is to be changed is decided again with its row locked. Returns a problem if the last user with
/// all rights would lose them.
fn apply_update(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    roles: &RolesConfig,
    update: &Update,
) -> Result<Option<Line>, Error> {
    let (id, new, now) = (update.id, &update.candidate, audit_context.now);
    let owner = Principal::new(new.user_type, id);
    let stored = table::find_imported(connection, new.user_type, &[id])?.pop();
    let Some(stored) = stored.filter(|stored| stored.source == *new.origin) else {
        return Ok(None);
    };
    let last = Fields::from_stored(&stored.fields);
    let mut fields = new.fields().keeping(new.skipped, &last);
    let (changed, problem) = match new.user_type {
        UserType::User => {
            let Some(old) = users::lock(connection, id)? else {
                return Ok(None);
            };
            let mut changed = compare(&fields, &last, &Fields::from(&old)).changed;
            let problem = keep_last_rights(connection, roles, &old, new, &mut changed)?;
            if problem.is_some() {
                // The next import finds it again.
                (fields.role, fields.is_active) = (last.role.clone(), last.is_active.clone());
            }
            if !changed.is_empty() {
                let values = user_changes_of(new, changed);
                let hash = new_hash(new, changed);
                user_changes::apply_changes(connection, audit_context, roles, &old, &values, hash)?;
            }
            (changed, problem)
        }
        UserType::Client => {
            let Some(old) = client_users::lock(connection, id)? else {
                return Ok(None);
            };
            let changed = compare(&fields, &last, &Fields::from(&old)).changed;
            if !changed.is_empty() {
                let values = client_changes_of(new, changed);
                let hash = new_hash(new, changed).map(Some);
                client_user_changes::apply_changes(connection, audit_context, &old, &values, hash)?;
            }
            (changed, None)
        }
    };
    if changed.contains(ImportField::Password) && new.password_hash.is_none() {
        table::remove_password(connection, owner)?;
        end_all(connection, owner, now, RevocationReason::PasswordChanged)?;
    }
    let deactivated = changed.contains(ImportField::IsActive) && !new.is_active;
    if changed.contains(ImportField::Password) && !deactivated {
        // The site decides whether a new password there ends its tokens: with `CHECK_REVOKE_TOKEN` they name the old one.
        table::set_tokens_not_before(connection, owner, stored.tokens_not_before)?;
    }
    if let Some(at) = new.last_login_at {
        table::set_last_login(connection, owner, at)?;
    }
    table::update_fields(connection, &written(id, new, &fields, now))?;
    Ok(problem)
}

/// Leaves out a change by which the last user with all rights would lose them, and reports it.
fn keep_last_rights(
    connection: &mut Transaction<'_>,
    roles: &RolesConfig,
    old: &UserRow,
    new: &Candidate,
    changed: &mut FieldSet,
) -> Result<Option<Line>, StoreError> {
    let full = roles.full();
    if !old.is_active || !full.contains(&old.role) {
        return Ok(None);
    }
    let Some(field) = last_administrator::lost_rights(roles, new, *changed) else {
        return Ok(None);
    };
    if users::lock_active(connection, &full)? != [old.id] {
        return Ok(None);
    }
    for field in [ImportField::Role, ImportField::IsActive] {
        changed.remove(field);
    }
    Ok(Some(last_administrator::problem(new, field)))
}

fn new_hash(new: &Candidate, changed: FieldSet) -> Option<String> {
    let hash = new.password_hash.clone();
    hash.filter(|_| changed.contains(ImportField::Password))
}

fn user_changes_of(new: &Candidate, changed: FieldSet) -> UserChanges {
    let has = |field| changed.contains(field);
    let role = new.role.as_ref().map(|given| given.role.clone());
    UserChanges {
        email: has(ImportField::Email).then(|| new.email.clone()),
        email_verified: changed_verification(new, changed),
        username: has(ImportField::Username).then(|| new.username.clone()),
        external_id: has(ImportField::ExternalId).then(|| new.external_id.clone()),
        name: new.name.clone().filter(|_| has(ImportField::Name)),
        role: role.filter(|_| has(ImportField::Role)),
        is_active: has(ImportField::IsActive).then_some(new.is_active),
        claims: has(ImportField::Claims).then(|| new.claims.clone()),
        ..UserChanges::default()
    }
}

fn client_changes_of(new: &Candidate, changed: FieldSet) -> ClientChanges {
    let has = |field| changed.contains(field);
    let username = new.username.clone();
    ClientChanges {
        username: username.filter(|_| has(ImportField::Username)),
        external_id: has(ImportField::ExternalId).then(|| new.external_id.clone()),
        name: new.name.clone().filter(|_| has(ImportField::Name)),
        email: has(ImportField::Email).then(|| new.email.clone()),
        email_verified: changed_verification(new, changed),
        phone: has(ImportField::Phone).then(|| new.phone.clone()),
        is_active: has(ImportField::IsActive).then_some(new.is_active),
        claims: has(ImportField::Claims).then(|| new.claims.clone()),
        ..ClientChanges::default()
    }
}
