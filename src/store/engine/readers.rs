//! SQLite's readers: a few threads, each with a connection of its own, and one queue before them.
//!
//! To look a row up by its key is a matter of microseconds: handing it to a thread costs more than the look-up itself
//! wherever a thread has to be woken for it. So there are no more readers than cores; under load they find the next
//! request in the queue instead of going to sleep. Lists and searches, which may take long, have a crew of their own.

use std::{
    collections::VecDeque,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use diesel::r2d2::ManageConnection;
use tokio::sync::oneshot;

use crate::store::{
    MAX_WAITING,
    engine::connection::{Db, Manager, Pooled, ping},
    error::{StoreError, StoreFailure},
};

type Job = Box<dyn FnOnce(Result<&mut Db, StoreError>) -> Health + Send>;

/// What a job found out about the connection it ran on.
enum Health {
    Sound,
    /// A statement failed; the connection has to prove itself.
    Suspect,
}

/// Threads that do one kind of work.
pub(crate) struct Crew {
    name: &'static str,
    threads: usize,
    /// They run when nobody else wants the core.
    yields: bool,
}

impl Crew {
    /// Those who look rows up by their keys, at most `most` of them.
    pub(crate) fn of_look_ups(most: u32) -> Self {
        Self {
            name: "store-reader",
            threads: cores().max(2).min(usize::try_from(most).unwrap_or(2)),
            yields: false,
        }
    }

    /// Those who look through many rows, at most `most` of them.
    pub(crate) fn of_lists(most: u32) -> Self {
        Self {
            name: "store-lister",
            yields: true,
            ..Self::of_look_ups(most)
        }
    }

    /// How many they are.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// The handle to the readers' threads; they end with the last of its clones.
#[derive(Clone)]
pub(crate) struct Readers {
    ending: Arc<Ending>,
    timeout: Duration,
}

/// Lets the threads go when the last handle does, and waits until they have closed their connections: the last one to be
/// closed puts SQLite's journal away.
struct Ending {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.queue.lock().ended = true;
        self.queue.ready.notify_all();
        for thread in self.threads.drain(..) {
            // One that panicked has nothing left to close.
            let _ = thread.join();
        }
    }
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Threads that sleep and have not been called yet.
    idle: usize,
    ended: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job; `false` when too many wait.
    fn push(&self, job: Job) -> bool {
        let mut state = self.lock();
        if state.jobs.len() >= MAX_WAITING {
            return false;
        }
        state.jobs.push_back(job);
        let call = state.idle > 0;
        if call {
            state.idle -= 1;
        }
        drop(state);
        if call {
            self.ready.notify_one();
        }
        true
    }

    /// The next job; waits for one. `None` at the end.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.ended {
                return None;
            }
            state.idle += 1;
            state = self
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Readers {
    /// Starts the threads. A connection is opened when its thread has its first job.
    pub(crate) fn start(
        manager: &Manager,
        crew: &Crew,
        timeout: Duration,
    ) -> Result<Self, StoreError> {
        let mut ending = Ending {
            queue: Arc::default(),
            threads: Vec::with_capacity(crew.threads),
        };
        let yields = crew.yields;
        for number in 1..=crew.threads {
            let (queue, manager) = (Arc::clone(&ending.queue), manager.clone());
            let thread = std::thread::Builder::new()
                .name(format!("{}-{number}", crew.name))
                .spawn(move || {
                    if yields {
                        lower_priority();
                    }
                    run(&queue, &manager);
                })
                .map_err(|error| StoreError::Unavailable(error.to_string()))?;
            ending.threads.push(thread);
        }
        Ok(Self {
            ending: Arc::new(ending),
            timeout,
        })
    }

    /// Runs `f` on a reader's connection. [`StoreError::Overloaded`] when none has begun it in time.
    pub(crate) async fn run<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: StoreFailure + Send + 'static,
    {
        let (sender, mut answered) = oneshot::channel::<Result<T, E>>();
        // Whoever sets it first decides: the reader begins the job, or the asker gives it up.
        let decided = Arc::new(AtomicBool::new(false));
        let begun = Arc::clone(&decided);
        let job: Job = Box::new(move |connection| {
            if sender.is_closed() || begun.swap(true, Ordering::SeqCst) {
                return Health::Sound;
            }
            let result = connection.map_err(E::from).and_then(|connection| {
                catch_unwind(AssertUnwindSafe(|| f(connection))).unwrap_or_else(|_| {
                    Err(StoreError::Query("a panic in a database job".into()).into())
                })
            });
            let health = match result.as_ref().err().and_then(StoreFailure::store_error) {
                None | Some(StoreError::Conflict { .. }) => Health::Sound,
                Some(_) => Health::Suspect,
            };
            // The asker may have gone away meanwhile.
            let _ = sender.send(result);
            health
        });
        if !self.ending.queue.push(job) {
            return Err(StoreError::Overloaded.into());
        }
        match tokio::time::timeout(self.timeout, &mut answered).await {
            Ok(answer) => answer,
            Err(_) if !decided.swap(true, Ordering::SeqCst) => {
                return Err(StoreError::Overloaded.into());
            }
            Err(_) => answered.await,
        }
        .unwrap_or_else(|_| Err(StoreError::Unavailable("the server is stopping".into()).into()))
    }
}

fn run(queue: &Queue, manager: &Manager) {
    let mut open: Option<Pooled> = None;
    while let Some(job) = queue.next() {
        let connection = match &mut open {
            Some(pooled) => Ok(&mut pooled.connection),
            none => manager
                .connect()
                .map(|pooled| &mut none.insert(pooled).connection)
                .map_err(|error| StoreError::Unavailable(error.to_string())),
        };
        let answers = |pooled: &mut Pooled| ping(&mut pooled.connection).is_ok();
        if matches!(job(connection), Health::Suspect) && !open.as_mut().is_some_and(answers) {
            open = None;
        }
    }
}

/// On Linux a priority set for "process 0" is that of the calling thread alone; elsewhere it would slow the whole server.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        tracing::warn!(%error, "lists and searches run at normal priority");
    }
}
