//! What becomes of a notice: exactly one outcome each, one line of the log, and the running totals.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::notice::{OtpNotice, masked_email, masked_phone};
use crate::clock::Timestamp;

/// How many notices are under way, were sent, and have failed since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Taken, and neither sent nor failed yet.
    pub queued: u64,
    /// Taken by the mail server or the gateway, or printed.
    pub sent: u64,
    /// Given up.
    pub failed: u64,
}

pub(super) struct Totals {
    channel: &'static str,
    queued: AtomicU64,
    sent: AtomicU64,
    failed: AtomicU64,
}

impl Totals {
    pub(super) fn new(channel: &'static str) -> Self {
        Self {
            channel,
            queued: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            queued: self.queued.load(Ordering::SeqCst),
            sent: self.sent.load(Ordering::SeqCst),
            failed: self.failed.load(Ordering::SeqCst),
        }
    }
}

/// A notice under way. Dropped without an outcome (a panic, the end of the server), it has failed.
pub(super) struct Pending {
    pub(super) notice: OtpNotice,
    /// When the code is worth nothing any more.
    pub(super) dies_at: Timestamp,
    /// How many attempts were begun.
    pub(super) attempts: u32,
    totals: Arc<Totals>,
    settled: bool,
}

impl Pending {
    pub(super) fn new(notice: OtpNotice, dies_at: Timestamp, totals: Arc<Totals>) -> Self {
        totals.queued.fetch_add(1, Ordering::SeqCst);
        Self {
            notice,
            dies_at,
            attempts: 0,
            totals,
            settled: false,
        }
    }

    pub(super) fn sent(mut self) {
        self.settle(None);
    }

    pub(super) fn failed(mut self, reason: &str) {
        self.settle(Some(reason));
    }

    fn settle(&mut self, failure: Option<&str>) {
        self.settled = true;
        let totals = &self.totals;
        let total = if failure.is_some() {
            &totals.failed
        } else {
            &totals.sent
        };
        total.fetch_add(1, Ordering::SeqCst);
        totals.queued.fetch_sub(1, Ordering::SeqCst);
        self.log(failure);
    }

    fn log(&self, failure: Option<&str>) {
        let (notice, counts) = (&self.notice, self.totals.counts());
        let email = notice.email.as_deref().map(masked_email);
        let phone = notice.phone.as_deref().map(masked_phone);
        let (channel, attempts, request_id) =
            (self.totals.channel, self.attempts, &*notice.request_id);
        let Counts {
            queued,
            sent,
            failed,
        } = counts;
        if let Some(reason) = failure {
            tracing::warn!(
                channel,
                reason,
                attempts,
                email,
                phone,
                request_id,
                queued,
                sent,
                failed,
                "one-time code not sent"
            );
        } else {
            tracing::info!(
                channel,
                attempts,
                email,
                phone,
                request_id,
                queued,
                sent,
                failed,
                "one-time code sent"
            );
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(Some("it was broken off"));
        }
    }
}
