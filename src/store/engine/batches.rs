//! Batches: on Postgres, requests of one kind share a statement and its commit.
//!
//! While a batch runs, further requests wait and become the next one. So a request that comes alone runs at once, and the more
//! come, the more of them share the round trip and the wait for the disk: 2.5 times as many refreshes of 32 clients in a
//! prototype.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::store::engine::connection::Db;
use crate::store::engine::postgres_pool::{PostgresPool, with_retries};
use crate::store::error::StoreError;

/// How many requests may wait for their batch; one more is rejected at once.
const MAX_WAITING: usize = 4096;
/// How many batches run before other users of the pool may get the connection.
const BATCHES_PER_CONNECTION: usize = 16;

/// Runs a batch as one statement. `None` for a request that must run alone.
type RunBatch<T, R> = fn(&mut Db, &[T]) -> Result<Vec<Option<R>>, StoreError>;

/// What a batch does.
pub(crate) struct Work<T, R> {
    /// How many requests one batch has at most.
    pub(crate) max: usize,
    /// Runs a batch.
    pub(crate) run: RunBatch<T, R>,
    /// Runs a request as one statement.
    pub(crate) run_alone: fn(&mut Db, &T) -> Result<R, StoreError>,
}

/// The requests of one kind. Clones share them.
pub(crate) struct Batches<T: 'static, R: 'static>(Arc<Shared<T, R>>);

impl<T, R> Clone for Batches<T, R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Shared<T, R> {
    pool: PostgresPool,
    work: Work<T, R>,
    queue: Mutex<Queue<T, R>>,
}

struct Queue<T, R> {
    waiting: VecDeque<Waiting<T, R>>,
    /// Whether a task runs batches until none waits.
    is_running: bool,
}

struct Waiting<T, R> {
    request: T,
    answer: oneshot::Sender<Result<R, StoreError>>,
}

impl<T: Send + Sync, R: Send> Batches<T, R> {
    pub(crate) fn new(pool: PostgresPool, work: Work<T, R>) -> Self {
        let queue = Queue {
            waiting: VecDeque::new(),
            is_running: false,
        };
        Self(Arc::new(Shared {
            pool,
            work,
            queue: Mutex::new(queue),
        }))
    }

    /// Runs a request in a batch. It runs to its end also when this future is dropped.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] when too many requests wait or no connection is free in time;
    /// [`StoreError::Unavailable`] when the connection of the batch broke; the errors of the statement.
    pub(crate) async fn run(&self, request: T) -> Result<R, StoreError> {
        let (answer, receiver) = oneshot::channel();
        let is_first = {
            let mut queue = self.0.queue();
            if queue.waiting.len() >= MAX_WAITING {
                return Err(StoreError::Overloaded);
            }
            queue.waiting.push_back(Waiting { request, answer });
            !std::mem::replace(&mut queue.is_running, true)
        };
        if is_first {
            tokio::spawn(Runner(Some(Arc::clone(&self.0))).run());
        }
        receiver
            .await
            .unwrap_or_else(|_| Err(StoreError::unavailable("the server is stopping")))
    }
}

impl<T, R> Shared<T, R> {
    fn queue(&self) -> MutexGuard<'_, Queue<T, R>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch. Empty, and nobody runs batches any more, if none waits.
    fn next(&self) -> Vec<Waiting<T, R>> {
        let mut queue = self.queue();
        let size = queue.waiting.len().min(self.work.max);
        queue.is_running = size > 0;
        queue.waiting.drain(..size).collect()
    }
}

/// Runs batches until none waits. If it is dropped before, those that wait get an error.
struct Runner<T: 'static, R: 'static>(Option<Arc<Shared<T, R>>>);

impl<T: 'static, R: 'static> Drop for Runner<T, R> {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            let mut queue = shared.queue();
            queue.is_running = false;
            queue.waiting.clear();
        }
    }
}

impl<T: Send + Sync, R: Send> Runner<T, R> {
    async fn run(mut self) {
        while let Some(shared) = &self.0 {
            let running = Arc::clone(shared);
            let has_more = shared.pool.spawn_blocking(move |pool| {
                let mut batches = (0..BATCHES_PER_CONNECTION).map(|_| running.next());
                Ok(batches.all(|batch| {
                    !batch.is_empty() && {
                        running.run_batch(pool, batch);
                        true
                    }
                }))
            });
            match has_more.await {
                Ok(true) => {}
                Ok(false) => self.0 = None,
                Err(error) => {
                    let mut queue = shared.queue();
                    queue.is_running = false;
                    for Waiting { answer, .. } in queue.waiting.drain(..) {
                        let _ = answer.send(Err(same(&error)));
                    }
                    drop(queue);
                    self.0 = None;
                }
            }
        }
    }
}

impl<T: Send + Sync + 'static, R: Send + 'static> Shared<T, R> {
    fn run_batch(self: &Arc<Self>, pool: &PostgresPool, batch: Vec<Waiting<T, R>>) {
        let (requests, answers): (Vec<T>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| (waiting.request, waiting.answer))
            .unzip();
        let result =
            pool.run_once(|connection| with_retries(|| (self.work.run)(connection, &requests)));
        let results: Vec<Result<Option<R>, StoreError>> = match result {
            Ok(results) => results.into_iter().map(Ok).collect(),
            // Nothing was written. One of the requests may be the reason: each shows it alone.
            Err(StoreError::Query(_) | StoreError::Conflict { .. }) if requests.len() > 1 => {
                requests.iter().map(|_| Ok(None)).collect()
            }
            Err(error) => requests.iter().map(|_| Err(same(&error))).collect(),
        };
        for ((request, answer), result) in requests.into_iter().zip(answers).zip(results) {
            match result.transpose() {
                // The receiver is gone when the caller stopped waiting.
                Some(result) => drop(answer.send(result)),
                None => self.run_alone(Waiting { request, answer }),
            }
        }
    }

    /// Runs a request on a connection of its own: it may have to wait for a lock.
    fn run_alone(self: &Arc<Self>, waiting: Waiting<T, R>) {
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let Waiting { request, answer } = waiting;
            let pool = shared.pool.clone();
            let alone = pool.spawn_blocking(move |pool| {
                pool.run_once(|connection| {
                    with_retries(|| (shared.work.run_alone)(connection, &request))
                })
            });
            drop(answer.send(alone.await));
        });
    }
}

/// The same error for another request of the batch.
fn same(error: &StoreError) -> StoreError {
    match error {
        StoreError::Overloaded => StoreError::Overloaded,
        StoreError::Unavailable(reason) => StoreError::Unavailable(reason.clone()),
        StoreError::Query(_) | StoreError::Conflict { .. } => StoreError::Query(error.to_string()),
    }
}
