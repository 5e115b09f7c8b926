//! Sends one-time codes, password links and security notices by mail, webhook or console, from background tasks.
//!
//! Sending neither waits nor returns an error, so that the response to a request for a code does not reveal whether the
//! client exists. Outcomes are logged, passed to an [`Observer`] and counted in [`Delivery::counts`].

mod console;
mod error;
mod event_sender;
mod mail;
mod message;
mod notice;
mod outcome;
mod public_addresses;
mod retry;
mod samples;
mod smtp;
mod standard_webhooks;
mod templates;
mod test_mail;
mod values;
mod webhook;

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use tokio::{
    runtime::Handle,
    sync::{Mutex as AsyncMutex, mpsc},
    task::JoinHandle,
    time::timeout,
};

use crate::clock::{Clock, Timestamp};
use crate::config::{SmtpConfig, WebhookConfig};
use crate::delivery::notice::Notice;
use crate::delivery::outcome::{Pending, Queued, Totals};
use crate::delivery::retry::{AttemptError, pause};
use crate::delivery::smtp::Smtp;
use crate::delivery::values::Mail;
use crate::delivery::webhook::Webhook;
use crate::domain::phone_number::PhoneRegion;
use crate::traces::within;

pub use crate::delivery::{
    console::TARGET as CONSOLE_TARGET,
    error::DeliveryError,
    event_sender::{EventRequest, EventSender, GONE, NotAccepted},
    message::DeliveryOutcome,
    notice::{
        AccountChange, ChangeNotice, LinkNotice, OtpNotice, ReuseNotice, TokenUse, masked_email,
    },
    outcome::{ChannelCounts, Counts, Observer, Prepare},
    public_addresses::PublicAddresses,
    samples::sample,
    templates::{BUILT_IN as BUILT_IN_TEMPLATES, Rendered, TemplateError, Templates},
    test_mail::send_test,
};

/// Number of background tasks, and so of notices that are sent at the same time.
const TASKS: usize = 4;

/// A delivery queue with its background tasks. Clones share the queue. After the last clone is dropped, queued notices
/// are still sent while the runtime runs.
#[derive(Clone)]
pub struct Delivery {
    inner: Arc<Inner>,
}

struct Inner {
    /// `None` after [`Delivery::drain`].
    queue: Mutex<Option<mpsc::Sender<Box<Queued>>>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    totals: Arc<Totals>,
    has_mail: bool,
    clock: Clock,
}

/// How codes are delivered.
#[derive(Clone, Debug)]
pub enum Channel {
    /// A line in the server log, for evaluation.
    Console,
    /// By mail.
    Smtp(SmtpConfig),
    /// By a signed HTTP request to the operator's own service. Telephone numbers without `+` are of the region.
    Webhook(WebhookConfig, Option<PhoneRegion>),
    /// Not at all.
    Off,
}

impl Channel {
    /// The name of the channel in the configuration and in the log.
    fn name(&self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Smtp(_) => "smtp",
            Self::Webhook(..) => "webhook",
            Self::Off => "off",
        }
    }
}

impl Delivery {
    /// Checks the settings and starts the background tasks on the current Tokio runtime. `queue` is the capacity.
    ///
    /// `mail` is the mail server for links and notices, if codes are not sent by mail. `observer` is called with the state
    /// of each message.
    pub fn start(
        channel: Channel,
        mail: Option<SmtpConfig>,
        observer: Option<Observer>,
        queue: usize,
        clock: Clock,
    ) -> Result<Self, DeliveryError> {
        let runtime = Handle::try_current().map_err(|_| DeliveryError::NoRuntime)?;
        let totals = Arc::new(Totals::new(channel.name(), observer));
        let has_mail = mail.is_some() || matches!(channel, Channel::Smtp(_));
        let worker = Arc::new(Worker {
            mail: match (&channel, mail) {
                (Channel::Smtp(_), _) | (_, None) => None,
                (_, Some(settings)) => Some(Box::new(Smtp::new(settings)?)),
            },
            backend: match channel {
                Channel::Console => Backend::Console,
                Channel::Smtp(settings) => Backend::Smtp(Box::new(Smtp::new(settings)?)),
                Channel::Webhook(settings, region) => {
                    Backend::Webhook(Box::new(Webhook::new(settings, region, clock.clone())?))
                }
                Channel::Off => Backend::Off,
            },
            clock: clock.clone(),
        });
        let (queue, receiver) = mpsc::channel(queue.max(1));
        let receiver = Arc::new(AsyncMutex::new(receiver));
        let tasks = (0..TASKS)
            .map(|_| runtime.spawn(run(Arc::clone(&receiver), Arc::clone(&worker))))
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

    /// Queues a code. If the queue is full or was drained, the delivery fails at once.
    pub fn send(&self, notice: OtpNotice) {
        self.enqueue(Notice::Code(notice));
    }

    /// Queues a code that is sent only after `prepare` has succeeded. Its error is the reason of the failure.
    ///
    /// The caller's response does not show whether there was anything to prepare.
    pub fn send_after(&self, prepare: Prepare, notice: OtpNotice) {
        self.enqueue_after(Some(prepare), Notice::Code(notice));
    }

    /// Whether a mail server is configured, which links and notices need.
    #[must_use]
    pub fn sends_mail(&self) -> bool {
        self.inner.has_mail
    }

    /// Queues a link, which is sent by mail.
    pub fn send_link(&self, notice: LinkNotice) {
        self.enqueue(Notice::Link(notice));
    }

    /// Queues a link that is mailed only after `prepare` has succeeded, like [`Delivery::send_after`].
    pub fn send_link_after(&self, prepare: Prepare, notice: LinkNotice) {
        self.enqueue_after(Some(prepare), Notice::Link(notice));
    }

    /// Queues a link that confirms a new e-mail address, which is mailed to it.
    pub fn send_confirmation(&self, notice: LinkNotice) {
        self.enqueue(Notice::Confirmation(notice));
    }

    /// Queues a reuse notice, which is sent by mail.
    pub fn send_reuse(&self, notice: ReuseNotice) {
        self.enqueue(Notice::Reuse(notice));
    }

    /// Queues a notice of a changed account, which is sent by mail.
    pub fn send_change(&self, notice: ChangeNotice) {
        self.enqueue(Notice::Change(notice));
    }

    fn enqueue(&self, notice: Notice) {
        self.enqueue_after(None, notice);
    }

    fn enqueue_after(&self, prepare: Option<Prepare>, notice: Notice) {
        let now = self.inner.clock.now();
        let pending = Pending::new(notice, now, Arc::clone(&self.inner.totals));
        let entry = Box::new(Queued { prepare, pending });
        if let Err((entry, reason)) = self.put(entry) {
            entry.pending.failed(reason);
        }
    }

    fn put(&self, entry: Box<Queued>) -> Result<(), (Box<Queued>, &'static str)> {
        match &*lock(&self.inner.queue) {
            None => Err((entry, "the server is stopping")),
            Some(queue) => queue.try_send(entry).map_err(|error| match error {
                mpsc::error::TrySendError::Full(entry) => (entry, "the queue is full"),
                mpsc::error::TrySendError::Closed(entry) => (entry, "the queue is closed"),
            }),
        }
    }

    /// The current counts.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.inner.totals.counts()
    }

    /// The current counts of the channel of codes and of mail. If codes are mailed, the first is zero.
    #[must_use]
    pub fn counts_by_channel(&self) -> [ChannelCounts; 2] {
        self.inner.totals.by_channel()
    }

    /// Closes the queue and waits up to `limit` for the queued notices. Notices that remain are aborted and count as
    /// failed. Returns the final counts. Can be called again.
    pub async fn drain(&self, limit: Duration) -> Counts {
        drop(lock(&self.inner.queue).take());
        let mut tasks = std::mem::take(&mut *lock(&self.inner.tasks));
        if timeout(limit, join_all(&mut tasks)).await.is_err() {
            tasks.iter().for_each(JoinHandle::abort);
            for task in tasks.into_iter().filter(|task| !task.is_finished()) {
                // The task was aborted, or it ended by itself.
                let _result = task.await;
            }
        }
        self.counts()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Delay before a notice is processed, so that the response of the request is not slowed down by it.
const START_DELAY: Duration = Duration::from_millis(5);

enum Backend {
    Console,
    Smtp(Box<Smtp>),
    Webhook(Box<Webhook>),
    Off,
}

struct Worker {
    backend: Backend,
    /// For links and notices, if the backend is not SMTP.
    mail: Option<Box<Smtp>>,
    clock: Clock,
}

/// A background task: processes the queue until it is closed and empty.
async fn run(receiver: Arc<AsyncMutex<mpsc::Receiver<Box<Queued>>>>, worker: Arc<Worker>) {
    loop {
        let next = receiver.lock().await.recv().await;
        let Some(entry) = next else { return };
        tokio::time::sleep(START_DELAY).await;
        // After a panic the notice counts as failed, because it is dropped; the task continues.
        let _result = AssertUnwindSafe(worker.deliver(*entry))
            .catch_unwind()
            .await;
    }
}

impl Worker {
    async fn deliver(&self, entry: Queued) {
        let Queued {
            prepare,
            mut pending,
        } = entry;
        let span = pending.begin_span();
        let work = async {
            if let Some(prepare) = prepare {
                prepare.await?;
            }
            let sent = self.send(&mut pending).await;
            sent.map_err(|failure| failure.reason)
        };
        let result = within(span.as_ref(), work).await;
        pending.end_span(span, result.is_ok());
        match result {
            Ok(()) => pending.sent(),
            Err(reason) => pending.failed(&reason),
        }
    }

    async fn send(&self, pending: &mut Pending) -> Result<(), AttemptError> {
        let (expires_at, attempts) = (pending.expires_at, &mut pending.attempts);
        let (mail, secret) = match &pending.notice {
            Notice::Code(notice) => return self.send_code(notice, expires_at, attempts).await,
            Notice::Change(change) => (Mail::of_change(change), ""),
            Notice::Link(link) => (Mail::of_link(link), link.secret()),
            Notice::Confirmation(link) => (Mail::of_confirmation(link), link.secret()),
            Notice::Reuse(reuse) => (Mail::of_reuse(reuse), ""),
        };
        self.send_mail(&mail, secret, expires_at, attempts).await
    }

    async fn send_code(
        &self,
        notice: &OtpNotice,
        expires_at: Timestamp,
        attempts: &mut u32,
    ) -> Result<(), AttemptError> {
        match &self.backend {
            Backend::Console => {
                *attempts += 1;
                console::print(notice);
                Ok(())
            }
            Backend::Smtp(_) => {
                let mail = Mail::of_code(notice).map_err(AttemptError::permanent)?;
                let code = notice.code.reveal();
                self.send_mail(&mail, code, expires_at, attempts).await
            }
            Backend::Off => Err(AttemptError::permanent("one-time codes are off")),
            Backend::Webhook(webhook) => {
                let body = webhook.body(notice)?;
                let attempt = || webhook.attempt(&notice.id, &body);
                self.retry(webhook.max_attempts, expires_at, attempts, attempt)
                    .await
            }
        }
    }

    /// Sends a mail. `secret` is masked in failure reasons.
    async fn send_mail(
        &self,
        mail: &Mail,
        secret: &str,
        expires_at: Timestamp,
        attempts: &mut u32,
    ) -> Result<(), AttemptError> {
        let ((Backend::Smtp(smtp), _) | (_, Some(smtp))) = (&self.backend, &self.mail) else {
            return Err(AttemptError::permanent("no mail server is configured"));
        };
        let mail = smtp
            .compose(mail, self.clock.now())
            .map_err(AttemptError::permanent)?;
        let attempt = || async { smtp.attempt(&mail, secret).await.map(|_answer| ()) };
        self.retry(smtp::MAX_ATTEMPTS, expires_at, attempts, attempt)
            .await
    }

    /// Repeats `attempt` until it succeeds or fails permanently, until `max_attempts` were made, or until `expires_at`.
    async fn retry<F>(
        &self,
        max_attempts: u32,
        expires_at: Timestamp,
        attempts: &mut u32,
        attempt: impl Fn() -> F,
    ) -> Result<(), AttemptError>
    where
        F: Future<Output = Result<(), AttemptError>>,
    {
        let mut previous = String::new();
        loop {
            if self.clock.now() >= expires_at {
                let reason = format!("{previous}it expired before it could be sent");
                return Err(AttemptError::permanent(reason));
            }
            *attempts += 1;
            match attempt().await {
                Err(failure) if failure.is_temporary && *attempts < max_attempts => {
                    let pause = failure.retry_after.unwrap_or_else(|| pause(*attempts));
                    tokio::time::sleep(pause).await;
                    previous = format!("{}; then ", failure.reason);
                }
                outcome => return outcome,
            }
        }
    }
}
