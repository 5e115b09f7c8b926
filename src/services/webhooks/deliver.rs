//! Sending events: at least once, in the order of each account, again and again for a day.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use futures_util::stream::{self, StreamExt};
use tokio::time::sleep;

use crate::clock::Timestamp;
use crate::delivery::{EventRequest, NotAccepted};
use crate::domain::principal::UserSeq;
use crate::domain::webhook::{EndpointUrl, WebhookState};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::webhooks::changes::deactivate_gone;
use crate::services::webhooks::outbox::KEPT_FOR;
use crate::services::webhooks::secrets;
use crate::store::webhook_deliveries::{self as table, AttemptResult, DueRow, WebhookDeliveryRow};
use crate::store::webhook_endpoints::{self, EndpointRow};
use crate::store::{Db, Transaction};

/// How many due rows of an endpoint are read at once.
const BATCH: i64 = 100;
/// How many events are sent to one endpoint at the same time.
const AT_ONCE: usize = 4;
/// How long nobody else sends an event that is being sent: longer than a request may take.
const LEASE: Duration = Duration::from_mins(1);
/// How long a row that waits for an earlier one is not looked at, at least.
const POSTPONED_FOR: Duration = Duration::from_secs(1);
/// How long an event is kept that was delivered.
const DELIVERED_KEPT_FOR: Duration = Duration::from_hours(24 * 3);

/// The pauses after the first attempts. The last one follows each further attempt.
const PAUSES: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(8),
];

fn pause(attempts: i64) -> Duration {
    let index = usize::try_from(attempts - 1).unwrap_or(0);
    PAUSES[index.min(PAUSES.len() - 1)]
}

/// The active endpoints that have an event that is due.
///
/// # Errors
/// The store's.
pub async fn due_endpoints(services: &Services) -> Result<Vec<UserSeq>, Error> {
    let now = services.clock.now();
    let read = move |connection: &mut Db| webhook_endpoints::list_due(connection, now);
    Ok(services.store.read(read).await?)
}

/// Sends the events of all endpoints that are due. The server does so for each endpoint by itself.
///
/// # Errors
/// As [`deliver`].
pub async fn deliver_due(services: &Services) -> Result<(), Error> {
    for endpoint in due_endpoints(services).await? {
        deliver(services, endpoint).await?;
    }
    Ok(())
}

/// Sends the events of an endpoint until none is due, or until no event of a batch was accepted: the endpoint is probably down,
/// and the server goes on a second later.
///
/// # Errors
/// The store's, and [`Error::Internal`] if there is no HTTP client or a secret cannot be decrypted.
pub async fn deliver(services: &Services, endpoint: UserSeq) -> Result<(), Error> {
    loop {
        let (began, now) = (Instant::now(), services.clock.now());
        let read = move |connection: &mut Db| {
            let row = webhook_endpoints::find_by_id(connection, endpoint)?;
            let due = table::list_due(connection, endpoint, now, BATCH)?;
            Ok::<_, Error>((row.filter(|row| row.is_active), due))
        };
        let (Some(row), due) = services.store.read(read).await? else {
            return Ok(());
        };
        if due.is_empty() {
            return Ok(());
        }
        let target = Target::new(services, &row, now)?;
        let (first, behind) = split(due);
        postpone(services, behind, now).await?;
        let mut has_ended = first.is_empty();
        let attempts = first.into_iter().map(|id| attempt(services, &target, id));
        let mut attempts = stream::iter(attempts).buffer_unordered(AT_ONCE);
        while let Some(ended) = attempts.next().await {
            has_ended |= ended?;
        }
        if !has_ended {
            return Ok(());
        }
        // Logins go first: a long queue takes half of the time at most.
        sleep(began.elapsed()).await;
    }
}

/// An endpoint as it is called.
struct Target {
    number: UserSeq,
    name: String,
    url: EndpointUrl,
    secrets: Vec<Vec<u8>>,
    /// Whether it responded with 410. It gets nothing more then.
    is_gone: AtomicBool,
}

impl Target {
    fn new(services: &Services, row: &EndpointRow, now: Timestamp) -> Result<Self, Error> {
        let secrets = secrets::signing(&services.master_keys, row, now);
        let url = EndpointUrl::parse(&row.url).ok();
        let (Some(secrets), Some(url)) = (secrets, url) else {
            let text = format!(
                "the row of the webhook endpoint {} cannot be used",
                row.name
            );
            return Err(Error::Internal(text));
        };
        Ok(Self {
            number: row.id,
            name: row.name.clone(),
            url,
            secrets,
            is_gone: AtomicBool::new(false),
        })
    }
}

/// Rows by the row that they wait for.
type Behind = BTreeMap<i64, Vec<i64>>;

/// The rows that can be sent, and those that wait for another one.
fn split(due: Vec<DueRow>) -> (Vec<i64>, Behind) {
    let (mut first, mut behind) = (Vec::new(), Behind::new());
    for row in due {
        match row.behind {
            None => first.push(row.id),
            Some(before) => behind.entry(before).or_default().push(row.id),
        }
    }
    (first, behind)
}

/// Lets rows wait for the ones before them, so that they are not read again and again.
async fn postpone(services: &Services, rows: Behind, now: Timestamp) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let postpone = move |connection: &mut Transaction<'_>| {
        for (before, rows) in &rows {
            table::postpone(connection, rows, *before, now + POSTPONED_FOR)?;
        }
        Ok::<_, Error>(())
    };
    services.store.write(postpone).await
}

/// Sends one event, unless another instance does. Returns whether it was accepted, or was not for a day.
async fn attempt(services: &Services, target: &Target, id: i64) -> Result<bool, Error> {
    if target.is_gone.load(Ordering::Relaxed) {
        return Ok(false);
    }
    let now = services.clock.now();
    let claim =
        move |connection: &mut Transaction<'_>| table::claim(connection, id, now, now + LEASE);
    let Some(row) = services.store.write(claim).await? else {
        return Ok(false);
    };
    let sent = send(services, target, &row, now).await?;
    let is_gone = sent.as_ref().is_err_and(|failure| failure.is_gone);
    let now = services.clock.now();
    let result = result_of(&row, sent.map_err(|failure| failure.reason), now);
    report(services, target, &row, &result);
    let has_ended = result.state != WebhookState::Waiting;
    let finish =
        move |connection: &mut Transaction<'_>| table::finish(connection, &row, &result, now);
    services.store.write(finish).await?;
    if is_gone && !target.is_gone.swap(true, Ordering::Relaxed) {
        deactivate_gone(services, target.number, &target.url).await?;
    }
    Ok(has_ended)
}

async fn send(
    services: &Services,
    target: &Target,
    row: &WebhookDeliveryRow,
    now: Timestamp,
) -> Result<Result<(), NotAccepted>, Error> {
    let request = EventRequest {
        url: target.url.as_url(),
        secrets: &target.secrets,
        id: &row.message_id,
        body: &row.body,
    };
    // The setting may have changed since the endpoint was entered.
    let host = target
        .url
        .host()
        .map(|host| host.to_string())
        .unwrap_or_default();
    if target.url.is_http() && !services.config.event_webhooks.allows_http(&host) {
        let reason = "the address is not https, and its host is not in event_webhooks.http_hosts";
        return Ok(Err(reason.to_owned().into()));
    }
    Ok(services.webhooks.sender()?.send(&request, now).await)
}

fn result_of(row: &WebhookDeliveryRow, sent: Result<(), String>, now: Timestamp) -> AttemptResult {
    match sent {
        Ok(()) => AttemptResult {
            state: WebhookState::Delivered,
            due_at: now,
            reason: None,
            expires_at: now + DELIVERED_KEPT_FOR,
        },
        Err(reason) if now >= row.retry_until => AttemptResult {
            state: WebhookState::Dead,
            due_at: now,
            reason: Some(reason),
            expires_at: now + KEPT_FOR,
        },
        // The last attempt is at the end of the day.
        Err(reason) => AttemptResult {
            state: WebhookState::Waiting,
            due_at: (now + pause(row.attempts)).min(row.retry_until),
            reason: Some(reason),
            expires_at: row.expires_at,
        },
    }
}

fn report(services: &Services, target: &Target, row: &WebhookDeliveryRow, result: &AttemptResult) {
    let (webhooks, endpoint) = (&services.webhooks, target.name.as_str());
    let (id, reason) = (row.message_id.as_str(), result.reason.as_deref());
    let counter = match result.state {
        WebhookState::Delivered => &webhooks.delivered,
        WebhookState::Waiting => {
            tracing::info!(
                endpoint,
                id,
                reason,
                "an event was not delivered; it is tried again"
            );
            &webhooks.failed
        }
        WebhookState::Dead => {
            tracing::warn!(endpoint, id, reason, "an event was not delivered for a day");
            &webhooks.dead
        }
    };
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Counts the waiting events for the metrics.
///
/// # Errors
/// The store's.
pub async fn count_waiting(services: &Services) -> Result<(), Error> {
    let read = |connection: &mut Db| table::backlog(connection, None);
    let backlog = services.store.read_list(read).await?;
    services.webhooks.set_backlog(backlog);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_eight_hours() {
        assert_eq!(pause(1), Duration::from_secs(5));
        assert_eq!(pause(4), Duration::from_mins(30));
        for attempts in [8, 9, 100] {
            assert_eq!(pause(attempts), Duration::from_hours(8));
        }
    }
}
