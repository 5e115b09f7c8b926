//! The outcome of each notice: one log line, the totals, and a call of the observer.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use futures_util::future::BoxFuture;

use crate::clock::Timestamp;
use crate::delivery::message::{DeliveryOutcome, MAIL};
use crate::delivery::notice::{Notice, OtpNotice, masked_email, masked_phone};
use crate::domain::delivery::{DeliveryKind, DeliveryState};
use crate::traces::{Kind, Span, SpanContext, current};

/// Number of notices since the start, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Neither sent nor failed yet.
    pub queued: u64,
    /// Accepted by the mail server or webhook, or printed.
    pub sent: u64,
    /// Not sent.
    pub failed: u64,
}

/// Number of notices of one channel since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelCounts {
    /// The name of the channel.
    pub channel: &'static str,
    /// Accepted by the mail server or webhook, or printed.
    pub sent: u64,
    /// Not sent.
    pub failed: u64,
}

/// Called when a message is queued, unless it is a code, and when it was sent or has failed. Must not block or panic.
pub type Observer = Arc<dyn Fn(DeliveryOutcome) + Send + Sync>;

pub(super) struct Totals {
    channel: &'static str,
    observer: Option<Observer>,
    queued: AtomicU64,
    /// Of the channel of codes, if that is not mail.
    of_channel: Resolved,
    of_mail: Resolved,
}

/// Number of notices that were sent or have failed.
#[derive(Default)]
struct Resolved {
    sent: AtomicU64,
    failed: AtomicU64,
}

impl Totals {
    pub(super) fn new(channel: &'static str, observer: Option<Observer>) -> Self {
        Self {
            channel,
            observer,
            queued: AtomicU64::new(0),
            of_channel: Resolved::default(),
            of_mail: Resolved::default(),
        }
    }

    fn observe(&self, outcome: &DeliveryOutcome) {
        if let Some(observer) = &self.observer {
            observer(outcome.clone());
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let [codes, mail] = self.by_channel();
        Counts {
            queued: self.queued.load(Ordering::SeqCst),
            sent: codes.sent + mail.sent,
            failed: codes.failed + mail.failed,
        }
    }

    /// The counts of the channel of codes and of mail. If codes are mailed, both are one: the first is zero then.
    pub(super) fn by_channel(&self) -> [ChannelCounts; 2] {
        let counts = |channel, resolved: &Resolved| ChannelCounts {
            channel,
            sent: resolved.sent.load(Ordering::SeqCst),
            failed: resolved.failed.load(Ordering::SeqCst),
        };
        [
            counts(self.channel, &self.of_channel),
            counts(MAIL, &self.of_mail),
        ]
    }

    fn resolved(&self, channel: &str) -> &Resolved {
        if channel == MAIL {
            &self.of_mail
        } else {
            &self.of_channel
        }
    }
}

/// What must succeed before a code is sent, such as storing its hash. The error is a reason for the log.
pub type Prepare = BoxFuture<'static, Result<(), String>>;

/// An entry of the queue.
pub(super) struct Queued {
    pub(super) prepare: Option<Prepare>,
    pub(super) pending: Pending,
}

/// A notice without an outcome. If it is dropped without one (panic, shutdown), it counts as failed.
pub(super) struct Pending {
    pub(super) notice: Notice,
    /// When the code or link expires.
    pub(super) expires_at: Timestamp,
    /// Number of attempts started.
    pub(super) attempts: u32,
    /// The span of the request that it belongs to.
    request: Option<SpanContext>,
    totals: Arc<Totals>,
    outcome: DeliveryOutcome,
}

impl Pending {
    pub(super) fn new(notice: Notice, now: Timestamp, totals: Arc<Totals>) -> Self {
        totals.queued.fetch_add(1, Ordering::SeqCst);
        let outcome = DeliveryOutcome::queued(&notice, totals.channel);
        // A code need not survive a crash: a client that gets none requests another one.
        if outcome.kind != DeliveryKind::Code {
            totals.observe(&outcome);
        }
        Self {
            expires_at: now + notice.expires_in(),
            notice,
            attempts: 0,
            request: current(),
            totals,
            outcome,
        }
    }

    /// Begins the span of the delivery, if its request is traced.
    pub(super) fn begin_span(&mut self) -> Option<Span> {
        let request = self.request.take()?;
        request.child("delivery", Kind::Client)
    }

    /// Ends it. Reasons of failures contain addresses and are left out.
    pub(super) fn end_span(&self, span: Option<Span>, has_succeeded: bool) {
        let Some(mut span) = span else {
            return;
        };
        span.set("munjigi.delivery.channel", self.outcome.channel);
        span.set("munjigi.delivery.kind", self.outcome.kind.as_str());
        span.set("munjigi.delivery.attempts", self.attempts);
        if !has_succeeded {
            span.fail();
        }
    }

    pub(super) fn sent(mut self) {
        self.resolve(None);
    }

    pub(super) fn failed(mut self, reason: &str) {
        self.resolve(Some(reason));
    }

    fn resolve(&mut self, failure: Option<&str>) {
        self.outcome.state = match failure {
            Some(_) => DeliveryState::Failed,
            None => DeliveryState::Sent,
        };
        self.outcome.reason = failure.map(str::to_owned);
        self.outcome.attempts = self.attempts;
        let totals = &self.totals;
        let resolved = totals.resolved(self.outcome.channel);
        let total = if failure.is_some() {
            &resolved.failed
        } else {
            &resolved.sent
        };
        total.fetch_add(1, Ordering::SeqCst);
        // Before `queued` decreases, so that the outcomes are complete once it is zero.
        totals.observe(&self.outcome);
        totals.queued.fetch_sub(1, Ordering::SeqCst);
        match &self.notice {
            Notice::Code(code) => self.log_code(code, failure),
            Notice::Confirmation(link) => {
                self.log_mail("confirmation", &link.email, &link.request_id, failure);
            }
            Notice::Link(link) => self.log_mail("link", &link.email, &link.request_id, failure),
            Notice::Reuse(reuse) => {
                self.log_mail("reuse", &reuse.email, &reuse.request_id, failure);
            }
            Notice::Change(change) => {
                self.log_mail("change", &change.email, &change.request_id, failure);
            }
        }
    }

    fn log_code(&self, notice: &OtpNotice, failure: Option<&str>) {
        let email = notice.email.as_deref().map(masked_email);
        let phone = notice.phone.as_deref().map(masked_phone);
        let (channel, attempts, request_id) =
            (self.totals.channel, self.attempts, &*notice.request_id);
        let Counts {
            queued,
            sent,
            failed,
        } = self.totals.counts();
        // Without a failure there is no `reason`.
        macro_rules! log {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    channel,
                    reason = failure,
                    attempts,
                    email,
                    phone,
                    request_id,
                    queued,
                    sent,
                    failed,
                    $message
                )
            };
        }
        if failure.is_some() {
            log!(warn, "one-time code not sent");
        } else {
            log!(info, "one-time code sent");
        }
    }

    fn log_mail(&self, about: &str, email: &str, request_id: &str, failure: Option<&str>) {
        let (email, attempts) = (masked_email(email), self.attempts);
        if let Some(reason) = failure {
            tracing::warn!(about, reason, attempts, email, request_id, "mail not sent");
        } else {
            tracing::info!(about, attempts, email, request_id, "mail sent");
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.outcome.state == DeliveryState::Queued {
            self.resolve(Some("delivery was aborted"));
        }
    }
}
