//! Threads for work that is slow on purpose, with a bounded queue and a deadline. What the work is, is not known here.

use std::{
    io,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

/// Why a piece of work has no result. Neither says anything about the work itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The queue is full, or the work waited longer than the deadline: ask again later.
    #[error("too many passwords are being hashed")]
    Overloaded,
    /// The threads are gone or the work broke off: a fault of ours.
    #[error("the password could not be hashed")]
    Stopped,
}

type Job = Box<dyn FnOnce() + Send>;

/// A handle to the threads; they end when its last clone is dropped.
#[derive(Clone, Debug)]
pub struct Pool {
    jobs: SyncSender<Job>,
    deadline: Duration,
}

impl Pool {
    /// Starts `threads` threads (0: as many as the machine has cores) with a queue of at most `queue` waiting jobs.
    ///
    /// Fails when the system gives no thread. On Linux each thread runs at nice 10: where hashing and the rest want
    /// the same core, the rest goes first.
    pub fn start(threads: usize, queue: usize, deadline: Duration) -> io::Result<Self> {
        Self::start_watched(threads, queue, deadline).map(|(pool, _)| pool)
    }

    fn start_watched(
        threads: usize,
        queue: usize,
        deadline: Duration,
    ) -> io::Result<(Self, Weak<Mutex<Receiver<Job>>>)> {
        let threads = match threads {
            0 => thread::available_parallelism().map_or(1, NonZero::get),
            given => given,
        };
        let (jobs, receiver) = sync_channel(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 1..=threads {
            let receiver = Arc::clone(&receiver);
            thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || work_on(&receiver))?;
        }
        Ok((Self { jobs, deadline }, Arc::downgrade(&receiver)))
    }

    /// Runs `work` on one of the threads and waits for its result; needs a Tokio runtime with its timer on.
    ///
    /// A full queue is [`HashError::Overloaded`] at once; so is a job that no thread has begun within the deadline,
    /// and none begins it then. One that was begun is waited for. When this future is dropped before a thread has
    /// begun, the work is not done. Work that panics is [`HashError::Stopped`].
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let (answer, mut answered) = oneshot::channel();
        // Whoever sets it first decides: the thread begins the job, or the asker gives it up.
        let decided = Arc::new(AtomicBool::new(false));
        let begun = Arc::clone(&decided);
        let job: Job = Box::new(move || {
            if !answer.is_closed() && !begun.swap(true, Ordering::SeqCst) {
                // An asker who left in the meantime misses nothing.
                drop(answer.send(work()));
            }
        });
        self.jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => HashError::Overloaded,
            TrySendError::Disconnected(_) => HashError::Stopped,
        })?;
        match tokio::time::timeout(self.deadline, &mut answered).await {
            Ok(answer) => answer,
            Err(_) if !decided.swap(true, Ordering::SeqCst) => return Err(HashError::Overloaded),
            Err(_) => answered.await,
        }
        .map_err(|_| HashError::Stopped)
    }
}

fn work_on(receiver: &Mutex<Receiver<Job>>) {
    lower_priority();
    loop {
        let next = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(job) = next else { return };
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("hashing a password panicked; the thread goes on");
        }
    }
}

/// On Linux a priority set for "process 0" is that of the calling thread alone (setpriority(2), section "C
/// library/kernel differences"); elsewhere it would slow the whole server down.
#[cfg(target_os = "linux")]
fn lower_priority() {
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        tracing::warn!(%error, "password hashing runs at normal priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Instant};

    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    type Task = JoinHandle<Result<(), HashError>>;

    /// Keeps one thread busy until the sender is dropped; returns when the thread has begun.
    async fn occupy(pool: &Pool) -> (mpsc::Sender<()>, Task) {
        let (release, released) = mpsc::channel::<()>();
        let (begin, has_begun) = oneshot::channel();
        let work = move || {
            begin.send(()).unwrap();
            // It ends when the sender is dropped.
            let _dropped = released.recv();
        };
        let pool = pool.clone();
        let task = tokio::spawn(async move { pool.run(work).await });
        has_begun.await.unwrap();
        (release, task)
    }

    /// Puts a job into the queue that notes when it runs.
    async fn enqueue(pool: &Pool) -> (Arc<AtomicBool>, Task) {
        let ran = Arc::new(AtomicBool::new(false));
        let (note, pool) = (Arc::clone(&ran), pool.clone());
        let work = move || note.store(true, Ordering::SeqCst);
        let task = tokio::spawn(async move { pool.run(work).await });
        yield_now().await;
        (ran, task)
    }

    #[tokio::test]
    async fn a_full_queue_is_overloaded_at_once() {
        let pool = Pool::start(1, 1, LONG).unwrap();
        let (release, first) = occupy(&pool).await;
        let (_, second) = enqueue(&pool).await;
        let asked = Instant::now();
        assert_eq!(pool.run(|| ()).await, Err(HashError::Overloaded));
        assert!(asked.elapsed() < Duration::from_millis(500));
        drop(release);
        assert_eq!(first.await.unwrap(), Ok(()));
        assert_eq!(second.await.unwrap(), Ok(()));
        assert_eq!(pool.run(|| 42).await, Ok(42));
    }

    #[tokio::test]
    async fn work_that_waited_too_long_is_overloaded_and_never_begun() {
        let pool = Pool::start(1, 8, Duration::from_millis(50)).unwrap();
        let (release, first) = occupy(&pool).await;
        let (ran, second) = enqueue(&pool).await;
        assert_eq!(second.await.unwrap(), Err(HashError::Overloaded));
        drop(release);
        assert_eq!(first.await.unwrap(), Ok(()), "what has begun is waited for");
        assert_eq!(pool.run(|| ()).await, Ok(()));
        assert!(!ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn work_whose_asker_has_gone_is_skipped() {
        let pool = Pool::start(1, 8, LONG).unwrap();
        let (release, _first) = occupy(&pool).await;
        let (ran, second) = enqueue(&pool).await;
        second.abort();
        assert!(second.await.unwrap_err().is_cancelled());
        drop(release);
        assert_eq!(pool.run(|| ()).await, Ok(()));
        assert!(!ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_panic_ends_one_job_and_no_thread() {
        let pool = Pool::start(1, 8, LONG).unwrap();
        let broken = pool.run(|| panic!("on purpose")).await;
        assert_eq!(broken, Err::<(), _>(HashError::Stopped));
        assert_eq!(pool.run(|| 42).await, Ok(42));
    }

    #[tokio::test]
    async fn dropping_the_last_handle_ends_the_threads() {
        let (pool, threads) = Pool::start_watched(3, 8, LONG).unwrap();
        let clone = pool.clone();
        drop(pool);
        assert_eq!(clone.run(|| 42).await, Ok(42));
        drop(clone);
        let asked = Instant::now();
        while threads.strong_count() > 0 && asked.elapsed() < LONG {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(threads.strong_count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_the_hashing_threads_run_at_nice_10() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let ours = priority();
        let pool = Pool::start(1, 8, LONG).unwrap();
        assert_eq!(pool.run(priority).await, Ok(10));
        assert_eq!(priority(), ours);
        assert_eq!(thread::spawn(priority).join().unwrap(), ours);
    }
}
