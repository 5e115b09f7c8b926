//! What became of the codes, links and notices that were sent to accounts.
//!
//! It is collected in memory, so that delivery does not wait for the database, and written in batches: regularly, at
//! shutdown, and before it is listed. The row of a link or notice is part of the transaction of the change. After a crash the
//! messages that were queued count as failed: [`Deliveries::write`] of any instance notices that their heartbeat is old.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::clock::{Clock, Timestamp};
use crate::delivery::{DeliveryOutcome, Observer};
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::delivery::{DeliveryKind, DeliveryState};
use crate::domain::principal::Principal;
use crate::services::account_lookup::subject;
use crate::services::audit::log::{AuditLog, Event};
use crate::services::error::Error;
use crate::services::mutex::lock;
use crate::store::deliveries::{DeliveryRow, RETENTION};
use crate::store::{Store, StoreError, Transaction, deliveries as table};

/// The maximum number of outcomes in memory; while the database is unavailable the oldest are dropped.
const CAPACITY: usize = 10_000;
/// The number of rows that are written in one transaction.
const BATCH: usize = 500;
/// How long a queued message may be without a heartbeat before its instance counts as stopped.
const LOST_AFTER: Duration = Duration::from_mins(2);
/// The interval of heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// The reason of a message whose instance stopped. Whether the mail server got it is not known.
const LOST: &str = "the server stopped before the result was known";

/// The outcomes that are not written yet. Clones share them.
#[derive(Clone, Default)]
pub struct Deliveries(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    outcomes: VecDeque<(Timestamp, DeliveryOutcome)>,
    /// The messages in the queue of this instance.
    queued: BTreeSet<String>,
    last_heartbeat: Option<Timestamp>,
}

/// The row of a message.
pub(crate) fn row(outcome: &DeliveryOutcome, at: Timestamp) -> DeliveryRow {
    let is_queued = outcome.state == DeliveryState::Queued;
    DeliveryRow {
        id: outcome.id.clone(),
        kind: outcome.kind,
        user_type: outcome.owner.user_type,
        user_seq: outcome.owner.user_seq,
        channel: outcome.channel.to_owned(),
        recipient: outcome.recipient.clone(),
        state: outcome.state,
        reason: outcome.reason.clone(),
        attempts: i64::from(outcome.attempts),
        created_at: at,
        heartbeat_at: at,
        finished_at: (!is_queued).then_some(at),
        expires_at: at + RETENTION,
    }
}

impl Deliveries {
    /// The observer that the delivery notifies.
    #[must_use]
    pub fn observer(&self, clock: Clock) -> Observer {
        let own = self.clone();
        Arc::new(move |outcome| own.push(clock.now(), outcome))
    }

    fn push(&self, at: Timestamp, outcome: DeliveryOutcome) {
        let mut collected = lock(&self.0);
        if outcome.state == DeliveryState::Queued {
            collected.queued.insert(outcome.id.clone());
        } else {
            collected.queued.remove(&outcome.id);
        }
        if collected.outcomes.len() == CAPACITY {
            collected.outcomes.pop_front();
        }
        collected.outcomes.push_back((at, outcome));
    }

    /// Writes the collected outcomes and heartbeats, and marks messages as failed that were lost when an instance stopped. If
    /// that fails, the outcomes are kept for the next call.
    ///
    /// # Errors
    /// The store's.
    pub async fn write(
        &self,
        store: &Store,
        audit_log: &AuditLog,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        loop {
            let batch: Vec<_> = {
                let outcomes = &mut lock(&self.0).outcomes;
                let end = outcomes.len().min(BATCH);
                outcomes.drain(..end).collect()
            };
            if batch.is_empty() {
                break;
            }
            let (rows, audit_log) = (batch.clone(), audit_log.clone());
            let written = store
                .write(move |connection| {
                    rows.iter()
                        .try_for_each(|(at, outcome)| put(connection, &audit_log, *at, outcome))
                })
                .await;
            if let Err(error) = written {
                let outcomes = &mut lock(&self.0).outcomes;
                for entry in batch.into_iter().rev() {
                    if outcomes.len() < CAPACITY {
                        outcomes.push_front(entry);
                    }
                }
                return Err(error);
            }
        }
        self.write_heartbeats(store, now).await?;
        fail_lost(store, audit_log, now).await
    }

    async fn write_heartbeats(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let queued: Vec<String> = {
            let mut collected = lock(&self.0);
            let is_due = collected
                .last_heartbeat
                .is_none_or(|last| now.since(last) >= HEARTBEAT);
            if !is_due || collected.queued.is_empty() {
                return Ok(());
            }
            collected.last_heartbeat = Some(now);
            collected.queued.iter().cloned().collect()
        };
        store
            .write(move |connection| table::touch(connection, &queued, now))
            .await
    }

    /// The newest messages to an account.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(
        &self,
        (store, audit_log): (&Store, &AuditLog),
        owner: Principal,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<DeliveryRow>, Error> {
        self.write(store, audit_log, now).await?;
        Ok(store
            .read(move |connection| table::list(connection, owner, limit))
            .await?)
    }
}

/// Stores a state of a message; a mail that failed is an audit event.
fn put(
    connection: &mut Transaction<'_>,
    audit_log: &AuditLog,
    at: Timestamp,
    outcome: &DeliveryOutcome,
) -> Result<(), StoreError> {
    let row = row(outcome, at);
    let is_new = table::insert(connection, &row)?;
    if outcome.state == DeliveryState::Queued {
        return Ok(());
    }
    if !is_new {
        table::finish(connection, &row)?;
    }
    if outcome.state == DeliveryState::Failed && outcome.kind != DeliveryKind::Code {
        let subject = Subject::account(outcome.owner, &outcome.login);
        record_failure(connection, audit_log, &row, subject, at)?;
    }
    Ok(())
}

fn record_failure(
    connection: &mut Transaction<'_>,
    audit_log: &AuditLog,
    row: &DeliveryRow,
    subject: Subject,
    at: Timestamp,
) -> Result<(), StoreError> {
    let event = Event::new(Action::MailFailed)
        .refused()
        .to(subject)
        .with_detail("mail", row.kind)
        .with_detail("recipient", row.recipient.as_deref().unwrap_or_default())
        .with_detail("reason", row.reason.as_deref().unwrap_or_default());
    audit_log
        .audit_context(&Actor::server(), at)
        .record(connection, &event)
}

/// Marks the messages of instances that stopped as failed.
async fn fail_lost(store: &Store, audit_log: &AuditLog, now: Timestamp) -> Result<(), StoreError> {
    let before = now - LOST_AFTER;
    let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let lost = store
        .read(move |connection| table::list_lost(connection, before, limit))
        .await?;
    if lost.is_empty() {
        return Ok(());
    }
    let audit_log = audit_log.clone();
    store
        .write(move |connection| {
            for row in &lost {
                if !table::fail_lost(connection, &row.id, before, LOST, now)? {
                    continue;
                }
                let subject = subject(connection, row.owner())?;
                let mut row = row.clone();
                row.reason = Some(LOST.to_owned());
                record_failure(connection, &audit_log, &row, subject, now)?;
            }
            Ok(())
        })
        .await
}
