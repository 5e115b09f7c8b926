//! One connection of a client, with two deadlines that actix does not keep: it times only the first head of a connection, and
//! waits without limit for a client that does not read its answer.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

use crate::http::server::connection_limit::ConnectionSlot;
use crate::http::server::request_guard::ConnectionState;
use crate::http::server::stall_timer::StallTimer;

/// The deadlines of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// For sending a head, from its first byte.
    pub head: Duration,
    /// For reading some part of an answer.
    pub answer: Duration,
}

/// A connection as the server reads and writes it.
pub(super) struct Connection {
    stream: TcpStream,
    _slot: ConnectionSlot,
    state: Rc<ConnectionState>,
    timeouts: Timeouts,
    /// Runs at least as long as a head is awaited. It is not stopped for each head that arrives: starting a timer costs more
    /// than letting one expire unused.
    head_timer: Option<Pin<Box<Sleep>>>,
    /// Runs while the client reads nothing.
    answer_timer: StallTimer,
}

impl Connection {
    /// An accepted connection. Its slot is free again when it is dropped.
    pub(super) fn new(stream: TcpStream, timeouts: Timeouts, slot: ConnectionSlot) -> Self {
        // With Nagle's algorithm the end of a long answer waits for the acknowledgement of its beginning.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
        Self {
            _slot: slot,
            stream,
            state: Rc::default(),
            timeouts,
            head_timer: None,
            answer_timer: StallTimer::default(),
        }
    }

    /// What it shares with its requests.
    pub(super) fn state(&self) -> Rc<ConnectionState> {
        Rc::clone(&self.state)
    }

    /// Whether the head that is awaited is over its deadline. Otherwise the task is woken at the deadline.
    fn head_is_late(&mut self, cx: &mut Context<'_>) -> bool {
        while let Some(since) = self.state.head_since() {
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

    /// The outcome of a write, or `TimedOut` when the client has read nothing for too long.
    fn in_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
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
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.state.bytes_arrived();
        } else if read.is_pending() {
            self.state.reader_waits(cx);
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
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
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
        let timeouts = Timeouts {
            head: LIMIT,
            answer: LIMIT,
        };
        let slot = ConnectionLimit::new(1).acquire().unwrap();
        let connection = Connection::new(accepted.unwrap().0, timeouts, slot);
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
}
