//! The events for an endpoint: listing them, sending them again, and sending a test.

use crate::domain::audit::{Action, Actor};
use crate::domain::principal::UserSeq;
use crate::domain::webhook::EventType;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::webhooks::changes::event;
use crate::services::webhooks::outbox::{KEPT_FOR, Message, RETRY_FOR, rows};
use crate::services::webhooks::payload::Payload;
use crate::store::webhook_deliveries::{self as table, WebhookDeliveryRow};
use crate::store::{Db, Store, webhook_endpoints};

/// How many dead letters are sent again in one transaction.
const RESENT_AT_ONCE: i64 = 500;

/// The newest events for an endpoint, or the newest dead letters only.
///
/// # Errors
/// The store's.
pub async fn newest(
    store: &Store,
    endpoint: UserSeq,
    only_dead: bool,
    limit: i64,
) -> Result<Vec<WebhookDeliveryRow>, Error> {
    let read = move |connection: &mut Db| {
        if only_dead {
            table::list_dead(connection, endpoint, limit)
        } else {
            table::list_newest(connection, endpoint, limit)
        }
    };
    Ok(store.read_list(read).await?)
}

/// Sends an event again that was delivered or is a dead letter, at once and then for a day. Returns `false` if it is
/// waiting.
///
/// # Errors
/// [`Error::WebhookNotFound`] if the endpoint has no such event, and the store's.
pub async fn resend(
    services: &Services,
    actor: &Actor,
    endpoint: UserSeq,
    id: i64,
) -> Result<bool, Error> {
    let resent = services.write_as(actor, move |connection, audit_context| {
        let found = webhook_endpoints::find_by_id(connection, endpoint)?;
        let row = table::find(connection, id)?.filter(|row| row.endpoint_id == endpoint);
        let (found, row) = found.zip(row).ok_or(Error::WebhookNotFound)?;
        let now = audit_context.now;
        let resent = table::resend(connection, id, now, now + RETRY_FOR, now + KEPT_FOR)?;
        if resent {
            let event = event(Action::WebhookResent, &found.name)
                .with_detail("message_id", &row.message_id);
            audit_context.record(connection, &event)?;
        }
        Ok(resent)
    });
    resent.await
}

/// Sends all dead letters of an endpoint again. Returns their number.
///
/// # Errors
/// [`Error::WebhookNotFound`], and the store's.
pub async fn resend_dead(
    services: &Services,
    actor: &Actor,
    endpoint: UserSeq,
) -> Result<usize, Error> {
    let mut total = 0;
    loop {
        let resent = services.write_as(actor, move |connection, audit_context| {
            let found = webhook_endpoints::find_by_id(connection, endpoint)?;
            let found = found.ok_or(Error::WebhookNotFound)?;
            let (now, mut count) = (audit_context.now, 0);
            for id in table::list_dead_ids(connection, endpoint, RESENT_AT_ONCE)? {
                let resent = table::resend(connection, id, now, now + RETRY_FOR, now + KEPT_FOR)?;
                count += usize::from(resent);
            }
            if count > 0 {
                let event =
                    event(Action::WebhookResent, &found.name).with_detail("messages", count);
                audit_context.record(connection, &event)?;
            }
            Ok(count)
        });
        match resent.await? {
            0 => return Ok(total),
            count => total += count,
        }
    }
}

/// Sends a test event to an endpoint.
///
/// # Errors
/// [`Error::WebhookNotFound`], and the store's.
pub async fn send_test(services: &Services, actor: &Actor, endpoint: UserSeq) -> Result<(), Error> {
    let source = actor.source;
    let sent = services.write_as(actor, move |connection, audit_context| {
        let found = webhook_endpoints::find_by_id(connection, endpoint)?;
        let found = found.ok_or(Error::WebhookNotFound)?;
        let message = Message {
            kind: EventType::Test,
            account: None,
            body: Payload::test(source, audit_context.now).json(),
        };
        table::insert(
            connection,
            &rows(&message, vec![endpoint], audit_context.now),
        )?;
        audit_context.record(connection, &event(Action::WebhookTested, &found.name))?;
        Ok(())
    });
    sent.await
}
