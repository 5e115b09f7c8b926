//! SQLite's one writer: a thread that commits many requests together.
//!
//! SQLite lets one connection write at a time, and each commit waits for the disk. The writer takes all requests that
//! wait, gives each a savepoint of its own inside one transaction, commits once, and answers only then: what was
//! answered is on the disk. A request that fails takes back its own statements only.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::JoinHandle,
};

use diesel::{Connection as _, connection::AnsiTransactionManager, connection::TransactionManager};
use tokio::sync::{mpsc, oneshot};

use crate::store::{
    engine::connection::{Db, Target},
    error::{StoreError, StoreFailure},
};

/// How many requests share one commit at most. More would make the first of them wait for the last.
const MAX_BATCH: usize = 256;
/// How many requests may wait for the writer.
const QUEUE: usize = 4096;

/// What a finished job wants to be told once its transaction is committed (or is not).
type Answer = Box<dyn FnOnce(Result<(), &StoreError>) + Send>;
/// A job's verdict on the transaction it ran in: whether the rest of the batch may go on in it.
enum TransactionOutcome {
    GoOn,
    /// The database failed in mid-statement; the transaction may be gone.
    Stop,
}
type Job = Box<dyn FnOnce(&mut Db) -> (Answer, TransactionOutcome) + Send>;

/// The handle to the writer's thread; the last one to go waits until all that was accepted is committed.
#[derive(Clone)]
pub(crate) struct Writer(Arc<Thread>);

struct Thread {
    jobs: Option<mpsc::Sender<Job>>,
    handle: Option<JoinHandle<()>>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(handle) = self.handle.take() {
            // A writer that panicked has nothing left to commit.
            let _ = handle.join();
        }
    }
}

impl Writer {
    /// Opens the writing connection and starts the thread.
    pub(crate) fn start(target: Target) -> Result<Self, StoreError> {
        let connection = target
            .connect()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let handle = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(&target, connection, queue))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self(Arc::new(Thread {
            jobs: Some(jobs),
            handle: Some(handle),
        })))
    }

    /// Runs `f` in a transaction; the answer comes after the commit.
    pub(crate) async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel::<Result<T, E>>();
        let job: Job = Box::new(move |connection| {
            let result = in_savepoint(connection, f);
            let verdict = match result.as_ref().err().and_then(StoreFailure::store_error) {
                None | Some(StoreError::Conflict { .. }) => TransactionOutcome::GoOn,
                Some(_) => TransactionOutcome::Stop,
            };
            let answer: Answer = Box::new(move |commit| {
                let result = match (result, commit) {
                    (Ok(_), Err(error)) => Err(StoreError::Unavailable(error.to_string()).into()),
                    (result, _) => result,
                };
                // The asker may have gone away meanwhile.
                let _ = sender.send(result);
            });
            (answer, verdict)
        });
        let jobs = self.0.jobs.as_ref().ok_or(StoreError::Overloaded)?;
        jobs.try_send(job).map_err(|_| StoreError::Overloaded)?;
        // A sender dropped unsent: BEGIN failed (another process held the lock beyond the busy timeout), `f` never ran.
        receiver.await.unwrap_or_else(|_| {
            Err(StoreError::Unavailable("the database is locked".into()).into())
        })
    }
}

fn run(target: &Target, first: Db, mut queue: mpsc::Receiver<Job>) {
    let mut connection = Some(first);
    while let Some(job) = queue.blocking_recv() {
        let open = match connection.as_mut() {
            Some(open) => open,
            None => match target.connect() {
                Ok(fresh) => connection.insert(fresh),
                Err(error) => {
                    tracing::error!(error = %error, "cannot reopen the database");
                    continue;
                }
            },
        };
        if !commit_batch(open, job, &mut queue) {
            connection = None;
        }
    }
}

/// Runs `first` and what waits behind it in one transaction and answers them all; `false` when the connection has to go.
fn commit_batch(connection: &mut Db, first: Job, queue: &mut mpsc::Receiver<Job>) -> bool {
    if let Err(error) = begin(connection) {
        tracing::warn!(error = %error, "cannot begin a transaction");
        return depth(connection) == 0;
    }
    let mut answers: Vec<Answer> = Vec::new();
    let mut healthy = true;
    let mut next = Some(first);
    while let Some(job) = next.take() {
        let (answer, verdict) = job(connection);
        answers.push(answer);
        match verdict {
            TransactionOutcome::GoOn if answers.len() < MAX_BATCH => next = queue.try_recv().ok(),
            TransactionOutcome::GoOn => {}
            // SQLite may have rolled the whole transaction back (disk full, I/O error): a further savepoint would then
            // be a transaction of its own, stored although it is answered as failed.
            TransactionOutcome::Stop => healthy = false,
        }
    }
    let commit =
        <Db as TransactionManager<Db>>::commit_transaction(connection).map_err(StoreError::from);
    if let Err(error) = &commit {
        tracing::error!(error = %error, jobs = answers.len(), "a batch was not committed");
        let _ = <Db as TransactionManager<Db>>::rollback_transaction(connection);
    }
    for answer in answers {
        answer(commit.as_ref().copied());
    }
    healthy && commit.is_ok() && depth(connection) == 0
}

/// Runs `f` in a savepoint. A panic is caught inside it: unwinding through diesel's `transaction` would leave its count
/// of nesting wrong, and every later COMMIT would only release a savepoint.
fn in_savepoint<T, E, F>(connection: &mut Db, f: F) -> Result<T, E>
where
    F: FnOnce(&mut Db) -> Result<T, E>,
    E: StoreFailure,
{
    /// diesel's `transaction` wants an error made of its own.
    enum Rollback<E> {
        Ours(E),
        Diesel(diesel::result::Error),
    }
    impl<E> From<diesel::result::Error> for Rollback<E> {
        fn from(error: diesel::result::Error) -> Self {
            Self::Diesel(error)
        }
    }
    let result = connection.transaction(|connection| {
        let outer = depth(connection);
        catch_unwind(AssertUnwindSafe(|| f(connection))).map_or_else(
            |_| {
                while depth(connection) > outer
                    && <Db as TransactionManager<Db>>::rollback_transaction(connection).is_ok()
                {
                }
                Err(Rollback::Ours(
                    StoreError::Query("a panic in a database job".into()).into(),
                ))
            },
            |result| result.map_err(Rollback::Ours),
        )
    });
    result.map_err(|failure| match failure {
        Rollback::Ours(error) => error,
        Rollback::Diesel(error) => StoreError::from(error).into(),
    })
}

/// Begins a transaction that holds the write lock from the start on SQLite: a deferred one that reads before it writes
/// loses most of its races at once, whatever the busy timeout.
pub(crate) fn begin(connection: &mut Db) -> Result<(), StoreError> {
    match connection {
        Db::Sqlite(sqlite) => {
            AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?;
        }
        Db::Postgres(postgres) => AnsiTransactionManager::begin_transaction(postgres)?,
    }
    Ok(())
}

/// How many transactions are open inside one another.
pub(crate) fn depth(connection: &mut Db) -> u32 {
    <Db as TransactionManager<Db>>::transaction_manager_status_mut(connection)
        .transaction_depth()
        .ok()
        .flatten()
        .map_or(0, std::num::NonZero::get)
}
