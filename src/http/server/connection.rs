//! One connection of a client, with deadlines that the framework does not keep: it times the first head on a connection and
//! no later one, and waits for ever for a client that does not take its answer.

use std::{
    cell::Cell,
    future::Future,
    io::{self, ErrorKind, IoSlice},
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
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

use crate::http::server::connection_limit::ConnectionSlot;

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// To send a head, from its first byte.
    pub head: Duration,
    /// To take some of its answer.
    pub answer: Duration,
}

/// What the requests on a connection tell the connection.
#[derive(Default)]
pub(crate) struct ConnectionState {
    /// Requests whose answers have not gone out yet: what is sent meanwhile are their bodies.
    under_way: Cell<u32>,
    /// Since when bytes have come that belong to no request yet, or the rest of one that was given up.
    head_since: Cell<Option<Instant>>,
    /// Whoever reads the connection.
    reader: Cell<Option<Waker>>,
}

/// The connection as the server reads and writes it.
pub(crate) struct Connection {
    stream: TcpStream,
    _place: ConnectionSlot,
    traffic: Rc<ConnectionState>,
    patience: Timeouts,
    /// Runs at least as long as a head is awaited. It is not stopped for each head that came: to start a timer costs more
    /// than to let one run out for nothing.
    head_timer: Option<Pin<Box<Sleep>>>,
    /// Runs while the client takes nothing.
    answer_timer: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    /// Puts an accepted connection under watch.
    pub(crate) fn new(stream: TcpStream, patience: Timeouts, place: ConnectionSlot) -> Self {
        // Without it the end of a long answer waits for the client's word that it has the beginning.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection is slower than it could be");
        }
        Self {
            _place: place,
            stream,
            traffic: Rc::default(),
            patience,
            head_timer: None,
            answer_timer: None,
        }
    }

    /// What its requests tell it.
    pub(crate) fn traffic(&self) -> Rc<ConnectionState> {
        Rc::clone(&self.traffic)
    }

    /// Whether the head that is awaited takes too long.
    fn head_is_late(&mut self, cx: &mut Context<'_>) -> bool {
        while let Some(since) = self.traffic.head_since.get() {
            let deadline = since + self.patience.head;
            let timer = self
                .head_timer
                .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if timer.as_mut().poll(cx).is_pending() {
                return false;
            }
            if Instant::now() >= deadline {
                return true;
            }
            // It ran for an earlier head.
            timer.as_mut().reset(deadline);
        }
        false
    }

    /// The outcome of a try to write, or the end of the patience.
    fn in_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        tried: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if tried.is_ready() {
            self.answer_timer = None;
            return tried;
        }
        let patience = self.patience.answer;
        let timer = self
            .answer_timer
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + patience)));
        if timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let traffic = &self.traffic;
        if buffer.filled().len() > before {
            if traffic.under_way.get() == 0 && traffic.head_since.get().is_none() {
                traffic.head_since.set(Some(Instant::now()));
            }
        } else if read.is_pending() {
            if traffic.under_way.get() > 0 {
                traffic.reader.set(Some(cx.waker().clone()));
            }
            if self.head_is_late(cx) {
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
        let tried = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.in_time(cx, tried)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.in_time(cx, tried)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A request's time on its connection, until its answer has gone out.
pub(crate) struct RequestGuard(Rc<ConnectionState>);

impl RequestGuard {
    /// Begins with a request whose head has come. Where nobody watches the connection there is none.
    pub(crate) fn of(request: &ServiceRequest) -> Option<Self> {
        let traffic = request.conn_data::<Rc<ConnectionState>>()?;
        traffic.under_way.set(traffic.under_way.get() + 1);
        traffic.head_since.set(None);
        Some(Self(Rc::clone(traffic)))
    }

    /// Ends a request that took too long. What is left of its body has as much time as a head has: the framework would
    /// wait for the end of some bodies as long as it keeps a connection.
    pub(crate) fn give_up(self) {
        self.0.head_since.set(Some(Instant::now()));
        if let Some(reader) = self.0.reader.take() {
            reader.wake();
        }
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
    }
}

/// Cuts an answer that is made while it is sent as soon as nothing of it was made for so long.
pub(crate) fn with_progress(
    response: ServiceResponse<BoxBody>,
    limit: Duration,
    turn: Option<RequestGuard>,
) -> ServiceResponse<BoxBody> {
    if response.response().body().size() != BodySize::Stream {
        return response;
    }
    response.map_body(|_, body| {
        BoxBody::new(StallTimeoutBody {
            body,
            limit,
            timer: None,
            _turn: turn,
        })
    })
}

/// A body that is made while it is sent.
struct StallTimeoutBody {
    body: BoxBody,
    limit: Duration,
    /// Runs while nothing is made.
    timer: Option<Pin<Box<Sleep>>>,
    _turn: Option<RequestGuard>,
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
        let own = self.get_mut();
        let made = Pin::new(&mut own.body).poll_next(cx);
        if made.is_ready() {
            own.timer = None;
            return made;
        }
        let limit = own.limit;
        let timer = own
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + limit)));
        if timer.as_mut().poll(cx).is_ready() {
            let error = io::Error::from(ErrorKind::TimedOut);
            return Poll::Ready(Some(Err(error.into())));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{HttpResponse, body::to_bytes, test::TestRequest};
    use futures_util::stream;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        time::{sleep, timeout},
    };

    use super::*;
    use crate::http::server::connection_limit::ConnectionLimit;

    const LIMIT: Duration = Duration::from_millis(300);
    const LONG: Duration = Duration::from_secs(20);

    async fn pair() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        let patience = Timeouts {
            head: LIMIT,
            answer: LIMIT,
        };
        let place = ConnectionLimit::new(1).take().unwrap();
        let connection = Connection::new(accepted.unwrap().0, patience, place);
        (connection, client.unwrap())
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_of_its_answer_is_cut() {
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
    async fn a_client_that_takes_its_answer_slowly_is_not_cut() {
        const SIZE: usize = 24 * 1024 * 1024;
        let (mut connection, mut client) = pair().await;
        let sending = async { connection.write_all(&vec![0; SIZE]).await };
        let taking = async {
            let (mut left, mut some) = (SIZE, vec![0; 2 * 1024 * 1024]);
            while left > 0 {
                sleep(LIMIT / 4).await;
                let most = left.min(some.len());
                client.read_exact(&mut some[..most]).await.unwrap();
                left -= most;
            }
        };
        let (sent, ()) = tokio::join!(sending, taking);
        sent.unwrap();
    }

    /// What becomes of an answer whose parts are made with so long a pause before each.
    async fn sent(pauses: &[Duration]) -> Result<usize, ()> {
        let parts = pauses.to_vec();
        let parts = stream::unfold(parts.into_iter(), |mut pauses| async move {
            sleep(pauses.next()?).await;
            Some((Ok::<_, io::Error>(Bytes::from_static(b"part")), pauses))
        });
        let request = TestRequest::default().to_http_request();
        let answer = HttpResponse::Ok().streaming(parts);
        let response = ServiceResponse::new(request, answer);
        let body = with_progress(response, LIMIT, None).into_body();
        let bytes = timeout(LONG, to_bytes(body)).await.unwrap();
        bytes.map(|bytes| bytes.len()).map_err(|_| ())
    }

    #[tokio::test]
    async fn an_answer_that_makes_progress_may_take_long_and_one_that_stands_still_may_not() {
        assert_eq!(sent(&[LIMIT / 3; 9]).await, Ok(9 * 4));
        assert_eq!(sent(&[LIMIT / 3, LONG, LIMIT / 3]).await, Err(()));
    }
}
