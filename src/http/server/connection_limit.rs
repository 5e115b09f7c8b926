//! How many connections are held at the same time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

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

    /// A slot for one connection, if one is free. It is free again when it is dropped.
    pub(super) fn acquire(&self) -> Option<ConnectionSlot> {
        let slot = ConnectionSlot(Arc::clone(&self.held));
        (self.held.fetch_add(1, Ordering::Relaxed) < self.max).then_some(slot)
    }
}

/// The slot of one connection.
pub(super) struct ConnectionSlot(Arc<AtomicUsize>);

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
