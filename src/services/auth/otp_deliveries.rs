//! The outcomes of delivering one-time codes, and of delivering links that failed.
//!
//! They are collected in memory, so that delivery does not wait for the database, and written in batches: regularly, at
//! shutdown, and before they are listed. A crash loses the ones that are not written yet.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::clock::{Clock, Timestamp};
use crate::delivery::{DeliveryOutcome, Observer};
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::principal::UserSeq;
use crate::services::audit::log::{AuditLog, Event};
use crate::services::error::Error;
use crate::store::otp_deliveries::OtpDeliveryRow;
use crate::store::{Db, Store, StoreError, otp_deliveries as table};

/// How long a row is kept.
const RETENTION: Duration = Duration::from_hours(24 * 30);
/// The maximum number of outcomes in memory; while the database is unavailable the oldest are dropped.
const CAPACITY: usize = 10_000;
/// The number of rows that are written in one transaction.
const BATCH: usize = 500;

type Outcomes = VecDeque<(Timestamp, DeliveryOutcome)>;

/// The outcomes that are not written yet. Clones share them.
#[derive(Clone, Default)]
pub struct OtpDeliveries(Arc<Mutex<Outcomes>>);

/// The outcome of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtpDelivery {
    /// When the outcome was known.
    pub delivered_at: Timestamp,
    /// `smtp`, `webhook` or `console`.
    pub channel: String,
    /// The recipient, masked.
    pub recipient: Option<String>,
    /// Whether the code was sent.
    pub was_sent: bool,
    /// Why the code was not sent.
    pub reason: Option<String>,
}

impl OtpDeliveries {
    /// The observer that the delivery notifies.
    #[must_use]
    pub fn observer(&self, clock: Clock) -> Observer {
        let own = self.clone();
        Arc::new(move |outcome| own.push(clock.now(), outcome))
    }

    fn push(&self, at: Timestamp, outcome: DeliveryOutcome) {
        // The audit log already contains the link, as an action of its requester.
        if matches!(outcome, DeliveryOutcome::Link { failure: None, .. }) {
            return;
        }
        let mut outcomes = self.lock();
        if outcomes.len() == CAPACITY {
            outcomes.pop_front();
        }
        outcomes.push_back((at, outcome));
    }

    /// Writes the collected outcomes. If that fails they are kept for the next call.
    ///
    /// # Errors
    /// The store's.
    pub async fn write(&self, store: &Store, audit_log: &AuditLog) -> Result<(), StoreError> {
        loop {
            let batch: Vec<_> = {
                let mut outcomes = self.lock();
                let end = outcomes.len().min(BATCH);
                outcomes.drain(..end).collect()
            };
            if batch.is_empty() {
                return Ok(());
            }
            let (rows, audit_log) = (batch.clone(), audit_log.clone());
            let written = store
                .write(move |connection| {
                    rows.iter()
                        .try_for_each(|(at, outcome)| insert(connection, &audit_log, *at, outcome))
                })
                .await;
            if let Err(error) = written {
                let mut outcomes = self.lock();
                for entry in batch.into_iter().rev() {
                    if outcomes.len() < CAPACITY {
                        outcomes.push_front(entry);
                    }
                }
                return Err(error);
            }
        }
    }

    /// The newest outcomes of a client user's codes.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(
        &self,
        store: &Store,
        audit_log: &AuditLog,
        client: UserSeq,
        limit: i64,
    ) -> Result<Vec<OtpDelivery>, Error> {
        self.write(store, audit_log).await?;
        let rows = store
            .read(move |connection| table::list(connection, client, limit))
            .await?;
        Ok(rows.into_iter().map(OtpDelivery::from).collect())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Outcomes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn insert(
    connection: &mut Db,
    audit_log: &AuditLog,
    at: Timestamp,
    outcome: &DeliveryOutcome,
) -> Result<(), StoreError> {
    match outcome {
        DeliveryOutcome::Code {
            challenge,
            client,
            channel,
            recipient,
            failure,
        } => table::insert(
            connection,
            &OtpDeliveryRow {
                id: challenge.clone(),
                user_seq: *client,
                channel: (*channel).to_owned(),
                recipient: recipient.clone(),
                outcome: if failure.is_none() { SENT } else { "failed" }.to_owned(),
                reason: failure.clone(),
                delivered_at: at,
                expires_at: at + RETENTION,
            },
        ),
        DeliveryOutcome::Link {
            owner,
            login,
            failure,
        } => {
            let event = Event::new(Action::LinkIssued)
                .refused()
                .to(Subject::account(*owner, login))
                .with_detail("reason", failure.as_deref().unwrap_or_default());
            audit_log
                .audit_context(&Actor::server(), at)
                .record(connection, &event)
        }
    }
}

const SENT: &str = "sent";

impl From<OtpDeliveryRow> for OtpDelivery {
    fn from(row: OtpDeliveryRow) -> Self {
        Self {
            delivered_at: row.delivered_at,
            channel: row.channel,
            recipient: row.recipient,
            was_sent: row.outcome == SENT,
            reason: row.reason,
        }
    }
}
