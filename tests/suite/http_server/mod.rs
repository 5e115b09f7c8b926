//! The server before any handler runs: slow, large and malformed requests, too many connections, addresses behind proxies.

mod connections;
mod every_route;
mod malformed;
mod proxies;
mod slow;

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::App;

/// How long a test waits for the server. Tests that pass wait for a fraction of it.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A raw connection of a misbehaving client.
struct Socket(TcpStream);

impl Socket {
    async fn open(app: &App) -> Self {
        let url = app.anonymous().url();
        let address: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Sends some bytes; returns whether that succeeded.
    async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = timeout(TIMEOUT, self.0.write_all(bytes.as_ref())).await;
        sent.expect("the server hangs").is_ok()
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        assert!(self.try_send(bytes).await);
    }

    /// Everything until the server closes the connection, which it must.
    async fn rest(&mut self) -> String {
        let mut received = Vec::new();
        let ended = timeout(TIMEOUT, self.0.read_to_end(&mut received)).await;
        // A connection that is reset has ended too.
        let _reset = ended.expect("the server does not close the connection");
        String::from_utf8_lossy(&received).into_owned()
    }

    /// One answer; its body, if it has one, must arrive together with the head.
    async fn answer(&mut self) -> String {
        let mut received = [0; 4096];
        let read = timeout(TIMEOUT, self.0.read(&mut received)).await;
        let length = read.expect("no answer").unwrap();
        String::from_utf8_lossy(&received[..length]).into_owned()
    }

    /// Calls `/healthz` on this connection.
    async fn ask(&mut self) {
        self.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let answer = self.answer().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}
