//! The queue in front of the hashing threads. A share of it is reserved for trusted callers, who also get three of four turns.
//! The rest is divided among networks: each gets its turn in order, however many passwords one of them sends.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::oneshot;

use crate::services::mutex::lock;
use crate::worker_pool::WorkError;

/// How soon the password of a caller is hashed.
#[derive(Clone, Debug)]
pub enum Priority {
    /// A known device, or a caller who is already authenticated.
    Trusted,
    /// Any other caller, by network.
    Network(String),
}

/// The reserved share of the queue: one place of this many.
const RESERVED: usize = 4;

/// The queue. Clones share it.
#[derive(Clone)]
pub(super) struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    threads: usize,
    /// The places of all callers together, and of networks alone.
    places: usize,
    places_of_networks: usize,
    timeout: Duration,
}

#[derive(Default)]
struct State {
    running: usize,
    next_id: u64,
    trusted: VecDeque<Waiting>,
    networks: Vec<Waiting>,
    /// How many passwords have got a thread.
    served: u64,
}

struct Waiting {
    id: u64,
    network: String,
    /// How many passwords of the same network were waiting before it.
    round: usize,
    turn: oneshot::Sender<Turn>,
}

/// The permission to use one thread, until it is dropped.
pub(super) struct Turn(Option<Arc<Shared>>);

impl Queue {
    pub(super) fn new(threads: usize, max_waiting: usize, timeout: Duration) -> Self {
        let reserved = max_waiting.div_ceil(RESERVED);
        let places_of_networks = max_waiting.saturating_sub(reserved).max(1);
        Self(Arc::new(Shared {
            state: Mutex::default(),
            threads,
            places: places_of_networks + reserved,
            places_of_networks,
            timeout,
        }))
    }

    /// Waits for a thread.
    ///
    /// # Errors
    /// [`WorkError::Overloaded`] if the queue is full, after the timeout, or when the place is given to a network that has
    /// fewer passwords in the queue.
    pub(super) async fn turn(&self, priority: Priority) -> Result<Turn, WorkError> {
        let (sender, receiver) = oneshot::channel();
        let id = self.join(priority, sender)?;
        // Leaves the queue also when this future is dropped.
        let _place = Place { queue: self, id };
        match tokio::time::timeout(self.0.timeout, receiver).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(WorkError::Overloaded),
        }
    }

    fn join(&self, priority: Priority, turn: oneshot::Sender<Turn>) -> Result<u64, WorkError> {
        let mut state = lock(&self.0.state);
        let id = state.next_id;
        state.next_id += 1;
        if state.running < self.0.threads {
            state.running += 1;
            drop(state);
            // If the receiver is gone, the dropped turn goes to the next.
            let _ = turn.send(Turn(Some(Arc::clone(&self.0))));
            return Ok(id);
        }
        let waiting = |network, round| Waiting {
            id,
            network,
            round,
            turn,
        };
        let is_full = state.trusted.len() + state.networks.len() >= self.0.places;
        match priority {
            Priority::Trusted if is_full => return Err(WorkError::Overloaded),
            Priority::Trusted => state.trusted.push_back(waiting(String::new(), 0)),
            Priority::Network(network) => {
                let of_network = state.networks.iter().filter(|one| one.network == network);
                let round = of_network.count();
                if is_full || state.networks.len() >= self.0.places_of_networks {
                    state.displace(round)?;
                }
                state.networks.push(waiting(network, round));
            }
        }
        Ok(id)
    }
}

impl State {
    /// Removes the last password in order, if it is of a later round than this one.
    fn displace(&mut self, round: usize) -> Result<(), WorkError> {
        let order = |at: &usize| (self.networks[*at].round, self.networks[*at].id);
        let last = (0..self.networks.len()).max_by_key(order);
        let last = last.filter(|at| self.networks[*at].round > round);
        self.networks
            .swap_remove(last.ok_or(WorkError::Overloaded)?);
        Ok(())
    }

    /// The next password in order. Every fourth time it is one of a network, and every eighth time the one that has waited
    /// the longest, so that neither a known device nor many small networks keep others waiting for good.
    fn next(&mut self) -> Option<Waiting> {
        self.served = self.served.wrapping_add(1);
        let turn_of_trusted = !self.served.is_multiple_of(4) || self.networks.is_empty();
        if turn_of_trusted && let Some(trusted) = self.trusted.pop_front() {
            return Some(trusted);
        }
        let is_fair = !self.served.is_multiple_of(8);
        let order = |at: &usize| {
            let waiting = &self.networks[*at];
            (if is_fair { waiting.round } else { 0 }, waiting.id)
        };
        let first = (0..self.networks.len()).min_by_key(order)?;
        Some(self.networks.swap_remove(first))
    }

    fn remove(&mut self, id: u64) {
        self.trusted.retain(|waiting| waiting.id != id);
        self.networks.retain(|waiting| waiting.id != id);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(shared) = self.0.take() else {
            return;
        };
        let mut state = lock(&shared.state);
        while let Some(waiting) = state.next() {
            match waiting.turn.send(Turn(Some(Arc::clone(&shared)))) {
                Ok(()) => return,
                // It has stopped waiting: the next one gets the thread.
                Err(mut unused) => drop(unused.0.take()),
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

    fn network(name: &str) -> Priority {
        Priority::Network(name.to_owned())
    }

    /// Joins the queue; notes its label when it gets the thread, and gives it back.
    async fn join(queue: &Queue, log: &Log, label: &str, priority: Priority) -> JoinHandle<bool> {
        let (queue, log, label) = (queue.clone(), Arc::clone(log), label.to_owned());
        let task = tokio::spawn(async move {
            let turn = queue.turn(priority).await;
            if turn.is_ok() {
                lock(&log).push(label);
            }
            turn.is_ok()
        });
        yield_now().await;
        task
    }

    #[tokio::test]
    async fn networks_take_turns_and_trusted_callers_go_first() {
        let (queue, log) = (Queue::new(1, 16, LONG), Log::default());
        let running = queue.turn(network("a")).await;
        let mut tasks = Vec::new();
        for label in ["a1", "a2", "a3", "b1", "c1", "b2"] {
            tasks.push(join(&queue, &log, label, network(&label[..1])).await);
        }
        tasks.push(join(&queue, &log, "trusted", Priority::Trusted).await);
        drop(running);
        for task in tasks {
            assert!(task.await.unwrap());
        }
        assert_eq!(*lock(&log), ["trusted", "a1", "b1", "c1", "a2", "b2", "a3"]);
    }

    #[tokio::test]
    async fn a_full_queue_gives_a_place_of_the_greediest_network_to_another_one() {
        let (queue, log) = (Queue::new(1, 8, LONG), Log::default());
        let running = queue.turn(network("a")).await;
        let mut flood = Vec::new();
        for number in 0..6 {
            flood.push(join(&queue, &log, &format!("a{number}"), network("a")).await);
        }
        assert_eq!(
            queue.turn(network("a")).await.err(),
            Some(WorkError::Overloaded)
        );
        let other = join(&queue, &log, "b", network("b")).await;
        assert!(!flood.pop().unwrap().await.unwrap(), "it lost its place");
        // Two places are left for the trusted.
        let trusted = [
            join(&queue, &log, "t0", Priority::Trusted).await,
            join(&queue, &log, "t1", Priority::Trusted).await,
        ];
        assert_eq!(
            queue.turn(Priority::Trusted).await.err(),
            Some(WorkError::Overloaded)
        );
        drop(running);
        assert!(other.await.unwrap());
        for task in flood.into_iter().chain(trusted) {
            assert!(task.await.unwrap());
        }
        assert_eq!(lock(&log)[..4], ["t0", "t1", "a0", "b"]);
    }

    #[tokio::test]
    async fn who_stops_waiting_or_waits_too_long_leaves_the_queue() {
        let (queue, log) = (Queue::new(1, 8, Duration::from_millis(50)), Log::default());
        let running = queue.turn(network("a")).await;
        let stopped = join(&queue, &log, "stopped", network("a")).await;
        stopped.abort();
        assert!(stopped.await.unwrap_err().is_cancelled());
        assert_eq!(
            queue.turn(network("a")).await.err(),
            Some(WorkError::Overloaded)
        );
        assert!(lock(&queue.0.state).networks.is_empty());
        drop(running);
        assert!(queue.turn(network("a")).await.is_ok());
        assert_eq!(lock(&queue.0.state).running, 0);
    }
}
