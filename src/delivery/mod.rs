//! Sending a code or a notice: by mail, by a webhook, or to the console.
//!
//! Takes values of `domain` and its own settings, and knows no store: that a code exists, and for whom, is
//! `services::otp`'s business. Whoever sends does not wait and is not told of a failure, so that the answer to a request
//! for a code is the same, and as fast, whether the client exists or not; what came of it stands in the log and in
//! [`Delivery::counts`].

mod console;
mod link_mail;
mod mail;
mod notice;
mod outcome;
mod retry;
mod reuse_mail;
mod settings;
mod smtp;
mod webhook;

use std::{
    io,
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use lettre::{Message, message::Mailbox};
use tokio::{
    runtime::Handle,
    sync::{Mutex as AsyncMutex, mpsc},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    clock::{Clock, Timestamp},
    delivery::{
        notice::Notice,
        outcome::{Pending, Totals},
        retry::{AttemptError, pause},
        smtp::Smtp,
        webhook::Webhook,
    },
};

pub use crate::delivery::{
    console::TARGET as CONSOLE_TARGET,
    notice::{LinkNotice, OtpNotice},
    outcome::{Counts, Observer, Settled},
    reuse_mail::{ReuseNotice, TokenUse},
    settings::{Channel, SmtpSettings, Tls, WebhookSettings},
};

/// How many notices are under way at once.
const CONCURRENT: usize = 4;

/// Why a way of delivery cannot be used at all. Said at the start, never for a single notice.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// There is no Tokio runtime to send from.
    #[error("delivery must be started inside of a Tokio runtime")]
    NoRuntime,
    /// The sender's address cannot be read.
    #[error("the sender must be `login@example.org` or `Example <login@example.org>`")]
    Sender,
    /// The file of certificates cannot be read.
    #[error("the file of certificates {path} cannot be used: {source}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The certificates cannot be used.
    #[error("TLS to the mail server cannot be set up: {0}")]
    Tls(#[source] lettre::transport::smtp::Error),
    /// The secret of the webhook is unreadable or too short.
    #[error("the webhook's secret must be `whsec_` and base64, or plain text, of 24 bytes or more")]
    Secret,
    /// The HTTP client cannot be set up, most often for want of certificates of the system.
    #[error("the webhook's HTTP client cannot be set up: {0}")]
    Client(#[source] reqwest::Error),
}

/// One way of delivery with its queue. Clones share both; when the last one is dropped, what is queued is still sent as
/// long as the runtime lives.
#[derive(Clone)]
pub struct Delivery {
    inner: Arc<Inner>,
}

struct Inner {
    /// `None` once nothing is taken any more.
    queue: Mutex<Option<mpsc::Sender<Taken>>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    totals: Arc<Totals>,
    has_mail: bool,
    clock: Clock,
}

/// What goes with a way of delivery.
#[derive(Default)]
pub struct Extras {
    /// The mail server that takes links. The one that takes codes takes them too; without any, none can be sent.
    pub mail: Option<SmtpSettings>,
    /// Who is told what became of each notice.
    pub observer: Option<Observer>,
}

impl Delivery {
    /// Checks the settings and starts the background tasks on the current Tokio runtime; at most `queue` notices wait.
    pub fn start(channel: Channel, queue: usize, clock: Clock) -> Result<Self, DeliveryError> {
        Self::start_with(channel, Extras::default(), queue, clock)
    }

    /// The same with what goes with it.
    pub fn start_with(
        channel: Channel,
        extras: Extras,
        queue: usize,
        clock: Clock,
    ) -> Result<Self, DeliveryError> {
        let runtime = Handle::try_current().map_err(|_| DeliveryError::NoRuntime)?;
        let totals = Arc::new(Totals::new(channel.name(), extras.observer));
        let has_mail = extras.mail.is_some() || matches!(channel, Channel::Smtp(_));
        let sender = Arc::new(Sender {
            mail: match (&channel, extras.mail) {
                (Channel::Smtp(_), _) | (_, None) => None,
                (_, Some(settings)) => Some(Box::new(Smtp::new(settings)?)),
            },
            way: match channel {
                Channel::Console => Transport::Console,
                Channel::Smtp(settings) => Transport::Smtp(Box::new(Smtp::new(settings)?)),
                Channel::Webhook(settings) => {
                    Transport::Webhook(Box::new(Webhook::new(settings, clock.clone())?))
                }
            },
            clock: clock.clone(),
        });
        let (queue, waiting) = mpsc::channel(queue.max(1));
        let waiting = Arc::new(AsyncMutex::new(waiting));
        let tasks = (0..CONCURRENT)
            .map(|_| runtime.spawn(work_on(Arc::clone(&waiting), Arc::clone(&sender))))
            .collect();
        Ok(Self {
            inner: Arc::new(Inner {
                queue: Mutex::new(Some(queue)),
                tasks: Mutex::new(tasks),
                totals,
                has_mail,
                clock,
            }),
        })
    }

    /// Takes a notice and returns at once. A full queue, and one that takes nothing any more, is a failed delivery.
    pub fn send(&self, notice: OtpNotice) {
        self.take(Notice::Code(notice));
    }

    /// Whether there is mail: links and word of reused tokens can be sent.
    #[must_use]
    pub fn sends_mail(&self) -> bool {
        self.inner.has_mail
    }

    /// Takes a link for its way by mail, as [`Delivery::send`] takes a code.
    pub fn send_link(&self, notice: LinkNotice) {
        self.take(Notice::Link(notice));
    }

    /// Takes word of a reused token for its way by mail, as [`Delivery::send`] takes a code.
    pub fn send_reuse(&self, notice: ReuseNotice) {
        self.take(Notice::Reuse(notice));
    }

    fn take(&self, notice: Notice) {
        let dies_at = self.inner.clock.now() + notice.expires_in();
        let pending = Pending::new(notice, dies_at, Arc::clone(&self.inner.totals));
        if let Err((Some(pending), reason)) = self.put(Some(Box::new(pending))) {
            pending.failed(reason);
        }
    }

    /// Does for nobody what [`Delivery::send`] does for somebody, as far as the asker's watch could tell: the same queue is
    /// taken, the same task is woken.
    pub fn send_nothing(&self) {
        // That there was no room for nothing is no failure.
        let _room = self.put(None);
    }

    fn put(&self, taken: Taken) -> Result<(), (Taken, &'static str)> {
        let queue = self.inner.queue.lock();
        match &*queue.unwrap_or_else(PoisonError::into_inner) {
            None => Err((taken, "the server is stopping")),
            Some(queue) => queue.try_send(taken).map_err(|error| match error {
                mpsc::error::TrySendError::Full(taken) => (taken, "the queue is full"),
                mpsc::error::TrySendError::Closed(taken) => (taken, "nothing is sent any more"),
            }),
        }
    }

    /// What has become of the notices so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.inner.totals.counts()
    }

    /// Takes nothing more, and waits until what was taken is sent or has failed, at most `patience` long. What is left
    /// then has failed. Returns the final counts; a second call returns them at once.
    pub async fn drain(&self, patience: Duration) -> Counts {
        drop(
            self.inner
                .queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let mut tasks = std::mem::take(
            &mut *self
                .inner
                .tasks
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if timeout(patience, join_all(&mut tasks)).await.is_err() {
            tasks.iter().for_each(JoinHandle::abort);
            for task in tasks.into_iter().filter(|task| !task.is_finished()) {
                // It was told to end: whether it had ended by itself in the meantime makes no difference.
                let _ended = task.await;
            }
        }
        self.counts()
    }
}

/// What the queue holds: a notice, or nothing in the place of one.
type Taken = Option<Box<Pending>>;

/// How long a task lets the answer go first: its work would compete with it for a core.
const AFTER_THE_ANSWER: Duration = Duration::from_millis(5);

/// A way of delivery, set up.
enum Transport {
    Console,
    Smtp(Box<Smtp>),
    Webhook(Box<Webhook>),
}

struct Sender {
    way: Transport,
    /// For links, where codes go another way.
    mail: Option<Box<Smtp>>,
    clock: Clock,
}

async fn work_on(waiting: Arc<AsyncMutex<mpsc::Receiver<Taken>>>, sender: Arc<Sender>) {
    loop {
        let next = waiting.lock().await.recv().await;
        let Some(taken) = next else { return };
        tokio::time::sleep(AFTER_THE_ANSWER).await;
        let Some(pending) = taken else { continue };
        // What is dropped without an outcome notes itself as failed; the task goes on.
        let _panicked = AssertUnwindSafe(sender.deliver(*pending))
            .catch_unwind()
            .await;
    }
}

impl Sender {
    async fn deliver(&self, mut pending: Pending) {
        match self.tried(&mut pending).await {
            Ok(()) => pending.sent(),
            Err(failure) => pending.failed(&failure.reason),
        }
    }

    async fn tried(&self, pending: &mut Pending) -> Result<(), AttemptError> {
        let (dies_at, tries) = (pending.dies_at, &mut pending.attempts);
        let notice = match &pending.notice {
            Notice::Code(notice) => notice,
            Notice::Link(link) => {
                let compose = |from: &_, now| link_mail::compose(from, link, now);
                return self.mailed(compose, link.secret(), dies_at, tries).await;
            }
            Notice::Reuse(reuse) => {
                let compose = |from: &_, now| reuse_mail::compose(from, reuse, now);
                return self.mailed(compose, "", dies_at, tries).await;
            }
        };
        match &self.way {
            Transport::Console => {
                *tries += 1;
                console::print(notice);
                Ok(())
            }
            Transport::Smtp(smtp) => {
                let mail = mail::compose(&smtp.from, notice, self.clock.now())
                    .map_err(AttemptError::lasting)?;
                let attempt = || smtp.attempt(&mail, notice.code.reveal());
                self.repeated(smtp::ATTEMPTS, dies_at, tries, attempt).await
            }
            Transport::Webhook(webhook) => {
                let body = webhook.body(notice)?;
                let attempt = || webhook.attempt(&notice.id, &body);
                self.repeated(webhook.attempts(), dies_at, tries, attempt)
                    .await
            }
        }
    }

    /// Sends a letter by the mail server; no log shows its secret.
    async fn mailed(
        &self,
        compose: impl Fn(&Mailbox, Timestamp) -> Result<Message, &'static str>,
        secret: &str,
        dies_at: Timestamp,
        tries: &mut u32,
    ) -> Result<(), AttemptError> {
        let ((Transport::Smtp(smtp), _) | (_, Some(smtp))) = (&self.way, &self.mail) else {
            return Err(AttemptError::lasting("no mail server is configured"));
        };
        let mail = compose(&smtp.from, self.clock.now()).map_err(AttemptError::lasting)?;
        let attempt = || smtp.attempt(&mail, secret);
        self.repeated(smtp::ATTEMPTS, dies_at, tries, attempt).await
    }

    /// Attempts until one succeeds, one fails for good, `most` were made, or the code or link is dead at `dies_at`.
    async fn repeated<F>(
        &self,
        most: u32,
        dies_at: Timestamp,
        tries: &mut u32,
        attempt: impl Fn() -> F,
    ) -> Result<(), AttemptError>
    where
        F: Future<Output = Result<(), AttemptError>>,
    {
        let mut before = String::new();
        loop {
            if self.clock.now() >= dies_at {
                let reason = format!("{before}it expired before it could be sent");
                return Err(AttemptError::lasting(reason));
            }
            *tries += 1;
            match attempt().await {
                Err(failure) if failure.again && *tries < most => {
                    let pause = failure.after.unwrap_or_else(|| pause(*tries));
                    tokio::time::sleep(pause).await;
                    before = format!("{}; then ", failure.reason);
                }
                outcome => return outcome,
            }
        }
    }
}
