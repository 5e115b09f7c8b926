//! Creating, changing and deleting endpoints. Each change is recorded.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Actor, Change, Subject};
use crate::domain::principal::UserSeq;
use crate::domain::problem::{Problem, Problems};
use crate::domain::service::ServiceName;
use crate::domain::webhook::{EndpointUrl, EventTypes};
use crate::services::audit::log::Event;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::webhooks::endpoints::{Endpoint, MAX_ENDPOINTS};
use crate::services::webhooks::secrets::WebhookSecret;
use crate::store::webhook_endpoints::{
    self as table, EndpointChanges, EndpointRow, NewEndpoint as NewRow, Secrets,
};
use crate::store::{StoreError, webhook_deliveries};

/// How long events are signed with the previous secret too.
const OVERLAP: Duration = Duration::from_hours(24);
/// How many rows of a deleted endpoint are deleted in one transaction.
const DELETED_AT_ONCE: i64 = 500;

/// An endpoint to create.
pub struct NewEndpoint {
    /// The unique name: as that of a service.
    pub name: ServiceName,
    /// The address.
    pub url: EndpointUrl,
    /// The types of events that it gets.
    pub events: EventTypes,
}

/// An endpoint and its new secret, which is shown once.
pub struct WithSecret {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The secret: `whsec_` and base64.
    pub secret: String,
}

/// Creates an endpoint with a random secret.
///
/// # Errors
/// [`Error::Invalid`] if the server may not call the address or there are too many endpoints, [`Error::AlreadyExists`]
/// if the name is taken, and the store's.
pub async fn create(
    services: &Services,
    actor: &Actor,
    new: NewEndpoint,
) -> Result<WithSecret, Error> {
    check_url(services, &new.url)?;
    let secret = WebhookSecret::generate()?;
    let now = services.clock.now();
    let row = NewRow {
        name: new.name.as_str().to_owned(),
        url: new.url.as_url().to_string(),
        secret: secret.seal(&services.master_keys, new.name.as_str())?,
        events: new.events,
        is_active: true,
        created_at: now,
        updated_at: now,
    };
    let origin = new.url.origin();
    let created = services.write_as(actor, move |connection, audit_context| {
        if table::count(connection)? >= MAX_ENDPOINTS {
            let problem = Problem::TooManyEndpoints { max: MAX_ENDPOINTS };
            return Err(Problems::one("name", problem).into());
        }
        let created = table::insert(connection, &row)?;
        let event = event(Action::WebhookCreated, &created.name)
            .with_detail("url", &origin)
            .with_detail("event_types", &created.events);
        audit_context.record(connection, &event)?;
        Ok(created)
    });
    Ok(WithSecret {
        endpoint: created.await.map_err(name_taken)?.into(),
        secret: secret.text(),
    })
}

/// Whether the server may call an address. The addresses of a name are checked when it is called.
fn check_url(services: &Services, url: &EndpointUrl) -> Result<(), Error> {
    let host = url.host().map(|host| host.to_string()).unwrap_or_default();
    let problem = if url.is_http() && !services.config.event_webhooks.allows_http(&host) {
        Problem::NeedsHttps
    } else if services.webhooks.addresses().exclude(url.as_url()) {
        Problem::NotPublic
    } else {
        return Ok(());
    };
    Err(Problems::one("url", problem).into())
}

fn name_taken(error: Error) -> Error {
    match &error {
        Error::Store(StoreError::Conflict { column }) if column == "name" => {
            Error::AlreadyExists { field: "name" }
        }
        _ => error,
    }
}

/// Changes the address and the types of events.
///
/// # Errors
/// [`Error::Invalid`] if the server may not call the address, [`Error::WebhookNotFound`], and the store's.
pub async fn update(
    services: &Services,
    actor: &Actor,
    number: UserSeq,
    url: EndpointUrl,
    events: EventTypes,
) -> Result<Endpoint, Error> {
    check_url(services, &url)?;
    let change = move |now: Timestamp| EndpointChanges {
        url: Some(url.as_url().to_string()),
        events: Some(events.clone()),
        is_active: None,
        updated_at: now,
    };
    apply(services, actor, number, change).await
}

/// Activates or deactivates an endpoint. What is waiting for an inactive one is kept, but events from then on are not
/// for it.
///
/// # Errors
/// [`Error::WebhookNotFound`], and the store's.
pub async fn set_active(
    services: &Services,
    actor: &Actor,
    number: UserSeq,
    is_active: bool,
) -> Result<Endpoint, Error> {
    let change = move |now: Timestamp| EndpointChanges {
        url: None,
        events: None,
        is_active: Some(is_active),
        updated_at: now,
    };
    apply(services, actor, number, change).await
}

async fn apply(
    services: &Services,
    actor: &Actor,
    number: UserSeq,
    change: impl Fn(Timestamp) -> EndpointChanges + Send + 'static,
) -> Result<Endpoint, Error> {
    let new = services.write_as(actor, move |connection, audit_context| {
        let old = table::lock(connection, number)?.ok_or(Error::WebhookNotFound)?;
        let changes = change(audit_context.now);
        let new = table::update(connection, number, &changes)?.ok_or(Error::WebhookNotFound)?;
        let fields = changed_fields(&old, &new);
        if !fields.is_empty() {
            let event = event(Action::WebhookUpdated, &new.name).changing(fields);
            audit_context.record(connection, &event)?;
        }
        Ok(new)
    });
    Ok(new.await?.into())
}

/// Deactivates an endpoint that responded with 410 at this address, unless it was changed meanwhile: it wants no further
/// events (Standard Webhooks 1.0).
///
/// # Errors
/// The store's.
pub(super) async fn deactivate_gone(
    services: &Services,
    number: UserSeq,
    url: &EndpointUrl,
) -> Result<(), Error> {
    let url = url.as_url().to_string();
    let server = Actor::server();
    let deactivated = services.write_as(&server, move |connection, audit_context| {
        let Some(old) = table::lock(connection, number)?.filter(|old| old.is_active) else {
            return Ok(None);
        };
        if old.url != url {
            return Ok(None);
        }
        let changes = EndpointChanges {
            url: None,
            events: None,
            is_active: Some(false),
            updated_at: audit_context.now,
        };
        let new = table::update(connection, number, &changes)?.ok_or(Error::WebhookNotFound)?;
        let event = event(Action::WebhookUpdated, &new.name)
            .changing(changed_fields(&old, &new))
            .with_detail("http_status", 410);
        audit_context.record(connection, &event)?;
        Ok(Some(new.name))
    });
    if let Some(endpoint) = deactivated.await? {
        tracing::warn!(
            endpoint,
            "a webhook endpoint responded with 410 and was deactivated"
        );
    }
    Ok(())
}

/// The changed fields. The path of an address may contain a key: only its origin is recorded.
fn changed_fields(old: &EndpointRow, new: &EndpointRow) -> Vec<Change> {
    let origin = |row: &EndpointRow| Some(Endpoint::from(row.clone()).origin());
    let events = |row: &EndpointRow| Some(row.events.to_string());
    let is_active = |row: &EndpointRow| Some(row.is_active.to_string());
    let mut fields = vec![
        Change::of("event_types", events(old), events(new)),
        Change::of("is_active", is_active(old), is_active(new)),
    ];
    if old.url != new.url {
        fields.push(Some(Change {
            field: "url".to_owned(),
            old: origin(old),
            new: origin(new),
        }));
    }
    fields.into_iter().flatten().collect()
}

/// Gives an endpoint a new secret. For a day events are signed with the previous one too.
///
/// # Errors
/// [`Error::WebhookNotFound`], and the store's.
pub async fn rotate_secret(
    services: &Services,
    actor: &Actor,
    number: UserSeq,
) -> Result<WithSecret, Error> {
    let secret = WebhookSecret::generate()?;
    let (sealed, keys) = (secret.clone(), services.master_keys.clone());
    let rotated = services.write_as(actor, move |connection, audit_context| {
        let old = table::lock(connection, number)?.ok_or(Error::WebhookNotFound)?;
        let secrets = Secrets {
            secret: sealed.seal(&keys, &old.name)?,
            previous_secret: Some(old.secret.clone()),
            previous_until: Some(audit_context.now + OVERLAP),
        };
        table::replace_secrets(connection, number, &old.secret, &secrets)?;
        audit_context.record(connection, &event(Action::WebhookSecretRotated, &old.name))?;
        table::find_by_id(connection, number)?.ok_or(Error::WebhookNotFound)
    });
    Ok(WithSecret {
        endpoint: rotated.await?.into(),
        secret: secret.text(),
    })
}

/// Deletes an endpoint, and then the events for it. Returns its name.
///
/// # Errors
/// [`Error::WebhookNotFound`], and the store's.
pub async fn delete(services: &Services, actor: &Actor, number: UserSeq) -> Result<String, Error> {
    let deleted = services.write_as(actor, move |connection, audit_context| {
        let old = table::lock(connection, number)?.ok_or(Error::WebhookNotFound)?;
        table::delete(connection, number)?;
        audit_context.record(connection, &event(Action::WebhookDeleted, &old.name))?;
        Ok(old.name)
    });
    let name = deleted.await?;
    // A row that is left, because this stops or a transaction was under way, is deleted by the flush when it expires.
    let delete_some = move |connection: &mut crate::store::Transaction<'_>| {
        webhook_deliveries::delete_some(connection, number, DELETED_AT_ONCE)
    };
    while services.store.write(delete_some).await? > 0 {}
    Ok(name)
}

/// An endpoint is no account: events name it.
pub(super) fn event(action: Action, name: &str) -> Event {
    Event::new(action).to(Subject::named(name))
}
