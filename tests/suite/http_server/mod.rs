//! What comes before any handler: slow, large and broken requests, too many connections, and addresses behind proxies.

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

/// The server must have done something by then. Tests that pass wait for a fraction of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection as a bad client holds it.
struct Socket(TcpStream);

impl Socket {
    async fn open(app: &App) -> Self {
        let url = app.anonymous().url();
        let address: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Sends some bytes; whether they could be.
    async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = timeout(PATIENCE, self.0.write_all(bytes.as_ref())).await;
        sent.expect("the server hangs").is_ok()
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        assert!(self.try_send(bytes).await);
    }

    /// All that comes until the server hangs up; it must.
    async fn rest(&mut self) -> String {
        let mut received = Vec::new();
        let ended = timeout(PATIENCE, self.0.read_to_end(&mut received)).await;
        // A connection that is reset has ended as well.
        let _reset = ended.expect("the server does not hang up");
        String::from_utf8_lossy(&received).into_owned()
    }

    /// One answer without a body, or with one that comes along with its head.
    async fn answer(&mut self) -> String {
        let mut received = [0; 4096];
        let read = timeout(PATIENCE, self.0.read(&mut received)).await;
        let length = read.expect("no answer").unwrap();
        String::from_utf8_lossy(&received[..length]).into_owned()
    }

    /// Asks whether the server lives, on this connection.
    async fn ask(&mut self) {
        self.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let answer = self.answer().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}
