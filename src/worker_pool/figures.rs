//! What is counted of a pool, for metrics.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::histogram::{Histogram, Snapshot};

/// Counts how a pool is used.
#[derive(Debug)]
pub struct PoolUse {
    waits: Histogram,
    uses: Histogram,
    rejected: AtomicU64,
}

/// How a pool is used.
#[derive(Clone, Debug)]
pub struct PoolFigures {
    /// The number of its threads or connections.
    pub size: usize,
    /// How many of them are in use.
    pub in_use: usize,
    /// How many callers wait for one.
    pub waiting: usize,
    /// How many callers got none since the start.
    pub rejected: u64,
    /// How long callers waited, in microseconds.
    pub waits: Snapshot,
    /// How long they used it, in microseconds.
    pub uses: Snapshot,
}

impl Default for PoolUse {
    fn default() -> Self {
        Self {
            waits: Histogram::of_times(),
            uses: Histogram::of_times(),
            rejected: AtomicU64::new(0),
        }
    }
}

impl PoolUse {
    /// A caller got a thread or connection after this time.
    pub fn waited(&self, time: Duration) {
        self.waits.add_time(time);
    }

    /// A caller returned it after this time.
    pub fn used(&self, time: Duration) {
        self.uses.add_time(time);
    }

    /// A caller got none.
    pub fn reject(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// The figures, with the present load of the pool.
    #[must_use]
    pub fn figures(&self, size: usize, in_use: usize, waiting: usize) -> PoolFigures {
        PoolFigures {
            size,
            in_use,
            waiting,
            rejected: self.rejected.load(Ordering::Relaxed),
            waits: self.waits.snapshot(),
            uses: self.uses.snapshot(),
        }
    }
}
