//! One connection of a client, with two deadlines that actix does not keep: it times only the first head of a connection, and
//! waits without limit for a client that does not read its answer. [`RequestGuard`] tells the connection when a request
//! begins, when it is abandoned and when its answer is sent.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use crate::http::server::connection_limit::ConnectionSlot;
use crate::http::server::connection_state::ConnectionState;
use crate::http::server::stall::{ReadTimer, StallTimeoutBody};
use crate::http::server::stream::Stream;

/// The deadlines of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// For sending a head, from its first byte.
    pub head: Duration,
    /// For the next request, from the end of the last one.
    pub idle: Duration,
    /// For reading some part of an answer.
    pub answer: Duration,
}

/// A connection as the server reads and writes it.
pub(super) struct Connection {
    stream: Stream,
    _slot: ConnectionSlot,
    state: Rc<ConnectionState>,
    timeouts: Timeouts,
    /// Runs at least as long as a head is awaited. It is not stopped for each head that arrives: starting a timer costs more
    /// than letting one expire unused.
    head_timer: Option<Pin<Box<Sleep>>>,
    /// Runs at least as long as no request does. Like the timer of heads it is not stopped.
    idle_timer: Option<Pin<Box<Sleep>>>,
    /// Runs while the client reads nothing.
    answer_timer: ReadTimer,
}

impl Connection {
    /// An accepted connection. Its slot is free again when it is dropped.
    pub(super) fn new(stream: Stream, timeouts: Timeouts, slot: ConnectionSlot) -> Self {
        Self {
            state: Rc::clone(slot.state()),
            _slot: slot,
            stream,
            timeouts,
            head_timer: None,
            idle_timer: None,
            answer_timer: ReadTimer::default(),
        }
    }

    /// What it shares with its requests.
    pub(super) fn state(&self) -> Rc<ConnectionState> {
        Rc::clone(&self.state)
    }

    /// Whether the head that is awaited is over its deadline. Otherwise the task is woken at the deadline.
    fn head_is_late(&mut self, cx: &mut Context<'_>) -> bool {
        while let Some(since) = self.state.head_since.get() {
            let deadline = since + self.timeouts.head;
            let timer = self
                .head_timer
                .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if timer.as_mut().poll(cx).is_pending() {
                return false;
            }
            if Instant::now() >= deadline {
                return true;
            }
            // The timer was set for an earlier head.
            timer.as_mut().reset(deadline);
        }
        false
    }

    /// Whether the next request is over its deadline. Otherwise the task is woken at the deadline, or before it.
    fn is_idle_too_long(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            let idle_since = self.state.idle_since();
            let deadline = idle_since.unwrap_or_else(Instant::now) + self.timeouts.idle;
            let timer = self
                .idle_timer
                .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if timer.as_mut().poll(cx).is_pending() {
                return false;
            }
            if idle_since.is_some() && Instant::now() >= deadline {
                return true;
            }
            // The timer was set for the end of an earlier request.
            timer.as_mut().reset(deadline);
        }
    }

    /// The outcome of a write, or `TimedOut` when the client reads its answer too slowly.
    fn in_time(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.state.is_writing.set(written.is_pending());
        let limit = self.timeouts.answer;
        if self.answer_timer.has_expired(cx, &written, limit) {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        written
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.state.is_closing() {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.state.bytes_arrived(&buffer.filled()[before..]);
        } else if read.is_pending() {
            self.state.reader_waits(cx);
            if self.head_is_late(cx) || self.is_idle_too_long(cx) {
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.state.is_writing.set(false);
            self.answer_timer.stop();
            return flushed;
        }
        // With TLS, bytes that were taken may still wait for the client.
        self.in_time(cx, Poll::Pending).map_ok(|_| ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// One request on its connection, from the end of its head until its answer is sent or the guard is dropped.
pub(in crate::http) struct RequestGuard(Option<Rc<ConnectionState>>);

impl RequestGuard {
    /// Begins a request; its head is complete. On a connection of another server, as in unit tests, it does nothing.
    pub(in crate::http) fn begin(request: &ServiceRequest) -> Self {
        let state = request.conn_data::<Rc<ConnectionState>>();
        if let Some(state) = state {
            state.begin(body_length(request.headers()));
        }
        Self(state.map(Rc::clone))
    }

    /// Ends a request that took too long. The rest of its body gets the deadline of a head: actix would read some bodies
    /// for as long as it keeps the connection.
    pub(in crate::http) fn abandon(self) {
        if let Some(state) = &self.0 {
            state.abandon();
        }
    }

    /// Keeps the request in flight until a streamed answer is sent, and cuts the answer off when no part of it is produced
    /// for `limit`.
    pub(in crate::http) fn until_sent(
        self,
        response: ServiceResponse<BoxBody>,
        limit: Duration,
    ) -> ServiceResponse<BoxBody> {
        response.map_body(|_, body| BoxBody::new(StallTimeoutBody::new(body, limit, self)))
    }
}

/// The length of a request's body; `None` if it is chunked.
fn body_length(headers: &HeaderMap) -> Option<u64> {
    if headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    let length = headers.get(CONTENT_LENGTH);
    length.map_or(Some(0), |length| length.to_str().ok()?.parse().ok())
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        if let Some(state) = &self.0 {
            state.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{HttpResponse, body::to_bytes, test::TestRequest, web::Bytes};
    use futures_util::stream;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        time::{sleep, timeout},
    };

    use super::*;
    use crate::http::server::connection_limit::{ConnectionLimit, WorkerConnections};

    const LIMIT: Duration = Duration::from_millis(300);
    const LONG: Duration = Duration::from_secs(20);

    async fn pair() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        let timeouts = Timeouts {
            head: LIMIT,
            idle: LONG,
            answer: LIMIT,
        };
        let slot = WorkerConnections::new(ConnectionLimit::new(1));
        let slot = slot.acquire().await.unwrap();
        let stream = Stream::Plain(accepted.unwrap().0);
        let connection = Connection::new(stream, timeouts, slot);
        (connection, client.unwrap())
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_of_its_answer_is_cut_off() {
        let (mut connection, _client) = pair().await;
        let endless = async {
            loop {
                if let Err(error) = connection.write_all(&[0; 8192]).await {
                    return error.kind();
                }
            }
        };
        let ended = timeout(LONG, endless).await.unwrap();
        assert_eq!(ended, ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_reads_its_answer_slowly_is_not_cut_off() {
        const SIZE: usize = 24 * 1024 * 1024;
        let (mut connection, mut client) = pair().await;
        let sending = async { connection.write_all(&vec![0; SIZE]).await };
        let reading = async {
            let (mut left, mut buffer) = (SIZE, vec![0; 2 * 1024 * 1024]);
            while left > 0 {
                sleep(LIMIT / 4).await;
                let most = left.min(buffer.len());
                client.read_exact(&mut buffer[..most]).await.unwrap();
                left -= most;
            }
        };
        let (sent, ()) = tokio::join!(sending, reading);
        sent.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_closed_its_timeout_after_the_end_of_a_request() {
        const HEAD: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
        let (mut connection, mut client) = pair().await;
        let state = connection.state();
        client.write_all(HEAD).await.unwrap();
        connection.read_exact(&mut [0; HEAD.len()]).await.unwrap();
        let request = async {
            state.begin(Some(0));
            sleep(LONG / 2).await;
            state.end();
            Instant::now()
        };
        let reading = async {
            let read = connection.read(&mut [0]).await;
            (read.unwrap_err().kind(), Instant::now())
        };
        let (ended, (error, closed)) = tokio::join!(request, reading);
        assert_eq!(error, ErrorKind::TimedOut);
        let waited = closed - ended;
        assert!(waited >= LONG && waited < LONG + LIMIT, "{waited:?}");
    }

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
