//! A pool of named threads with a bounded queue and a timeout, for work that blocks and must not run on an async thread.
//!
//! The pool knows nothing about the work. Each thread owns a state of type `S`, such as a database connection, which is
//! passed to every job.

mod figures;
mod queue;

use std::{
    io,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

pub use crate::worker_pool::figures::{PoolFigures, PoolUse};

use crate::worker_pool::queue::{Job, Queue};

/// The size and the limits of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// The threads are named `{name}-1`, `{name}-2` and so on.
    pub name: &'static str,
    /// The number of threads.
    pub threads: usize,
    /// How many jobs may wait for a thread; one more is rejected at once.
    pub max_waiting: usize,
    /// How long a job may wait for a thread.
    pub timeout: Duration,
    /// On Linux the threads run at nice 10, so that other threads get the cores first.
    pub low_priority: bool,
}

/// Why a job has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkError {
    /// The queue is full, or no thread was free within the timeout. The job did not begin.
    Overloaded,
    /// The job panicked.
    Stopped,
}

/// A handle to the threads. Clones share them.
///
/// Dropping the last clone blocks until the running jobs are finished, the threads have ended and their states are dropped.
pub struct WorkerPool<S: 'static>(Arc<Threads<S>>);

impl<S> Clone for WorkerPool<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> WorkerPool<S> {
    /// Starts the threads. Each calls `new_state` once.
    ///
    /// # Errors
    /// When the operating system cannot start a thread.
    pub fn start(
        settings: PoolSettings,
        new_state: impl Fn() -> S + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let mut threads = Threads {
            queue: Arc::new(Queue::new(settings.max_waiting)),
            handles: Vec::with_capacity(settings.threads),
            timeout: settings.timeout,
        };
        let new_state = Arc::new(new_state);
        for number in 1..=settings.threads {
            let (queue, new_state) = (Arc::clone(&threads.queue), Arc::clone(&new_state));
            let handle = thread::Builder::new()
                .name(format!("{}-{number}", settings.name))
                .spawn(move || {
                    if settings.low_priority {
                        lower_priority();
                    }
                    run_jobs(&queue, &mut new_state());
                })?;
            threads.handles.push(handle);
        }
        Ok(Self(Arc::new(threads)))
    }

    /// Runs `work` on one of the threads and returns its result. Requires a Tokio runtime with its timer enabled.
    ///
    /// A job that has begun is waited for, however long it takes. When this future is dropped before the job has begun,
    /// the job is removed from the queue.
    ///
    /// # Errors
    /// [`WorkError::Overloaded`] at once when the queue is full, or after the timeout when no thread has begun the job: it
    /// is removed from the queue then. [`WorkError::Stopped`] when the job panicked.
    pub async fn run<T, F>(&self, work: F) -> Result<T, WorkError>
    where
        F: FnOnce(&mut S) -> T + Send + 'static,
        T: Send + 'static,
    {
        let queue = &*self.0.queue;
        let (sender, mut receiver) = oneshot::channel();
        let job: Job<S> = Box::new(move |state| {
            // The receiver is gone when the caller stopped waiting.
            drop(sender.send(work(state)));
        });
        let Some(id) = queue.push(job) else {
            queue.pool_use.reject();
            return Err(WorkError::Overloaded);
        };
        let mut entry = Entry {
            queue,
            id,
            may_be_queued: true,
        };
        let answer = match tokio::time::timeout(self.0.timeout, &mut receiver).await {
            Ok(answer) => answer,
            Err(_) if entry.cancel() => {
                queue.pool_use.reject();
                return Err(WorkError::Overloaded);
            }
            Err(_) => receiver.await,
        };
        entry.may_be_queued = false;
        answer.map_err(|_| WorkError::Stopped)
    }

    /// How the threads are used, for metrics.
    #[must_use]
    pub fn figures(&self) -> PoolFigures {
        let (idle, waiting) = self.0.queue.load();
        let size = self.0.handles.len();
        let in_use = size.saturating_sub(idle);
        self.0.queue.pool_use.figures(size, in_use, waiting)
    }
}

/// The number of cores that this process may use.
#[must_use]
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

struct Threads<S: 'static> {
    queue: Arc<Queue<S>>,
    handles: Vec<JoinHandle<()>>,
    timeout: Duration,
}

impl<S> Drop for Threads<S> {
    fn drop(&mut self) {
        self.queue.close();
        for handle in self.handles.drain(..) {
            // A job that owns the last handle drops it on a thread of the pool, which cannot wait for itself.
            if handle.thread().id() != thread::current().id() {
                // Panics of jobs are caught, so the thread has ended normally.
                let _ = handle.join();
            }
        }
    }
}

/// A job's entry in the queue, removed when the caller stops waiting.
struct Entry<'a, S: 'static> {
    queue: &'a Queue<S>,
    id: u64,
    may_be_queued: bool,
}

impl<S> Entry<'_, S> {
    /// Removes the job from the queue; `false` when it has begun.
    fn cancel(&mut self) -> bool {
        self.may_be_queued = false;
        self.queue.remove(self.id).is_some()
    }
}

impl<S> Drop for Entry<'_, S> {
    fn drop(&mut self) {
        if self.may_be_queued {
            self.queue.remove(self.id);
        }
    }
}

fn run_jobs<S>(queue: &Queue<S>, state: &mut S) {
    while let Some(job) = queue.pop() {
        let begun = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| job(state))).is_err() {
            let thread = thread::current();
            tracing::error!(thread = thread.name(), "a job panicked");
        }
        queue.pool_use.used(begun.elapsed());
    }
}

/// On Linux a priority set for "process 0" is that of the calling thread alone (setpriority(2), section "C
/// library/kernel differences"); elsewhere it would slow down the whole process.
#[cfg(target_os = "linux")]
fn lower_priority() {
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        let thread = thread::current();
        tracing::warn!(%error, thread = thread.name(), "the thread runs at normal priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            atomic::{AtomicBool, Ordering},
            mpsc,
        },
        time::Instant,
    };

    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    type Pool = WorkerPool<()>;
    type Task = JoinHandle<Result<(), WorkError>>;

    fn settings(threads: usize, max_waiting: usize, timeout: Duration) -> PoolSettings {
        PoolSettings {
            name: "test",
            threads,
            max_waiting,
            timeout,
            low_priority: true,
        }
    }

    fn pool(threads: usize, max_waiting: usize, timeout: Duration) -> Pool {
        WorkerPool::start(settings(threads, max_waiting, timeout), || ()).unwrap()
    }

    /// Keeps one thread busy until the sender is dropped; returns when the thread has begun.
    async fn occupy(pool: &Pool) -> (mpsc::Sender<()>, Task) {
        let (release, released) = mpsc::channel::<()>();
        let (begin, has_begun) = oneshot::channel();
        let work = move |(): &mut ()| {
            begin.send(()).unwrap();
            // It ends when the sender is dropped.
            let _dropped = released.recv();
        };
        let pool = pool.clone();
        let task = tokio::spawn(async move { pool.run(work).await });
        has_begun.await.unwrap();
        (release, task)
    }

    /// Adds a job to the queue that sets a flag when it runs.
    async fn enqueue(pool: &Pool) -> (Arc<AtomicBool>, Task) {
        let ran = Arc::new(AtomicBool::new(false));
        let (flag, pool) = (Arc::clone(&ran), pool.clone());
        let work = move |(): &mut ()| flag.store(true, Ordering::SeqCst);
        let task = tokio::spawn(async move { pool.run(work).await });
        yield_now().await;
        (ran, task)
    }

    #[tokio::test]
    async fn a_full_queue_is_overloaded_at_once() {
        let pool = pool(1, 1, LONG);
        let (release, first) = occupy(&pool).await;
        let (_, second) = enqueue(&pool).await;
        let started = Instant::now();
        assert_eq!(pool.run(|()| ()).await, Err(WorkError::Overloaded));
        assert!(started.elapsed() < Duration::from_millis(500));
        drop(release);
        assert_eq!(first.await.unwrap(), Ok(()));
        assert_eq!(second.await.unwrap(), Ok(()));
        assert_eq!(pool.run(|()| 42).await, Ok(42));
    }

    #[tokio::test]
    async fn the_figures_show_the_load() {
        let pool = pool(1, 1, LONG);
        let (release, first) = occupy(&pool).await;
        let (_, second) = enqueue(&pool).await;
        assert_eq!(pool.run(|()| ()).await, Err(WorkError::Overloaded));
        let figures = pool.figures();
        assert_eq!((figures.size, figures.in_use, figures.waiting), (1, 1, 1));
        assert_eq!((figures.rejected, figures.waits.count()), (1, 1));
        drop(release);
        assert_eq!(first.await.unwrap(), Ok(()));
        assert_eq!(second.await.unwrap(), Ok(()));
        let figures = pool.figures();
        assert_eq!((figures.waiting, figures.waits.count()), (0, 2));
    }

    #[tokio::test]
    async fn a_job_that_waited_too_long_is_overloaded_and_never_begins() {
        let pool = pool(1, 8, Duration::from_millis(50));
        let (release, first) = occupy(&pool).await;
        let (ran, second) = enqueue(&pool).await;
        assert_eq!(second.await.unwrap(), Err(WorkError::Overloaded));
        drop(release);
        assert_eq!(first.await.unwrap(), Ok(()), "a running job is waited for");
        assert_eq!(pool.run(|()| ()).await, Ok(()));
        assert!(!ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_job_of_a_dropped_future_leaves_the_queue() {
        let pool = pool(1, 1, LONG);
        let (release, _first) = occupy(&pool).await;
        let (ran, second) = enqueue(&pool).await;
        second.abort();
        assert!(second.await.unwrap_err().is_cancelled());
        let (_, third) = enqueue(&pool).await;
        drop(release);
        assert_eq!(third.await.unwrap(), Ok(()), "there was a free entry");
        assert_eq!(pool.run(|()| ()).await, Ok(()));
        assert!(!ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_panic_ends_one_job_and_no_thread() {
        let pool = pool(1, 8, LONG);
        let broken = pool.run(|()| panic!("on purpose")).await;
        assert_eq!(broken, Err::<(), _>(WorkError::Stopped));
        assert_eq!(pool.run(|()| 42).await, Ok(42));
    }

    #[tokio::test]
    async fn dropping_the_last_handle_waits_for_the_threads() {
        let shared = Arc::new(());
        let state = Arc::clone(&shared);
        let pool = WorkerPool::start(settings(3, 8, LONG), move || Arc::clone(&state)).unwrap();
        let clone = pool.clone();
        drop(pool);
        assert_eq!(clone.run(|_| 42).await, Ok(42));
        drop(clone);
        assert_eq!(Arc::strong_count(&shared), 1);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_the_threads_of_a_low_priority_pool_run_at_nice_10() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let normal = priority();
        let pool = pool(1, 8, LONG);
        assert_eq!(pool.run(move |()| priority()).await, Ok(10));
        assert_eq!(priority(), normal);
        assert_eq!(thread::spawn(priority).join().unwrap(), normal);
    }
}
