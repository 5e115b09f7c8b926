//! The part of a request's life that its connection must know: when it begins, when it is abandoned, when its answer is sent.
//! The only item of this module that the rest of `http` uses is [`RequestGuard`].

use std::{
    cell::Cell,
    io::{self, ErrorKind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    web::Bytes,
};
use tokio::time::Instant;

use crate::http::server::stall_timer::StallTimer;

/// What a connection and the requests on it share.
#[derive(Default)]
pub(super) struct ConnectionState {
    /// Requests without a complete answer. While there are any, bytes that arrive belong to their bodies.
    in_flight: Cell<u32>,
    /// When the first byte arrived that belongs to no request yet, or to the rest of an abandoned one.
    head_since: Cell<Option<Instant>>,
    /// The task that reads the connection.
    reader: Cell<Option<Waker>>,
}

impl ConnectionState {
    /// Starts the deadline of a head with its first byte, unless the bytes belong to a body or the deadline runs already.
    pub(super) fn bytes_arrived(&self) {
        if self.in_flight.get() == 0 && self.head_since.get().is_none() {
            self.head_since.set(Some(Instant::now()));
        }
    }

    /// Remembers the reading task while requests are in flight, so that [`RequestGuard::abandon`] can wake it.
    pub(super) fn reader_waits(&self, cx: &Context<'_>) {
        if self.in_flight.get() > 0 {
            self.reader.set(Some(cx.waker().clone()));
        }
    }

    /// When the head that is awaited began to arrive.
    pub(super) fn head_since(&self) -> Option<Instant> {
        self.head_since.get()
    }
}

/// One request on its connection, from the end of its head until its answer is sent or the guard is dropped.
pub(in crate::http) struct RequestGuard(Option<Rc<ConnectionState>>);

impl RequestGuard {
    /// Begins a request; its head is complete. On a connection of another server, as in unit tests, it does nothing.
    pub(in crate::http) fn begin(request: &ServiceRequest) -> Self {
        let state = request.conn_data::<Rc<ConnectionState>>();
        if let Some(state) = state {
            state.in_flight.set(state.in_flight.get() + 1);
            state.head_since.set(None);
        }
        Self(state.map(Rc::clone))
    }

    /// Ends a request that took too long. The rest of its body gets the deadline of a head: actix would read some bodies
    /// for as long as it keeps the connection.
    pub(in crate::http) fn abandon(self) {
        if let Some(state) = &self.0 {
            state.head_since.set(Some(Instant::now()));
            if let Some(reader) = state.reader.take() {
                reader.wake();
            }
        }
    }

    /// Keeps the request in flight until a streamed answer is sent, and cuts the answer off when no part of it is produced
    /// for `limit`. An answer of known length is left as it is.
    pub(in crate::http) fn until_sent(
        self,
        response: ServiceResponse<BoxBody>,
        limit: Duration,
    ) -> ServiceResponse<BoxBody> {
        if response.response().body().size() != BodySize::Stream {
            return response;
        }
        response.map_body(|_, body| {
            BoxBody::new(StallTimeoutBody {
                body,
                limit,
                timer: StallTimer::default(),
                _guard: self,
            })
        })
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        if let Some(state) = &self.0 {
            state.in_flight.set(state.in_flight.get() - 1);
        }
    }
}

/// A streamed body that fails when it produces nothing for `limit`.
struct StallTimeoutBody {
    body: BoxBody,
    limit: Duration,
    timer: StallTimer,
    _guard: RequestGuard,
}

impl MessageBody for StallTimeoutBody {
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

#[cfg(test)]
mod tests {
    use actix_web::{HttpResponse, body::to_bytes, test::TestRequest};
    use futures_util::stream;
    use tokio::time::{sleep, timeout};

    use super::*;

    const LIMIT: Duration = Duration::from_millis(300);
    const LONG: Duration = Duration::from_secs(20);

    /// The length of an answer whose parts are produced after these pauses, or an error when it is cut off.
    async fn sent(pauses: &[Duration]) -> Result<usize, ()> {
        let parts = pauses.to_vec();
        let parts = stream::unfold(parts.into_iter(), |mut pauses| async move {
            sleep(pauses.next()?).await;
            Some((Ok::<_, io::Error>(Bytes::from_static(b"part")), pauses))
        });
        let request = TestRequest::default();
        let guard = RequestGuard::begin(&request.to_srv_request());
        let request = TestRequest::default().to_http_request();
        let answer = HttpResponse::Ok().streaming(parts);
        let response = ServiceResponse::new(request, answer);
        let body = guard.until_sent(response, LIMIT).into_body();
        let bytes = timeout(LONG, to_bytes(body)).await.unwrap();
        bytes.map(|bytes| bytes.len()).map_err(|_| ())
    }

    #[tokio::test]
    async fn a_slow_streamed_answer_is_sent_and_a_stalled_one_is_cut_off() {
        assert_eq!(sent(&[LIMIT / 3; 9]).await, Ok(9 * 4));
        assert_eq!(sent(&[LIMIT / 3, LONG, LIMIT / 3]).await, Err(()));
    }
}
