//! The events for the endpoints, which are written in the transaction of the audit event.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::audit::Outcome;
use crate::domain::principal::UserSeq;
use crate::domain::session::new_v7;
use crate::domain::webhook::{EventType, WebhookState};
use crate::services::webhooks::payload::{EventAccount, Payload};
use crate::store::audit_events::AuditEventData;
use crate::store::webhook_deliveries::{self as table, NewWebhookDelivery};
use crate::store::{Db, StoreError, webhook_endpoints};

/// How long an event is sent again and again.
pub(super) const RETRY_FOR: Duration = Duration::from_hours(24);
/// How long an event is kept that is waiting, for example because its endpoint is inactive, or that is a dead letter.
pub(super) const KEPT_FOR: Duration = Duration::from_hours(24 * 30);

/// Inserts a row for each endpoint that wants an audit event, with which it is committed. An audit event that no
/// endpoint can ask for costs nothing, any other one query.
pub(crate) fn insert(
    connection: &mut Db,
    audit_event: i64,
    event: &AuditEventData,
) -> Result<(), StoreError> {
    let Some(kind) = kind_of(event) else {
        return Ok(());
    };
    let wanted = webhook_endpoints::list_wanted(connection)?;
    let wanted: Vec<UserSeq> = wanted
        .into_iter()
        .filter_map(|(endpoint, events)| events.contains(kind).then_some(endpoint))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let account = EventAccount::of(event);
    let message = Message {
        kind,
        account: account.map(|account| account.principal().to_string()),
        body: Payload::of(kind, audit_event, event).json(),
    };
    table::insert(connection, &rows(&message, wanted, event.happened_at))
}

/// The type of an audit event. A refused attempt is not what its action says.
fn kind_of(event: &AuditEventData) -> Option<EventType> {
    let is_of_refusal =
        |kind: &EventType| matches!(kind, EventType::MailFailed | EventType::PasskeyRefused);
    let kind = EventType::of(event.action);
    kind.filter(|kind| event.outcome == Outcome::Done || is_of_refusal(kind))
}

/// An event for endpoints.
pub(super) struct Message {
    pub(super) kind: EventType,
    pub(super) account: Option<String>,
    pub(super) body: String,
}

/// The rows of a new event, one for each endpoint, with the same id.
pub(super) fn rows(
    message: &Message,
    endpoints: Vec<UserSeq>,
    now: Timestamp,
) -> Vec<NewWebhookDelivery> {
    let id = format!("msg_{}", new_v7(now));
    let row = |endpoint_id| NewWebhookDelivery {
        endpoint_id,
        message_id: id.clone(),
        event_type: message.kind.to_string(),
        account: message.account.clone(),
        body: message.body.clone(),
        state: WebhookState::Waiting,
        attempts: 0,
        due_at: now,
        retry_until: now + RETRY_FOR,
        created_at: now,
        expires_at: now + KEPT_FOR,
    };
    endpoints.into_iter().map(row).collect()
}
