//! Creating, changing and deleting services. A change that takes something away revokes the access tokens of the service in the
//! same transaction, and each change is recorded.

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Actor, Change, Subject};
use crate::domain::principal::{TokenOwner, UserSeq};
use crate::domain::service::{Description, Scopes, ServiceName};
use crate::domain::session::RevocationReason;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::auth::logout::revoked_until;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::secret;
use crate::services::service::view::Service;
use crate::store::services::{self as table, NewService as NewRow, ServiceChanges, ServiceRow};
use crate::store::{StoreError, Transaction, revocations};

/// A service to create.
pub struct NewService {
    /// The unique name.
    pub name: ServiceName,
    /// What it is for.
    pub description: Description,
    /// The scopes that its access tokens may have.
    pub scopes: Scopes,
}

/// A service and its new secret, which is shown once and not stored.
pub struct WithSecret {
    /// The service.
    pub service: Service,
    /// The secret.
    pub secret: String,
}

/// Creates a service with a random secret.
///
/// # Errors
/// [`Error::AlreadyExists`] if the name is taken, and the store's.
pub async fn create(
    services: &Services,
    actor: &Actor,
    new: NewService,
) -> Result<WithSecret, Error> {
    let secret = secret::generate()?;
    let now = services.clock.now();
    let row = NewRow {
        name: new.name.as_str().to_owned(),
        description: new.description.as_str().to_owned(),
        secret_hash: secret::hash(&secret),
        scopes: new.scopes,
        is_active: true,
        created_at: now,
        updated_at: now,
    };
    let created = services
        .write_as(actor, move |connection, audit_context| {
            let created = table::insert(connection, &row)?;
            let event = event(Action::ServiceCreated, &created)
                .with_detail("description", &created.description)
                .with_detail("scopes", &created.scopes);
            audit_context.record(connection, &event)?;
            Ok(created)
        })
        .await
        .map_err(name_taken)?;
    Ok(WithSecret {
        service: created.into(),
        secret,
    })
}

fn name_taken(error: Error) -> Error {
    match &error {
        Error::Store(StoreError::Conflict { column }) if column == "name" => {
            Error::AlreadyExists { field: "name" }
        }
        _ => error,
    }
}

/// Changes of a service; `None` leaves a field unchanged.
#[derive(Clone, Default)]
pub struct ServiceUpdate {
    /// What it is for.
    pub description: Option<Description>,
    /// The scopes that its access tokens may have. Taking one away revokes the access tokens.
    pub scopes: Option<Scopes>,
    /// Whether it may authenticate. Deactivating refuses its secret and all its access tokens.
    pub is_active: Option<bool>,
}

/// Changes the fields that are given, in one transaction.
///
/// # Errors
/// [`Error::ServiceNotFound`], and the store's.
pub async fn update(
    services: &Services,
    actor: &Actor,
    number: UserSeq,
    update: ServiceUpdate,
) -> Result<Service, Error> {
    update_if(services, actor, number, update, |_| Ok(())).await
}

/// [`update`] if the scopes that the service has until then pass a check.
pub(super) async fn update_if(
    services: &Services,
    actor: &Actor,
    number: UserSeq,
    update: ServiceUpdate,
    check: impl Fn(&Scopes) -> Result<(), Error> + Send + 'static,
) -> Result<Service, Error> {
    let change = move |now: Timestamp| ServiceChanges {
        description: (update.description.as_ref()).map(|text| text.as_str().to_owned()),
        scopes: update.scopes.clone(),
        is_active: update.is_active,
        ..unchanged(now)
    };
    apply(services, actor, number, check, change).await
}

/// Gives a service a new secret. The old one and all access tokens are refused from now on.
///
/// # Errors
/// As [`update`].
pub async fn rotate_secret(
    services: &Services,
    actor: &Actor,
    number: UserSeq,
) -> Result<WithSecret, Error> {
    rotate_secret_if(services, actor, number, |_| Ok(())).await
}

/// [`rotate_secret`] if the scopes of the service pass a check.
pub(super) async fn rotate_secret_if(
    services: &Services,
    actor: &Actor,
    number: UserSeq,
    check: impl Fn(&Scopes) -> Result<(), Error> + Send + 'static,
) -> Result<WithSecret, Error> {
    let secret = secret::generate()?;
    let hash = secret::hash(&secret);
    let change = move |now: Timestamp| ServiceChanges {
        secret_hash: Some(hash.clone()),
        ..unchanged(now)
    };
    let service = apply(services, actor, number, check, change).await?;
    Ok(WithSecret { service, secret })
}

/// Activates or deactivates a service. Deactivating refuses its secret and all its access tokens.
///
/// # Errors
/// As [`update`].
pub async fn set_active(
    services: &Services,
    actor: &Actor,
    number: UserSeq,
    is_active: bool,
) -> Result<Service, Error> {
    let changes = ServiceUpdate {
        is_active: Some(is_active),
        ..ServiceUpdate::default()
    };
    update(services, actor, number, changes).await
}

/// Deletes a service. Its secret and all its access tokens are refused from now on.
///
/// # Errors
/// As [`update`].
pub async fn delete(services: &Services, actor: &Actor, number: UserSeq) -> Result<String, Error> {
    delete_if(services, actor, number, |_| Ok(())).await
}

/// [`delete`] if the scopes of the service pass a check.
pub(super) async fn delete_if(
    services: &Services,
    actor: &Actor,
    number: UserSeq,
    check: impl Fn(&Scopes) -> Result<(), Error> + Send + 'static,
) -> Result<String, Error> {
    services
        .write_as(actor, move |connection, audit_context| {
            let old = table::lock(connection, number)?.ok_or(Error::ServiceNotFound)?;
            check(&old.scopes)?;
            table::delete(connection, number)?;
            let now = audit_context.now;
            revoke_tokens(connection, number, RevocationReason::Deleted, now)?;
            audit_context.record(connection, &event(Action::ServiceDeleted, &old))?;
            Ok(old.name)
        })
        .await
}

fn unchanged(now: Timestamp) -> ServiceChanges {
    ServiceChanges {
        description: None,
        secret_hash: None,
        scopes: None,
        is_active: None,
        updated_at: now,
    }
}

/// Updates a row, revokes what the change takes away, and records it.
async fn apply(
    services: &Services,
    actor: &Actor,
    number: UserSeq,
    check: impl Fn(&Scopes) -> Result<(), Error> + Send + 'static,
    change: impl Fn(Timestamp) -> ServiceChanges + Send + 'static,
) -> Result<Service, Error> {
    let new = services
        .write_as(actor, move |connection, audit_context| {
            let old = table::lock(connection, number)?.ok_or(Error::ServiceNotFound)?;
            check(&old.scopes)?;
            let changes = change(audit_context.now);
            let new = table::update(connection, number, &changes)?.ok_or(Error::ServiceNotFound)?;
            finish(connection, audit_context, &old, &new)?;
            Ok(new)
        })
        .await?;
    Ok(new.into())
}

fn finish(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    old: &ServiceRow,
    new: &ServiceRow,
) -> Result<(), Error> {
    let now = audit_context.now;
    match reason_to_revoke(old, new) {
        Some(reason) => revoke_tokens(connection, new.id, reason, now)?,
        None => revocations::insert_changed(connection, TokenOwner::Service(new.id), now)?,
    }
    let fields = changed_fields(old, new);
    let mut events = Vec::new();
    if !fields.is_empty() {
        events.push(event(Action::ServiceUpdated, new).changing(fields));
    }
    if old.secret_hash != new.secret_hash {
        events.push(event(Action::ServiceSecretRotated, new));
    }
    match (old.is_active, new.is_active) {
        (false, true) => events.push(event(Action::ServiceActivated, new)),
        (true, false) => events.push(event(Action::ServiceDeactivated, new)),
        _ => {}
    }
    for event in events {
        audit_context.record(connection, &event)?;
    }
    Ok(())
}

fn changed_fields(old: &ServiceRow, new: &ServiceRow) -> Vec<Change> {
    let scopes = |row: &ServiceRow| Some(row.scopes.to_string());
    let (old_text, new_text) = (&old.description, &new.description);
    [
        Change::of(
            "description",
            Some(old_text.clone()),
            Some(new_text.clone()),
        ),
        Change::of("scopes", scopes(old), scopes(new)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Why the access tokens of a service are revoked with a change, if they are.
fn reason_to_revoke(old: &ServiceRow, new: &ServiceRow) -> Option<RevocationReason> {
    if old.is_active && !new.is_active {
        Some(RevocationReason::Deactivated)
    } else if old.secret_hash != new.secret_hash {
        Some(RevocationReason::PasswordChanged)
    } else if old.scopes.are_among(&new.scopes) {
        None
    } else {
        Some(RevocationReason::RoleChanged)
    }
}

fn revoke_tokens(
    connection: &mut Transaction<'_>,
    number: UserSeq,
    reason: RevocationReason,
    now: Timestamp,
) -> Result<(), StoreError> {
    let until = revoked_until(connection, TokenOwner::Service(number), now)?;
    revocations::insert_not_before_of_service(connection, number, until, reason)
}

/// A service is no account: events name it, without a link to an account.
fn event(action: Action, service: &ServiceRow) -> Event {
    Event::new(action).to(Subject::named(&service.name))
}
