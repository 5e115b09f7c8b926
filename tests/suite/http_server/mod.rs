//! The HTTP server in front of the handlers: slow, large and malformed requests, too many connections, security
//! headers, and client addresses behind proxies.

mod connections;
mod entry;
mod every_route;
mod hsts;
mod malformed;
mod origins;
mod path_prefix;
mod proxies;
mod slow;
mod static_files;

use std::{io::ErrorKind, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{App, TIMEOUT};

/// A raw connection of a misbehaving client.
struct Socket(TcpStream);

impl Socket {
    async fn open(app: &App) -> Self {
        let url = app.anonymous().url();
        let address: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Sends bytes; returns whether that succeeded.
    async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = timeout(TIMEOUT, self.0.write_all(bytes.as_ref())).await;
        sent.expect("the server hangs").is_ok()
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        assert!(self.try_send(bytes).await);
    }

    /// Everything until the server closes the connection. Fails if it stays open.
    async fn rest(&mut self) -> String {
        let mut received = Vec::new();
        let ended = timeout(TIMEOUT, self.0.read_to_end(&mut received)).await;
        // A reset connection is also closed.
        let _reset = ended.expect("the server does not close the connection");
        String::from_utf8_lossy(&received).into_owned()
    }

    /// Whether nothing has arrived that was not read yet, not even the end of the connection.
    fn is_silent(&self) -> bool {
        let read = self.0.try_read(&mut [0]);
        read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// One response, at most 4 KiB, in one read: its body must arrive together with its head.
    async fn answer(&mut self) -> String {
        let mut received = [0; 4096];
        let read = timeout(TIMEOUT, self.0.read(&mut received)).await;
        let length = read.expect("no response from the server").unwrap();
        String::from_utf8_lossy(&received[..length]).into_owned()
    }

    /// Sends a request head with `Expect: 100-continue`, and waits until the server has read it.
    async fn begin(&mut self, head: &str) {
        self.send(head).await;
        let answer = self.answer().await;
        assert!(answer.starts_with("HTTP/1.1 100 "), "{answer}");
    }

    /// Sends `GET /healthz` on this connection, and asserts status 200.
    async fn ask(&mut self) {
        self.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let answer = self.answer().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}
