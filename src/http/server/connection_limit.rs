//! How many connections are held at the same time, and which are closed when there are too many.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::{Future, poll_fn},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use tokio::task::yield_now;

use crate::http::server::connection_state::ConnectionState;

/// How often a new connection lets the tasks of closed connections run until one has ended.
const MAX_YIELDS: usize = 100;
/// After so many, a further connection is closed.
const YIELDS_FOR_ONE: usize = 20;

/// The limit of all workers together. Clones share it.
#[derive(Clone)]
pub(super) struct ConnectionLimit {
    held: Arc<AtomicUsize>,
    max: usize,
}

impl ConnectionLimit {
    /// A limit of `max` connections.
    pub(super) fn new(max: usize) -> Self {
        Self {
            held: Arc::default(),
            max,
        }
    }

    /// The limit.
    pub(super) fn max(&self) -> usize {
        self.max
    }
}

/// The connections of one worker. Clones share them.
#[derive(Clone)]
pub(super) struct WorkerConnections {
    limit: ConnectionLimit,
    open: Rc<RefCell<OpenConnections>>,
    is_stopping: Rc<Cell<bool>>,
}

/// Connections by their number, in the order in which they were accepted.
#[derive(Default)]
struct OpenConnections {
    accepted: u64,
    states: BTreeMap<u64, Rc<ConnectionState>>,
}

impl WorkerConnections {
    /// No connections yet.
    pub(super) fn new(limit: ConnectionLimit) -> Self {
        Self {
            limit,
            open: Rc::default(),
            is_stopping: Rc::default(),
        }
    }

    /// Lets the waiting connections end. Those with a request in flight end after it.
    pub(super) fn stop(&self) {
        self.is_stopping.set(true);
        for state in self.open.borrow().states.values() {
            state.wake_reader();
        }
    }

    /// Ends when the connections are to end. Each asks again whenever it is woken, and the signal of the server takes a lock
    /// for that, which the connections of all workers share.
    pub(super) fn stopping(&self) -> impl Future<Output = ()> + use<> {
        let is_stopping = Rc::clone(&self.is_stopping);
        poll_fn(move |_| {
            if is_stopping.get() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
    }

    /// A slot for one connection. When none is free, a connection that waits for its client is closed; `None` when every
    /// connection has a request in progress.
    pub(super) async fn acquire(&self) -> Option<ConnectionSlot> {
        let mut has_closed = false;
        for yields in 0..MAX_YIELDS {
            if let Some(slot) = self.try_acquire() {
                return Some(slot);
            }
            // One that does not end, because it is being shut down, must not be the only one.
            if !has_closed || yields % YIELDS_FOR_ONE == YIELDS_FOR_ONE - 1 {
                has_closed |= self.close_waiting();
            }
            if !has_closed && !self.is_any_closing() {
                return None;
            }
            // The task of the closed connection runs and ends.
            yield_now().await;
        }
        None
    }

    fn try_acquire(&self) -> Option<ConnectionSlot> {
        let max = self.limit.max;
        let below = |held: usize| (held < max).then_some(held + 1);
        let held = &self.limit.held;
        held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below)
            .ok()?;
        let mut open = self.open.borrow_mut();
        open.accepted += 1;
        let (number, state) = (open.accepted, Rc::<ConnectionState>::default());
        open.states.insert(number, Rc::clone(&state));
        Some(ConnectionSlot {
            number,
            state,
            connections: self.clone(),
        })
    }

    /// Closes the oldest connection that has never sent a request, otherwise the oldest that waits for its next one, as nginx
    /// does. Returns `false` if there is none.
    fn close_waiting(&self) -> bool {
        let open = self.open.borrow();
        let waiting = || open.states.values().filter(|state| state.is_waiting());
        let oldest = waiting()
            .find(|state| state.is_unused())
            .or_else(|| waiting().next());
        if let Some(state) = oldest {
            state.close();
        }
        oldest.is_some()
    }

    fn is_any_closing(&self) -> bool {
        let open = self.open.borrow();
        open.states.values().any(|state| state.is_closing())
    }
}

/// The slot of one connection. It is free again when it is dropped.
pub(super) struct ConnectionSlot {
    number: u64,
    state: Rc<ConnectionState>,
    connections: WorkerConnections,
}

impl ConnectionSlot {
    /// What the connection shares with its requests.
    pub(super) fn state(&self) -> &Rc<ConnectionState> {
        &self.state
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut open = self.connections.open.borrow_mut();
        open.states.remove(&self.number);
        self.connections.limit.held.fetch_sub(1, Ordering::Relaxed);
    }
}
