//! What became of one-time codes and of links that were sent: told by the delivery, kept for the client's page.
//!
//! The delivery waits for nobody, so what it tells is noted in memory and written together: regularly, at the stop, and
//! before anybody reads. What was told since the last writing is lost with a crash.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    clock::{Clock, Timestamp},
    delivery::{Observer, Settled},
    domain::{
        audit::{Action, Actor, Subject},
        principal::UserSeq,
    },
    services::{
        audit::log::{AuditLog, Event},
        bootstrap::Services,
        error::Error,
    },
    store::{Db, Store, StoreError, otp_deliveries as table, otp_deliveries::OtpDeliveryRow},
};

/// How long a row is kept.
const KEPT_FOR: Duration = Duration::from_hours(24 * 30);
/// The most that waits to be written: a database that is away must not cost the memory.
const MOST: usize = 10_000;
/// The most rows that are written in one transaction.
const BATCH: usize = 500;

type LocalizedText = VecDeque<(Timestamp, Settled)>;

/// The outcomes that are not written yet. Clones share them.
#[derive(Clone, Default)]
pub struct OtpDeliveries(Arc<Mutex<LocalizedText>>);

/// What became of a code, as a client's page tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtpDelivery {
    /// When that was known.
    pub delivered_at: Timestamp,
    /// By which way: `smtp`, `webhook` or `console`.
    pub channel: String,
    /// To whom, masked.
    pub recipient: Option<String>,
    /// Whether it was sent.
    pub was_sent: bool,
    /// Why it was not.
    pub reason: Option<String>,
}

impl OtpDeliveries {
    /// Whom the delivery tells.
    #[must_use]
    pub fn observer(&self, clock: Clock) -> Observer {
        let own = self.clone();
        Arc::new(move |settled| own.note(clock.now(), settled))
    }

    fn note(&self, at: Timestamp, settled: Settled) {
        // A link that was sent is in the record already, by whom it was asked for.
        if matches!(settled, Settled::Link { failure: None, .. }) {
            return;
        }
        let mut told = self.lock();
        if told.len() == MOST {
            told.pop_front();
        }
        told.push_back((at, settled));
    }

    /// Writes what was told since the last time. What cannot be written waits for the next time.
    ///
    /// # Errors
    /// The store's.
    pub async fn write(&self, store: &Store, audit_log: &AuditLog) -> Result<(), StoreError> {
        loop {
            let batch: Vec<_> = {
                let mut told = self.lock();
                let end = told.len().min(BATCH);
                told.drain(..end).collect()
            };
            if batch.is_empty() {
                return Ok(());
            }
            let (rows, audit_log) = (batch.clone(), audit_log.clone());
            let written = store
                .write(move |connection| {
                    rows.iter()
                        .try_for_each(|(at, settled)| insert(connection, &audit_log, *at, settled))
                })
                .await;
            if let Err(error) = written {
                let mut told = self.lock();
                for entry in batch.into_iter().rev() {
                    if told.len() < MOST {
                        told.push_front(entry);
                    }
                }
                return Err(error);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LocalizedText> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn insert(
    connection: &mut Db,
    audit_log: &AuditLog,
    at: Timestamp,
    settled: &Settled,
) -> Result<(), StoreError> {
    match settled {
        Settled::Code {
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
                expires_at: at + KEPT_FOR,
            },
        ),
        Settled::Link {
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

/// The newest outcomes of a client's codes.
///
/// # Errors
/// The store's.
pub async fn list(
    services: &Services,
    client: UserSeq,
    limit: i64,
) -> Result<Vec<OtpDelivery>, Error> {
    services
        .otp_deliveries
        .write(&services.store, &services.audit_log)
        .await?;
    let rows = services
        .store
        .read(move |connection| table::list(connection, client, limit))
        .await?;
    Ok(rows.into_iter().map(OtpDelivery::from).collect())
}

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
