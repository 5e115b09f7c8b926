//! What becomes of a notice: exactly one outcome each, one line of the log, the running totals, and a word to whoever wants
//! to know.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    clock::Timestamp,
    delivery::notice::{Notice, OtpNotice, masked_email, masked_phone},
    domain::principal::{Principal, UserSeq},
};

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

/// What became of one notice. Codes, links and whole addresses are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// A one-time code.
    Code {
        /// The challenge it answers.
        challenge: String,
        /// For which client.
        client: UserSeq,
        /// By which way.
        channel: &'static str,
        /// To whom, masked.
        recipient: Option<String>,
        /// Why it was not sent; none: it was.
        failure: Option<String>,
    },
    /// A link to set a password.
    Link {
        /// Whose password.
        owner: Principal,
        /// By which name the owner logs in.
        login: String,
        /// Why it was not sent; none: it was.
        failure: Option<String>,
    },
}

/// Who is told of each outcome, at once and on the sender's own task: it must neither wait nor panic.
pub type Observer = Arc<dyn Fn(Settled) + Send + Sync>;

pub(super) struct Totals {
    channel: &'static str,
    observer: Option<Observer>,
    queued: AtomicU64,
    sent: AtomicU64,
    failed: AtomicU64,
}

impl Totals {
    pub(super) fn new(channel: &'static str, observer: Option<Observer>) -> Self {
        Self {
            channel,
            observer,
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
    pub(super) notice: Notice,
    /// When the code or the link is worth nothing any more.
    pub(super) dies_at: Timestamp,
    /// How many attempts were begun.
    pub(super) attempts: u32,
    totals: Arc<Totals>,
    settled: bool,
}

impl Pending {
    pub(super) fn new(notice: Notice, dies_at: Timestamp, totals: Arc<Totals>) -> Self {
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
        self.resolve(None);
    }

    pub(super) fn failed(mut self, reason: &str) {
        self.resolve(Some(reason));
    }

    fn resolve(&mut self, failure: Option<&str>) {
        self.settled = true;
        let totals = &self.totals;
        let total = if failure.is_some() {
            &totals.failed
        } else {
            &totals.sent
        };
        total.fetch_add(1, Ordering::SeqCst);
        // Told before it counts as settled: who waits for that finds the record complete.
        let told = self.told(failure.map(str::to_owned));
        if let (Some(observer), Some(told)) = (&totals.observer, told) {
            observer(told);
        }
        totals.queued.fetch_sub(1, Ordering::SeqCst);
        match &self.notice {
            Notice::Code(code) => self.log_code(code, failure),
            Notice::Link(link) => self.log_letter("link", &link.email, &link.request_id, failure),
            Notice::Reuse(reuse) => {
                self.log_letter("reuse", &reuse.email, &reuse.request_id, failure);
            }
        }
    }

    /// What the observer is told. That a token was reused is in the record already, mail or no mail.
    fn told(&self, failure: Option<String>) -> Option<Settled> {
        Some(match &self.notice {
            Notice::Code(code) => Settled::Code {
                challenge: code.id.clone(),
                client: code.client,
                channel: self.totals.channel,
                recipient: code.masked_recipient(),
                failure,
            },
            Notice::Link(link) => Settled::Link {
                owner: link.owner,
                login: link.login.clone(),
                failure,
            },
            Notice::Reuse(_) => return None,
        })
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

    fn log_letter(&self, about: &str, email: &str, request_id: &str, failure: Option<&str>) {
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
        if !self.settled {
            self.resolve(Some("it was broken off"));
        }
    }
}
