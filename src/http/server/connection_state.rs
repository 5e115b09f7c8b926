//! What a connection and the requests on it share.

use std::{
    cell::{Cell, RefCell},
    task::{Context, Waker},
};

use tokio::time::Instant;

/// What a connection and the requests on it share.
#[derive(Default)]
pub(super) struct ConnectionState {
    /// Requests without a complete answer. While there are any, bytes that arrive belong to their bodies.
    pub(super) in_flight: Cell<u32>,
    /// How many requests have begun or ended.
    pub(super) progress: Cell<u32>,
    /// When the first byte arrived that belongs to no request yet, or to the rest of an abandoned one.
    pub(super) head_since: Cell<Option<Instant>>,
    /// Bytes of an answer are left that the client has not taken.
    pub(super) is_writing: Cell<bool>,
    /// The connection is closed as soon as its task runs.
    is_closing: Cell<bool>,
    /// The task that reads the connection.
    reader: RefCell<Option<Waker>>,
}

impl ConnectionState {
    /// Starts the deadline of a head with its first byte, unless the bytes belong to a body or the deadline runs already.
    pub(super) fn bytes_arrived(&self) {
        if self.in_flight.get() == 0 && self.head_since.get().is_none() {
            self.head_since.set(Some(Instant::now()));
        }
    }

    /// Remembers the reading task, so that it can be woken when it must close the connection.
    pub(super) fn reader_waits(&self, cx: &Context<'_>) {
        let mut reader = self.reader.borrow_mut();
        if !reader
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *reader = Some(cx.waker().clone());
        }
    }

    fn wake_reader(&self) {
        if let Some(reader) = self.reader.borrow_mut().take() {
            reader.wake();
        }
    }

    /// Whether it waits for the client and for nothing else.
    pub(super) fn is_waiting(&self) -> bool {
        self.in_flight.get() == 0 && !self.is_writing.get() && !self.is_closing.get()
    }

    /// Whether it is to be closed, and has not ended yet.
    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.get()
    }

    /// Whether no request on it has begun.
    pub(super) fn is_unused(&self) -> bool {
        self.progress.get() == 0
    }

    /// Closes the connection.
    pub(super) fn close(&self) {
        self.is_closing.set(true);
        self.wake_reader();
    }

    /// A request begins; its head is complete.
    pub(super) fn begin(&self) {
        self.count(self.in_flight.get() + 1);
        self.head_since.set(None);
    }

    /// A request is answered, or its answer is dropped.
    pub(super) fn end(&self) {
        self.count(self.in_flight.get() - 1);
    }

    /// A request took too long. The rest of its body gets the deadline of a head.
    pub(super) fn abandon(&self) {
        self.head_since.set(Some(Instant::now()));
        self.wake_reader();
    }

    fn count(&self, in_flight: u32) {
        self.in_flight.set(in_flight);
        // Not back to 0, which means that there was none.
        self.progress
            .set(self.progress.get().wrapping_add(1).max(1));
    }
}
