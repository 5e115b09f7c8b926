//! The queue in front of hashing threads. Groups of callers (the networks of strangers, or accounts) take turns in order,
//! however many passwords one of them sends.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::services::mutex::lock;
use crate::worker_pool::{PoolFigures, PoolUse, WorkError};

/// The queue. Clones share it.
#[derive(Clone)]
pub(super) struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    threads: usize,
    places: usize,
    timeout: Duration,
    pool_use: PoolUse,
}

#[derive(Default)]
struct State {
    running: usize,
    next_id: u64,
    waiting: Vec<Waiting>,
    /// How many passwords have got a thread after waiting.
    served: u64,
}

struct Waiting {
    id: u64,
    group: String,
    /// How many passwords of the same group were waiting before it.
    round: usize,
    turn: oneshot::Sender<Turn>,
}

/// The permission to use one thread, until it is dropped.
pub(super) struct Turn {
    shared: Option<Arc<Shared>>,
    /// When the thread was free.
    begun: Instant,
}

impl Turn {
    fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Some(Arc::clone(shared)),
            begun: Instant::now(),
        }
    }
}

impl Queue {
    /// A queue with this many places in front of so many threads.
    pub(super) fn new(threads: usize, places: usize, timeout: Duration) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            threads,
            places,
            timeout,
            pool_use: PoolUse::default(),
        }))
    }

    /// How the threads are used, for metrics.
    pub(super) fn figures(&self) -> PoolFigures {
        let (running, waiting) = {
            let state = lock(&self.0.state);
            (state.running, state.waiting.len())
        };
        self.0.pool_use.figures(self.0.threads, running, waiting)
    }

    /// Waits for a thread.
    ///
    /// # Errors
    /// [`WorkError::Overloaded`] if the queue is full, after the timeout, or when the place is given to a group that has
    /// fewer passwords in the queue.
    pub(super) async fn turn(&self, group: String) -> Result<Turn, WorkError> {
        let (asked, pool_use) = (Instant::now(), &self.0.pool_use);
        let turn = self.wait(group).await;
        match &turn {
            Ok(_) => pool_use.waited(asked.elapsed()),
            Err(_) => pool_use.reject(),
        }
        turn
    }

    async fn wait(&self, group: String) -> Result<Turn, WorkError> {
        let (sender, receiver) = oneshot::channel();
        let id = self.join(group, sender)?;
        // Leaves the queue also when this future is dropped.
        let _place = Place { queue: self, id };
        match tokio::time::timeout(self.0.timeout, receiver).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(WorkError::Overloaded),
        }
    }

    fn join(&self, group: String, turn: oneshot::Sender<Turn>) -> Result<u64, WorkError> {
        let mut state = lock(&self.0.state);
        let id = state.next_id;
        state.next_id += 1;
        if state.running < self.0.threads {
            state.running += 1;
            drop(state);
            // If the receiver is gone, the dropped turn goes to the next.
            let _ = turn.send(Turn::new(&self.0));
            return Ok(id);
        }
        let of_group = state.waiting.iter().filter(|one| one.group == group);
        let round = of_group.count();
        if state.waiting.len() >= self.0.places {
            state.displace(round)?;
        }
        state.waiting.push(Waiting {
            id,
            group,
            round,
            turn,
        });
        Ok(id)
    }
}

impl State {
    /// Removes the last password in order, if it is of a later round than this one.
    fn displace(&mut self, round: usize) -> Result<(), WorkError> {
        let order = |at: &usize| (self.waiting[*at].round, self.waiting[*at].id);
        let last = (0..self.waiting.len()).max_by_key(order);
        let last = last.filter(|at| self.waiting[*at].round > round);
        self.waiting.swap_remove(last.ok_or(WorkError::Overloaded)?);
        Ok(())
    }

    /// The next password in order. Every eighth time it is the one that has waited the longest, so that many small groups do
    /// not keep others waiting for good.
    fn next(&mut self) -> Option<Waiting> {
        self.served = self.served.wrapping_add(1);
        let is_fair = !self.served.is_multiple_of(8);
        let order = |at: &usize| {
            let waiting = &self.waiting[*at];
            (if is_fair { waiting.round } else { 0 }, waiting.id)
        };
        let first = (0..self.waiting.len()).min_by_key(order)?;
        Some(self.waiting.swap_remove(first))
    }

    fn remove(&mut self, id: u64) {
        self.waiting.retain(|waiting| waiting.id != id);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(shared) = self.shared.take() else {
            return;
        };
        shared.pool_use.used(self.begun.elapsed());
        let mut state = lock(&shared.state);
        while let Some(waiting) = state.next() {
            match waiting.turn.send(Turn::new(&shared)) {
                Ok(()) => return,
                // It has stopped waiting: the next one gets the thread.
                Err(mut unused) => drop(unused.shared.take()),
            }
        }
        state.running -= 1;
    }
}

/// A place in the queue, left when it is dropped.
struct Place<'a> {
    queue: &'a Queue,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        lock(&self.queue.0.state).remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    type Log = Arc<Mutex<Vec<String>>>;

    /// Joins the queue; notes its label when it gets the thread, and gives it back.
    async fn join(queue: &Queue, log: &Log, label: &str, group: &str) -> JoinHandle<bool> {
        let (queue, log, label) = (queue.clone(), Arc::clone(log), label.to_owned());
        let group = group.to_owned();
        let task = tokio::spawn(async move {
            let turn = queue.turn(group).await;
            if turn.is_ok() {
                lock(&log).push(label);
            }
            turn.is_ok()
        });
        yield_now().await;
        task
    }

    #[tokio::test]
    async fn groups_take_turns_however_many_passwords_each_sends() {
        let (queue, log) = (Queue::new(1, 16, LONG), Log::default());
        let running = queue.turn("a".to_owned()).await;
        let mut tasks = Vec::new();
        for label in ["a1", "a2", "a3", "b1", "c1", "b2"] {
            tasks.push(join(&queue, &log, label, &label[..1]).await);
        }
        drop(running);
        for task in tasks {
            assert!(task.await.unwrap());
        }
        assert_eq!(*lock(&log), ["a1", "b1", "c1", "a2", "b2", "a3"]);
    }

    #[tokio::test]
    async fn every_eighth_turn_goes_to_the_password_that_has_waited_the_longest() {
        let (queue, log) = (Queue::new(1, 16, LONG), Log::default());
        let running = queue.turn("a".to_owned()).await;
        let mut tasks = Vec::new();
        for label in ["a1", "a2", "a3", "b", "c", "d", "e", "f", "g", "h"] {
            tasks.push(join(&queue, &log, label, &label[..1]).await);
        }
        drop(running);
        for task in tasks {
            assert!(task.await.unwrap());
        }
        let order = ["a1", "b", "c", "d", "e", "f", "g", "a2", "h", "a3"];
        assert_eq!(*lock(&log), order);
    }

    #[tokio::test]
    async fn a_full_queue_gives_a_place_of_the_greediest_group_to_another_one() {
        let (queue, log) = (Queue::new(1, 6, LONG), Log::default());
        let running = queue.turn("a".to_owned()).await;
        let mut flood = Vec::new();
        for number in 0..6 {
            flood.push(join(&queue, &log, &format!("a{number}"), "a").await);
        }
        assert_eq!(
            queue.turn("a".to_owned()).await.err(),
            Some(WorkError::Overloaded)
        );
        let other = join(&queue, &log, "b", "b").await;
        assert!(!flood.pop().unwrap().await.unwrap(), "it lost its place");
        let figures = queue.figures();
        assert_eq!((figures.in_use, figures.waiting), (1, 6));
        assert_eq!((figures.rejected, figures.waits.count()), (2, 1));
        drop(running);
        assert!(other.await.unwrap());
        for task in flood {
            assert!(task.await.unwrap());
        }
        assert_eq!(lock(&log)[..3], ["a0", "b", "a1"]);
    }

    #[tokio::test]
    async fn who_stops_waiting_or_waits_too_long_leaves_the_queue() {
        let (queue, log) = (Queue::new(1, 8, Duration::from_millis(50)), Log::default());
        let running = queue.turn("a".to_owned()).await;
        let stopped = join(&queue, &log, "stopped", "a").await;
        stopped.abort();
        assert!(stopped.await.unwrap_err().is_cancelled());
        assert_eq!(
            queue.turn("a".to_owned()).await.err(),
            Some(WorkError::Overloaded)
        );
        assert!(lock(&queue.0.state).waiting.is_empty());
        drop(running);
        assert!(queue.turn("a".to_owned()).await.is_ok());
        assert_eq!(lock(&queue.0.state).running, 0);
    }
}
