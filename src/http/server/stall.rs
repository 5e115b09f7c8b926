//! Deadlines of transfers: of a client that reads its answer too slowly, and of an answer that is not produced.

use std::{
    io::{self, ErrorKind},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    web::Bytes,
};
use tokio::time::{Instant, Sleep, sleep_until};

/// How much of an answer a client must read within its time limit.
const MIN_READ: usize = 16 * 1024;

/// Runs while a client does not read all that was sent to it.
#[derive(Default)]
pub(super) struct ReadTimer {
    timer: Option<Pin<Box<Sleep>>>,
    /// The bytes that were taken since the timer was set.
    taken: usize,
}

impl ReadTimer {
    /// Whether the client has read less than [`MIN_READ`] within `limit`, given the outcome of a write. Otherwise the task is
    /// woken by then.
    pub(super) fn has_expired(
        &mut self,
        cx: &mut Context<'_>,
        written: &Poll<io::Result<usize>>,
        limit: Duration,
    ) -> bool {
        if let Poll::Ready(written) = written {
            self.taken += written.as_ref().copied().unwrap_or(0);
            return false;
        }
        loop {
            let timer = self.timer.get_or_insert_with(|| {
                self.taken = 0;
                Box::pin(sleep_until(Instant::now() + limit))
            });
            if timer.as_mut().poll(cx).is_pending() {
                return false;
            }
            if self.taken < MIN_READ {
                return true;
            }
            self.timer = None;
        }
    }

    /// The client has read everything.
    pub(super) fn stop(&mut self) {
        self.timer = None;
    }
}

/// Runs while a transfer waits.
#[derive(Default)]
struct StallTimer(Option<Pin<Box<Sleep>>>);

impl StallTimer {
    /// Whether the transfer with this outcome has been pending for `limit`. Otherwise the task is woken by then.
    fn has_expired<T>(&mut self, cx: &mut Context<'_>, outcome: &Poll<T>, limit: Duration) -> bool {
        if outcome.is_ready() {
            self.0 = None;
            return false;
        }
        let timer = self
            .0
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + limit)));
        timer.as_mut().poll(cx).is_ready()
    }
}

/// A streamed body that fails when it produces nothing for a time limit. It keeps `guard` until it is dropped.
pub(super) struct StallTimeoutBody<G> {
    body: BoxBody,
    limit: Duration,
    timer: StallTimer,
    _guard: G,
}

impl<G> StallTimeoutBody<G> {
    pub(super) fn new(body: BoxBody, limit: Duration, guard: G) -> Self {
        Self {
            body,
            limit,
            timer: StallTimer::default(),
            _guard: guard,
        }
    }
}

impl<G: Unpin> MessageBody for StallTimeoutBody<G> {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let part = Pin::new(&mut this.body).poll_next(cx);
        if this.timer.has_expired(cx, &part, this.limit) {
            let error = io::Error::from(ErrorKind::TimedOut);
            return Poll::Ready(Some(Err(error.into())));
        }
        part
    }
}
