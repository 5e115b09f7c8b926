//! What a connection and the requests on it share.

use std::{
    cell::{Cell, RefCell},
    task::{Context, Waker},
};

use tokio::time::Instant;

use crate::http::server::received::Received;

/// What a connection and the requests on it share.
#[derive(Default)]
pub(super) struct ConnectionState {
    /// Requests without a complete answer. While there are any, bytes that arrive belong to their bodies.
    pub(super) in_flight: Cell<u32>,
    /// Since when bytes are there that belong to no request yet, or to the rest of an abandoned one.
    pub(super) head_since: Cell<Option<Instant>>,
    received: RefCell<Received>,
    /// When the last request ended.
    idle_since: Cell<Option<Instant>>,
    /// Bytes of an answer are left that the client has not taken.
    pub(super) is_writing: Cell<bool>,
    /// The connection is closed as soon as its task runs.
    is_closing: Cell<bool>,
    /// The task that reads the connection.
    reader: RefCell<Option<Waker>>,
}

impl ConnectionState {
    /// Starts the deadline of a head with its first byte, unless the bytes belong to a body or the deadline runs already.
    pub(super) fn bytes_arrived(&self, bytes: &[u8]) {
        self.received.borrow_mut().add(bytes);
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

    /// Forgets the reading task. Until it waits again, the connection is not one that waits for its client.
    pub(super) fn reader_ends(&self) {
        self.reader.borrow_mut().take();
    }

    /// Wakes the task, if it waits for its client.
    pub(super) fn wake_reader(&self) {
        if let Some(reader) = self.reader.borrow_mut().take() {
            reader.wake();
        }
    }

    /// Whether it waits for the client and for nothing else. A connection that has not been read yet does not: its request
    /// may have arrived.
    pub(super) fn is_waiting(&self) -> bool {
        self.in_flight.get() == 0
            && !self.is_writing.get()
            && !self.is_closing.get()
            && self.reader.borrow().is_some()
    }

    /// Whether it is to be closed, and has not ended yet.
    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.get()
    }

    /// Whether no request on it has begun.
    pub(super) fn is_unused(&self) -> bool {
        self.in_flight.get() == 0 && self.idle_since.get().is_none()
    }

    /// Since when no request is in flight. `None` while one is, and before the first.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.idle_since.get().filter(|_| self.is_waiting())
    }

    /// Closes the connection.
    pub(super) fn close(&self) {
        self.is_closing.set(true);
        self.wake_reader();
    }

    /// A request with a body of this length begins (`None`: chunked); its head is complete.
    pub(super) fn begin(&self, body: Option<u64>) {
        self.in_flight.set(self.in_flight.get() + 1);
        self.received.borrow_mut().begin(body);
        self.head_since.set(None);
    }

    /// A request is answered, or its answer is dropped. Starts the deadline of a head if a part of a further request has
    /// arrived with it, or if a part of it is missing.
    pub(super) fn end(&self) {
        self.in_flight.set(self.in_flight.get() - 1);
        if self.in_flight.get() > 0 {
            return;
        }
        let now = Instant::now();
        self.idle_since.set(Some(now));
        let mut received = self.received.borrow_mut();
        if received.is_complete() {
            *received = Received::default();
        } else if self.head_since.get().is_none() {
            self.head_since.set(Some(now));
            self.wake_reader();
        }
    }

    /// A request took too long. The rest of its body gets the deadline of a head.
    pub(super) fn abandon(&self) {
        self.head_since.set(Some(Instant::now()));
        self.wake_reader();
    }
}
