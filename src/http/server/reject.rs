//! Answering a connection above the limit without reading its request.

use std::time::Duration;

use actix_web::{HttpResponse, body::MessageBody};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Sends an answer that does not depend on the request and closes the connection, within `limit`.
pub(super) async fn reject(mut stream: TcpStream, answer: HttpResponse, limit: Duration) {
    let Some(bytes) = serialized(answer) else {
        return;
    };
    let sending = async {
        stream.write_all(&bytes).await?;
        stream.shutdown().await?;
        // With unread bytes in its buffer the system would reset the connection, and the client could lose the answer.
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // A client that does not wait for its answer has disconnected.
    let _ = timeout(limit, sending).await;
}

/// An answer with a body of known length, as HTTP/1.1 transmits it.
fn serialized(answer: HttpResponse) -> Option<Vec<u8>> {
    let mut bytes = format!("HTTP/1.1 {}\r\nconnection: close\r\n", answer.status()).into_bytes();
    for (name, value) in answer.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let body = answer.into_body().try_into_bytes().ok()?;
    bytes.extend(format!("content-length: {}\r\n\r\n", body.len()).into_bytes());
    bytes.extend(body);
    Some(bytes)
}
