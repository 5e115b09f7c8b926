//! The revocation feed: a thread with a connection of its own that reads new revocation events and changed signing keys
//! when this process wrote some, when the database signals a change, and once a second in any case.
//!
//! The connection does not belong to the pool: when the pool is exhausted the events must still be read, because
//! otherwise every request would have to query the database at that time.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::config::database::with_parameters;
use crate::store::engine::connection::{Db, FEED_NAME, Target, data_version};
use crate::store::error::StoreError;
use crate::store::revocations::{CHANNEL, Position, RevocationEvent, read_since};
use crate::store::signing_keys::{self, SigningKeyRow};

/// How often the events are read without a signal.
const READ_EVERY: Duration = Duration::from_secs(1);
/// How often the connection is checked for a signal: Postgres's socket for a notification, SQLite's shared memory for a
/// changed version. Neither costs a round trip.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// The result of a read.
#[derive(Debug)]
pub enum FeedUpdate {
    /// All signing keys. Passed at the beginning, and when they have changed, before the events of the same read.
    Keys(Vec<SigningKeyRow>),
    /// Revocations.
    Revocations(RevocationUpdate),
}

/// The revocation events of a read.
#[derive(Debug)]
pub enum RevocationUpdate {
    /// The new events. Together with those passed before, they are everything committed until the given time, at which
    /// the read began.
    Events(Vec<RevocationEvent>, Instant),
    /// Events were written that cannot be read: the known ones are incomplete.
    Missed,
}

/// Called with each update, on the feed's thread.
pub type UpdateHandler = Box<dyn Fn(FeedUpdate) + Send>;

/// A request for a read that begins after the request; answered when its events have been handled.
type CatchUpRequest = oneshot::Sender<()>;

/// A handle to the feed's thread, which ends when it is dropped.
pub(super) struct Feed {
    requests: Option<mpsc::Sender<CatchUpRequest>>,
    handle: Option<JoinHandle<()>>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(handle) = self.handle.take() {
            // A thread that panicked has nothing left to close.
            let _ = handle.join();
        }
    }
}

impl Feed {
    /// Reads all stored events, and follows new ones from then on.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when they cannot be read.
    pub(super) fn start(target: Target, handler: UpdateHandler) -> Result<Self, StoreError> {
        let mut subscriber = Subscriber {
            target,
            open: None,
            keys: None,
            last_read: Instant::now(),
            handler,
        };
        subscriber.read()?;
        let (requests, queue) = mpsc::channel();
        let handle = std::thread::Builder::new()
            .name("revocations".into())
            .spawn(move || run(&mut subscriber, &queue))
            .map_err(StoreError::unavailable)?;
        Ok(Self {
            requests: Some(requests),
            handle: Some(handle),
        })
    }

    /// Waits until all events committed before the call have been handled, or [`RevocationUpdate::Missed`] has.
    pub(super) async fn catch_up(&self) {
        let (request, done) = oneshot::channel();
        if let Some(requests) = &self.requests
            && requests.send(request).is_ok()
        {
            // An error means that the thread has ended: the known events become stale, and are no longer used.
            let _ = done.await;
        }
    }
}

fn run(subscriber: &mut Subscriber, queue: &mpsc::Receiver<CatchUpRequest>) {
    loop {
        match queue.recv_timeout(POLL_EVERY) {
            Ok(first) => {
                // Collected before the read begins: later requests need another read.
                let requests: Vec<CatchUpRequest> =
                    std::iter::once(first).chain(queue.try_iter()).collect();
                if let Err(error) = subscriber.read().or_else(|_| subscriber.read()) {
                    tracing::error!(%error, "a new revocation event cannot be read");
                    (subscriber.handler)(FeedUpdate::Revocations(RevocationUpdate::Missed));
                }
                for request in requests {
                    // The receiver is gone when the caller stopped waiting.
                    let _ = request.send(());
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                if (subscriber.has_signal() || subscriber.last_read.elapsed() >= READ_EVERY)
                    && let Err(error) = subscriber.read()
                {
                    tracing::warn!(%error, "the revocation events cannot be read");
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

struct Subscriber {
    target: Target,
    open: Option<Open>,
    /// The signing keys that were passed last.
    keys: Option<Vec<SigningKeyRow>>,
    /// When the last read began, successful or not.
    last_read: Instant,
    handler: UpdateHandler,
}

/// A connection, and how far the events have been read with it.
struct Open {
    connection: Db,
    position: Option<Position>,
    /// SQLite's data version at the last check.
    data_version: Option<i64>,
}

impl Subscriber {
    /// Reads the new events and passes them to the handler. After a failure the next read opens a new connection and reads
    /// all stored events: when another server has taken over, the old position is meaningless.
    fn read(&mut self) -> Result<(), StoreError> {
        let began = Instant::now();
        self.last_read = began;
        match self.try_read() {
            Ok((events, keys)) => {
                if self.keys.as_ref() != Some(&keys) {
                    (self.handler)(FeedUpdate::Keys(keys.clone()));
                    self.keys = Some(keys);
                }
                let update = RevocationUpdate::Events(events, began);
                (self.handler)(FeedUpdate::Revocations(update));
                Ok(())
            }
            Err(error) => {
                self.open = None;
                Err(error)
            }
        }
    }

    fn try_read(&mut self) -> Result<(Vec<RevocationEvent>, Vec<SigningKeyRow>), StoreError> {
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(Open {
                connection: connect(&self.target)?,
                position: None,
                data_version: None,
            }),
        };
        if let Db::Postgres(postgres) = &mut open.connection {
            // This read covers the notifications that have arrived; left in the queue they would pile up.
            postgres
                .notifications_iter()
                .take_while(Result::is_ok)
                .for_each(drop);
        }
        let (events, position) = read_since(&mut open.connection, open.position.as_ref())?;
        let keys = signing_keys::list(&mut open.connection)?;
        open.position = Some(position);
        Ok((events, keys))
    }

    /// Whether the database signals a change. An error counts as a signal: the read that follows reports it.
    fn has_signal(&mut self) -> bool {
        let Some(open) = &mut self.open else {
            return false;
        };
        match &mut open.connection {
            // All notifications that have arrived; one read covers them. On a broken connection the iterator never ends.
            Db::Postgres(postgres) => {
                let mut has_signal = false;
                for notification in postgres.notifications_iter() {
                    has_signal = true;
                    if notification.is_err() {
                        break;
                    }
                }
                has_signal
            }
            Db::Sqlite(sqlite) => {
                let version = data_version(sqlite);
                let has_changed = version != open.data_version;
                open.data_version = version;
                has_changed
            }
        }
    }
}

fn connect(target: &Target) -> Result<Db, StoreError> {
    match target {
        Target::Sqlite { .. } => target.connect().map_err(StoreError::unavailable),
        Target::Postgres { url } => {
            use diesel::connection::SimpleConnection;
            let target = Target::Postgres {
                url: with_keepalives(url),
            };
            let mut connection = target.connect().map_err(StoreError::unavailable)?;
            // A read that hangs would delay every revocation.
            connection.batch_execute(&format!(
                "LISTEN {CHANNEL}; SET application_name = '{FEED_NAME}'; \
                 SET statement_timeout = '5s'; SET lock_timeout = '2s'"
            ))?;
            Ok(connection)
        }
    }
}

/// The URL with parameters by which the connection notices within seconds that the server is gone.
fn with_keepalives(url: &str) -> String {
    let settings = "keepalives_idle=5&keepalives_interval=2&keepalives_count=2&tcp_user_timeout=5000&connect_timeout=5";
    if url.contains("keepalives_idle") || url.contains("tcp_user_timeout") {
        url.to_owned()
    } else {
        with_parameters(url, settings)
    }
}
