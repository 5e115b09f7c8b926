//! The queue of a pool's jobs, which its threads take in order.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::worker_pool::figures::PoolUse;

/// What a thread does once.
pub(super) type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// The queue.
pub(super) struct Queue<S: 'static> {
    state: Mutex<QueueState<S>>,
    ready: Condvar,
    max_waiting: usize,
    /// What is counted.
    pub(super) pool_use: PoolUse,
}

struct QueueState<S: 'static> {
    /// Ordered by id.
    jobs: VecDeque<Waiting<S>>,
    next_id: u64,
    /// Threads that sleep and have not been notified.
    idle: usize,
    is_closed: bool,
}

struct Waiting<S> {
    id: u64,
    since: Instant,
    job: Job<S>,
}

impl<S> Queue<S> {
    /// An empty queue.
    pub(super) fn new(max_waiting: usize) -> Self {
        Self {
            state: Mutex::new(QueueState {
                jobs: VecDeque::new(),
                next_id: 0,
                idle: 0,
                is_closed: false,
            }),
            ready: Condvar::new(),
            max_waiting,
            pool_use: PoolUse::default(),
        }
    }

    /// How many threads are idle, and how many jobs wait.
    pub(super) fn load(&self) -> (usize, usize) {
        let state = self.lock();
        (state.idle, state.jobs.len())
    }

    /// Lets the threads end once no job waits.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.ready.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, QueueState<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job and returns its id; `None` when the queue is full.
    pub(super) fn push(&self, job: Job<S>) -> Option<u64> {
        let mut state = self.lock();
        if state.jobs.len() >= self.max_waiting {
            return None;
        }
        let id = state.next_id;
        state.next_id += 1;
        state.jobs.push_back(Waiting {
            id,
            since: Instant::now(),
            job,
        });
        let notify = state.idle > 0;
        if notify {
            state.idle -= 1;
        }
        drop(state);
        if notify {
            self.ready.notify_one();
        }
        Some(id)
    }

    /// Waits for the next job; `None` when the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<Job<S>> {
        let mut state = self.lock();
        loop {
            if let Some(Waiting { since, job, .. }) = state.jobs.pop_front() {
                drop(state);
                self.pool_use.waited(since.elapsed());
                return Some(job);
            }
            if state.is_closed {
                return None;
            }
            state.idle += 1;
            state = self
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Removes a job that has not begun; `None` when it has.
    pub(super) fn remove(&self, id: u64) -> Option<Job<S>> {
        let mut state = self.lock();
        let index = state.jobs.binary_search_by_key(&id, |one| one.id).ok()?;
        state.jobs.remove(index).map(|one| one.job)
    }
}
