//! SQLite's writer: one thread that commits the writes of many requests together (group commit).
//!
//! SQLite lets one connection write at a time, and each commit waits for the disk. The writer takes all queued jobs, runs
//! each in a savepoint inside one transaction, commits once and answers afterwards: an answered write is on the disk. A
//! job that fails rolls back its own savepoint only. The first one needs no savepoint, for which SQLite keeps a copy of each
//! page that it changes, in memory: if it fails, its transaction is rolled back, and the others get one of their own.

use std::{
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::JoinHandle,
    time::Instant,
};

use diesel::Connection as _;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use tokio::sync::{mpsc, oneshot};

use crate::histogram::{Histogram, NUMBERS, Snapshot};
use crate::store::engine::connection::{Db, Target};
use crate::store::error::{StoreError, StoreFailure};

/// The maximum number of jobs in one commit. With more, the first of them would wait too long for the last.
const MAX_BATCH: usize = 256;
/// How many jobs may wait for the writer.
const MAX_WAITING: usize = 4096;

/// Sends a job's result to its caller, given the result of the commit.
type Answer = Box<dyn FnOnce(Result<(), &StoreError>) + Send>;
/// Runs in a transaction; the flag says whether it is the first job of it.
type Job = Box<dyn FnOnce(&mut Db, bool) -> (Answer, BatchStatus) + Send>;

/// Whether further jobs may run in the transaction of a job that has finished.
enum BatchStatus {
    Continue,
    /// A statement failed for another reason than a conflict; the transaction may be gone.
    Stop,
    /// A job failed that had no savepoint: what it did can only be taken back with the whole transaction.
    RollBack,
    /// The same of the first job, so that no other fails with it.
    RollBackFirst {
        /// Whether the transaction may be gone, as with `Stop`.
        is_failure: bool,
    },
}

/// A handle to the writer's thread. Dropping the last clone blocks until all accepted jobs are committed.
#[derive(Clone)]
pub(crate) struct Writer(Arc<Thread>);

struct Thread {
    jobs: Option<mpsc::Sender<Job>>,
    handle: Option<JoinHandle<()>>,
    counts: Arc<Counts>,
}

/// What is counted for metrics.
struct Counts {
    batches: Histogram,
    commits: Histogram,
}

/// How the writer works.
#[derive(Clone, Debug)]
pub struct WriterFigures {
    /// How many writes wait.
    pub waiting: usize,
    /// How many writes the transactions had.
    pub batches: Snapshot,
    /// How long the commits took, in microseconds.
    pub commits: Snapshot,
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(handle) = self.handle.take() {
            // A thread that panicked has nothing left to commit.
            let _ = handle.join();
        }
    }
}

impl Writer {
    /// Starts the thread, which writes on this connection until it breaks.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the system gives no thread.
    pub(crate) fn start(target: Target, connection: Db) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(MAX_WAITING);
        let counts = Arc::new(Counts {
            batches: Histogram::new(NUMBERS),
            commits: Histogram::of_times(),
        });
        let counted = Arc::clone(&counts);
        let handle = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(&target, connection, queue, &counted))
            .map_err(StoreError::unavailable)?;
        Ok(Self(Arc::new(Thread {
            jobs: Some(jobs),
            handle: Some(handle),
            counts,
        })))
    }

    /// How the writer works, for metrics.
    pub(crate) fn figures(&self) -> WriterFigures {
        let jobs = self.0.jobs.as_ref();
        WriterFigures {
            waiting: jobs.map_or(0, |jobs| jobs.max_capacity() - jobs.capacity()),
            batches: self.0.counts.batches.snapshot(),
            commits: self.0.counts.commits.snapshot(),
        }
    }

    /// Runs `f` in a transaction and returns its result after the commit. `on_commit` gets it first, also when the caller has
    /// stopped waiting.
    ///
    /// # Errors
    /// The closure's, after its statements were rolled back; [`StoreError::Overloaded`] when the queue is full;
    /// [`StoreError::Unavailable`] when the transaction could not begin or commit.
    pub(crate) async fn write<T: Send + 'static, E: StoreFailure, F>(
        &self,
        f: F,
        on_commit: fn(&mut T),
    ) -> Result<T, E>
    where
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        let run = |connection: &mut Db, is_first: bool| {
            let result = if is_first {
                catch_panic(connection, f)
            } else {
                in_savepoint(connection, f)
            };
            let status = match &result {
                Err(error) if is_first => BatchStatus::RollBackFirst {
                    is_failure: error.is_failure(),
                },
                Err(error) if error.is_failure() => BatchStatus::Stop,
                _ => BatchStatus::Continue,
            };
            (result, status)
        };
        self.push(run, on_commit).await
    }

    /// The same without a savepoint, which costs a sixth of the time of a rotation. For work that fails only if the database
    /// does: all jobs of its transaction fail with it.
    pub(crate) async fn write_without_savepoint<T: Send + 'static, E: StoreFailure, F>(
        &self,
        f: F,
    ) -> Result<T, E>
    where
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        let run = |connection: &mut Db, _: bool| match catch_panic(connection, f) {
            Ok(value) => (Ok(value), BatchStatus::Continue),
            Err(error) => (Err(error), BatchStatus::RollBack),
        };
        self.push(run, |_| ()).await
    }

    async fn push<T: Send + 'static, E: StoreFailure, F>(
        &self,
        run: F,
        on_commit: fn(&mut T),
    ) -> Result<T, E>
    where
        F: FnOnce(&mut Db, bool) -> (Result<T, E>, BatchStatus) + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel::<Result<T, E>>();
        let job: Job = Box::new(move |connection, is_first| {
            let (result, status) = run(connection, is_first);
            let answer: Answer = Box::new(move |commit| {
                let result = match (result, commit) {
                    (Ok(_), Err(error)) => Err(StoreError::unavailable(error).into()),
                    (mut result, _) => {
                        if let Ok(value) = &mut result {
                            on_commit(value);
                        }
                        result
                    }
                };
                // The receiver is gone when the caller stopped waiting.
                let _ = sender.send(result);
            });
            (answer, status)
        });
        let jobs = self.0.jobs.as_ref().ok_or(StoreError::Overloaded)?;
        jobs.try_send(job).map_err(|_| StoreError::Overloaded)?;
        // The sender is dropped unused when BEGIN failed, because another process held the lock beyond the busy timeout
        // or the file cannot be written, which is in the log. `f` did not run then.
        receiver
            .await
            .unwrap_or_else(|_| Err(StoreError::unavailable("no transaction can begin").into()))
    }
}

fn run(target: &Target, first: Db, mut queue: mpsc::Receiver<Job>, counts: &Counts) {
    let mut connection = Some(first);
    while let Some(job) = queue.blocking_recv() {
        let open = match connection.as_mut() {
            Some(open) => open,
            None => match target.connect() {
                Ok(new) => connection.insert(new),
                Err(error) => {
                    tracing::error!(error = %error, "cannot reopen the database");
                    continue;
                }
            },
        };
        if !commit_batch(open, job, &mut queue, counts) {
            connection = None;
        }
    }
}

/// Runs `first` and the jobs queued behind it in one transaction and answers them all; `false` when the connection must be
/// replaced.
fn commit_batch(
    connection: &mut Db,
    first: Job,
    queue: &mut mpsc::Receiver<Job>,
    counts: &Counts,
) -> bool {
    if let Err(error) = begin(connection) {
        tracing::warn!(error = %error, "cannot begin a transaction");
        return depth(connection) == 0;
    }
    let mut answers: Vec<Answer> = Vec::new();
    let (mut is_healthy, mut is_spoilt, mut is_undone) = (true, false, false);
    let mut next = Some(first);
    while let Some(job) = next.take() {
        let (answer, status) = job(connection, answers.is_empty());
        answers.push(answer);
        match status {
            BatchStatus::Continue if answers.len() < MAX_BATCH => next = queue.try_recv().ok(),
            BatchStatus::Continue => {}
            // SQLite may have rolled the whole transaction back (disk full, I/O error): a further savepoint would then
            // be a transaction of its own, stored although it is answered as failed.
            BatchStatus::Stop => is_healthy = false,
            BatchStatus::RollBack => (is_healthy, is_spoilt) = (false, true),
            BatchStatus::RollBackFirst { is_failure } => {
                is_undone = true;
                is_healthy = roll_back(connection).is_ok() && !is_failure;
            }
        }
    }
    counts.batches.add(answers.len() as u64);
    let committed = if is_undone {
        Ok(())
    } else if is_spoilt {
        let another = "another write of the same transaction failed";
        Err(StoreError::unavailable(another))
    } else {
        let begun = Instant::now();
        let committed = commit(connection);
        counts.commits.add_time(begun.elapsed());
        committed
    };
    if let Err(error) = &committed {
        tracing::error!(error = %error, jobs = answers.len(), "cannot commit a transaction");
        let _ = roll_back(connection);
    }
    for answer in answers {
        answer(committed.as_ref().copied());
    }
    is_healthy && committed.is_ok() && depth(connection) == 0
}

/// Runs `f` in a savepoint.
fn in_savepoint<T, E, F>(connection: &mut Db, f: F) -> Result<T, E>
where
    F: FnOnce(&mut Db) -> Result<T, E>,
    E: StoreFailure,
{
    /// diesel's `transaction` requires an error that converts from its own.
    enum Rollback<E> {
        Closure(E),
        Diesel(diesel::result::Error),
    }
    impl<E> From<diesel::result::Error> for Rollback<E> {
        fn from(error: diesel::result::Error) -> Self {
            Self::Diesel(error)
        }
    }
    let result =
        connection.transaction(|connection| catch_panic(connection, f).map_err(Rollback::Closure));
    result.map_err(|failure| match failure {
        Rollback::Closure(error) => error,
        Rollback::Diesel(error) => StoreError::from(error).into(),
    })
}

/// Runs `f`. A panic is caught here: unwinding through diesel's `transaction` would leave its nesting depth wrong, and every
/// later COMMIT would only release a savepoint.
fn catch_panic<T, E, F>(connection: &mut Db, f: F) -> Result<T, E>
where
    F: FnOnce(&mut Db) -> Result<T, E>,
    E: StoreFailure,
{
    let outer = depth(connection);
    catch_unwind(AssertUnwindSafe(|| f(connection))).unwrap_or_else(|_| {
        while depth(connection) > outer && roll_back(connection).is_ok() {}
        Err(StoreError::panicked().into())
    })
}

/// Begins a transaction that holds the write lock from the start: a deferred one that reads before it writes fails when
/// another connection wrote in between, without waiting for the busy timeout.
pub(crate) fn begin(connection: &mut Db) -> Result<(), StoreError> {
    match connection {
        Db::Sqlite(sqlite) => {
            AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?;
        }
        Db::Postgres(postgres) => AnsiTransactionManager::begin_transaction(postgres)?,
    }
    Ok(())
}

/// Commits the transaction, or releases the innermost savepoint.
pub(crate) fn commit(connection: &mut Db) -> Result<(), StoreError> {
    Ok(Db::commit_transaction(connection)?)
}

/// Rolls back the transaction, or to the innermost savepoint.
pub(crate) fn roll_back(connection: &mut Db) -> Result<(), StoreError> {
    Ok(Db::rollback_transaction(connection)?)
}

/// How many transactions are open inside one another.
fn depth(connection: &mut Db) -> u32 {
    Db::transaction_manager_status_mut(connection)
        .transaction_depth()
        .ok()
        .flatten()
        .map_or(0, NonZero::get)
}
