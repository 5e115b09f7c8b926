//! The outcomes of delivering one-time codes, and of delivering links that failed.
//!
//! They are collected in memory, so that delivery does not wait for the database, and written in batches: regularly, at
//! shutdown, and before they are listed. A crash loses the ones that are not written yet.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use crate::clock::{Clock, Timestamp};
use crate::delivery::{DeliveryOutcome, Observer};
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::principal::UserSeq;
use crate::services::audit::log::{AuditLog, Event};
use crate::services::error::Error;
use crate::services::mutex::lock;
use crate::store::otp_deliveries::{OtpDeliveryRow, RETENTION};
use crate::store::{Store, StoreError, Transaction, otp_deliveries as table};

/// The maximum number of outcomes in memory; while the database is unavailable the oldest are dropped.
const CAPACITY: usize = 10_000;
/// The number of rows that are written in one transaction.
const BATCH: usize = 500;

type Outcomes = VecDeque<(Timestamp, DeliveryOutcome)>;

/// The outcomes that are not written yet. Clones share them.
#[derive(Clone, Default)]
pub struct OtpDeliveries(Arc<Mutex<Outcomes>>);

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
        let mut outcomes = lock(&self.0);
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
                let mut outcomes = lock(&self.0);
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
                let mut outcomes = lock(&self.0);
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
    ) -> Result<Vec<OtpDeliveryRow>, Error> {
        self.write(store, audit_log).await?;
        Ok(store
            .read(move |connection| table::list(connection, client, limit))
            .await?)
    }
}

fn insert(
    connection: &mut Transaction<'_>,
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
                outcome: match failure {
                    None => OtpDeliveryRow::SENT.to_owned(),
                    Some(_) => "failed".to_owned(),
                },
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
