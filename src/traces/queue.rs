//! The bounded queue between requests and the exporter.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::traces::data::SpanData;

/// How many spans may wait. A further one is dropped.
const MAX_WAITING: usize = 4096;

/// The number of spans since the start, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpanCounts {
    /// Accepted by the collector.
    pub exported: u64,
    /// Not sent, because the queue was full.
    pub dropped: u64,
    /// Sent, perhaps several times, and not accepted.
    pub failed: u64,
}

/// Counts spans.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) exported: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) failed: AtomicU64,
}

impl Totals {
    pub(super) fn counts(&self) -> SpanCounts {
        let load = |total: &AtomicU64| total.load(Ordering::Relaxed);
        SpanCounts {
            exported: load(&self.exported),
            dropped: load(&self.dropped),
            failed: load(&self.failed),
        }
    }
}

/// The end of the queue that spans are put into.
#[derive(Debug)]
pub(super) struct SpanQueue {
    sender: mpsc::Sender<SpanData>,
    pub(super) clock: Clock,
    pub(super) totals: Totals,
}

impl SpanQueue {
    /// Both ends of a new queue.
    pub(super) fn new(clock: Clock) -> (Arc<Self>, mpsc::Receiver<SpanData>) {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        let queue = Self {
            sender,
            clock,
            totals: Totals::default(),
        };
        (Arc::new(queue), receiver)
    }

    /// Adds a span, or drops it when the queue is full. Never waits.
    pub(super) fn push(&self, span: SpanData) {
        if self.sender.try_send(span).is_err() {
            self.totals.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
