//! Following the news of revocations: a thread with a connection of its own, which reads them when this process wrote some,
//! when the database says that somebody else wrote, and once a second in any case.
//!
//! The connection is not the pool's: when all of those are busy the news must be heard all the same, or every call would
//! have to ask the database just then.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use diesel::{prelude::*, sql_types::BigInt, sqlite::SqliteConnection};
use tokio::sync::oneshot;

use crate::store::{
    engine::connection::{Db, Target},
    error::StoreError,
    revocations::{CHANNEL, Position, Revocation, read_since},
};

/// How often the news are read when nobody calls.
const READ_EVERY: Duration = Duration::from_secs(1);
/// How often the database is looked at for a call: Postgres's socket for a notice, SQLite's shared memory for a change. It
/// is no question to a server.
const LISTEN_EVERY: Duration = Duration::from_millis(20);

/// What came of a reading.
#[derive(Debug)]
pub enum FeedUpdate {
    /// These news; with those from before, all that was committed when the reading began.
    RevocationEvent(Vec<Revocation>, Instant),
    /// News were written that cannot be read: what is known is not all any more.
    Missed,
}

/// Who is told, on the feed's thread.
pub type Listener = Box<dyn Fn(FeedUpdate) + Send>;

/// Whoever asked for a reading that begins after he asked.
type Order = oneshot::Sender<()>;

/// The handle to the feed's thread, which ends with it.
pub(super) struct Feed {
    orders: Option<mpsc::Sender<Order>>,
    handle: Option<JoinHandle<()>>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(handle) = self.handle.take() {
            // One that panicked has nothing left to close.
            let _ = handle.join();
        }
    }
}

impl Feed {
    /// Reads all the news there are, and follows them from then on.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when they cannot be read.
    pub(super) fn start(target: Target, listener: Listener) -> Result<Self, StoreError> {
        let mut ear = Subscriber {
            target,
            open: None,
            last_try: Instant::now(),
            listener,
        };
        ear.read()?;
        let (orders, queue) = mpsc::channel();
        let handle = std::thread::Builder::new()
            .name("revocations".into())
            .spawn(move || run(&mut ear, &queue))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self {
            orders: Some(orders),
            handle: Some(handle),
        })
    }

    /// Waits until all that is committed now has been heard, or is known to be missed.
    pub(super) async fn catch_up(&self) {
        let (order, done) = oneshot::channel();
        if let Some(orders) = &self.orders
            && orders.send(order).is_ok()
        {
            // A thread that ended has told so: what it knew grows old.
            let _ = done.await;
        }
    }
}

fn run(ear: &mut Subscriber, queue: &mpsc::Receiver<Order>) {
    loop {
        match queue.recv_timeout(LISTEN_EVERY) {
            Ok(first) => {
                // Only those who asked before the reading begins.
                let orders: Vec<Order> = std::iter::once(first).chain(queue.try_iter()).collect();
                if let Err(error) = ear.read().or_else(|_| ear.read()) {
                    tracing::error!(%error, "a revocation was written and cannot be read back");
                    (ear.listener)(FeedUpdate::Missed);
                }
                for order in orders {
                    // Whoever asked may have gone away meanwhile.
                    let _ = order.send(());
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                if (ear.hears_a_call() || ear.last_try.elapsed() >= READ_EVERY)
                    && let Err(error) = ear.read()
                {
                    tracing::warn!(%error, "the news of revocations cannot be read");
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

struct Subscriber {
    target: Target,
    open: Option<Open>,
    last_try: Instant,
    listener: Listener,
}

/// A connection, and how far the news have been read by it.
struct Open {
    connection: Db,
    position: Option<Position>,
    /// SQLite's, when it was looked at last.
    data_version: Option<i64>,
}

impl Subscriber {
    /// Reads what is new. After a failure the connection is made anew, and all the news are read again by it: where one
    /// server has taken the place of another, positions mean nothing.
    fn read(&mut self) -> Result<(), StoreError> {
        self.last_try = Instant::now();
        let begun = self.last_try;
        let result = self.try_read();
        match result {
            Ok(news) => {
                (self.listener)(FeedUpdate::RevocationEvent(news, begun));
                Ok(())
            }
            Err(error) => {
                self.open = None;
                Err(error)
            }
        }
    }

    fn try_read(&mut self) -> Result<Vec<Revocation>, StoreError> {
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(Open {
                connection: connect(&self.target)?,
                position: None,
                data_version: None,
            }),
        };
        if let Db::Postgres(postgres) = &mut open.connection {
            // This reading answers the calls that have come; kept, they would pile up.
            postgres
                .notifications_iter()
                .take_while(Result::is_ok)
                .for_each(drop);
        }
        let (news, position) = read_since(&mut open.connection, open.position.as_ref())?;
        open.position = Some(position);
        Ok(news)
    }

    /// Whether somebody wrote. An error is a call too: the reading finds out.
    fn hears_a_call(&mut self) -> bool {
        let Some(open) = &mut self.open else {
            return false;
        };
        match &mut open.connection {
            // All calls that have come; one reading answers them. On a dead connection the errors never end.
            Db::Postgres(postgres) => {
                let mut is_called = false;
                for call in postgres.notifications_iter() {
                    is_called = true;
                    if call.is_err() {
                        break;
                    }
                }
                is_called
            }
            Db::Sqlite(sqlite) => {
                let version = data_version(sqlite);
                let is_news = version != open.data_version;
                open.data_version = version;
                is_news
            }
        }
    }
}

/// A number that changes when another connection, of this process or another, has committed; none: it cannot be had.
fn data_version(connection: &mut SqliteConnection) -> Option<i64> {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = BigInt)]
        data_version: i64,
    }
    let version: Version = diesel::sql_query("PRAGMA data_version")
        .get_result(connection)
        .ok()?;
    Some(version.data_version)
}

fn connect(target: &Target) -> Result<Db, StoreError> {
    let failed = |error: diesel::ConnectionError| StoreError::Unavailable(error.to_string());
    match target {
        Target::Sqlite { .. } => target.connect().map_err(failed),
        Target::Postgres { url } => {
            use diesel::connection::SimpleConnection;
            let target = Target::Postgres { url: watched(url) };
            let mut connection = target.connect().map_err(failed)?;
            // A reading that hangs would keep all those waiting who revoke something.
            connection.batch_execute(&format!(
                "LISTEN {CHANNEL}; SET statement_timeout = '5s'; SET lock_timeout = '2s'"
            ))?;
            Ok(connection)
        }
    }
}

/// The URL with a connection that notices in seconds when the other side is gone without a word.
fn watched(url: &str) -> String {
    let settings = "keepalives_idle=5&keepalives_interval=2&keepalives_count=2&tcp_user_timeout=5000&connect_timeout=5";
    let separator = if url.contains('?') { '&' } else { '?' };
    if url.contains("keepalives_idle") || url.contains("tcp_user_timeout") {
        url.to_owned()
    } else {
        format!("{url}{separator}{settings}")
    }
}
