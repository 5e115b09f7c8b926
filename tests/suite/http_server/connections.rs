//! The limits on connections and on the size of a request head.

use std::time::Instant;

use munjigi::config::Span;
use serde_json::Value;

use super::Socket;
use crate::support::App;

#[tokio::test]
async fn a_connection_above_the_limit_is_answered_503_and_the_others_continue() {
    const HEAD: &str = "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
        Content-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    let app = App::with(|config| {
        config.server.max_connections = 3;
        config.server.request_timeout = Span::minutes(10);
    });
    let mut first = Vec::new();
    for _ in 0..3 {
        let mut socket = Socket::open(&app).await;
        socket.ask().await;
        // A request in progress: its body is not complete.
        socket.begin(HEAD).await;
        first.push(socket);
    }
    for _ in 0..20 {
        let mut socket = Socket::open(&app).await;
        // It may be rejected before it has sent anything.
        let _ = socket.try_send("GET /api/me HTTP/1.1\r\n\r\n").await;
        let answer = socket.rest().await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let head = head.to_ascii_lowercase();
        assert!(
            head.starts_with("http/1.1 503 service unavailable\r\n"),
            "{head}"
        );
        for header in ["retry-after: 1", "connection: close", "x-request-id: "] {
            assert!(head.contains(&format!("\r\n{header}")), "{head}");
        }
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["code"], "OVERLOADED");
        assert_eq!(body["success"], false);
    }
    for socket in &mut first {
        socket.send("{}").await;
        let answer = socket.answer().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        socket.begin(HEAD).await;
    }
    // A connection without a request is closed for a new one.
    let waiting = first.last_mut().unwrap();
    waiting.send("{}").await;
    waiting.answer().await;
    let began = Instant::now();
    loop {
        let mut socket = Socket::open(&app).await;
        let request = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let _ = socket.try_send(request).await;
        let answer = socket.rest().await;
        if answer.starts_with("HTTP/1.1 200 OK") {
            break;
        }
        assert!(began.elapsed() < super::TIMEOUT, "{answer}");
    }
}

#[tokio::test]
async fn heads_that_are_too_large_are_answered_431() {
    let app = App::start();
    let long = format!(
        "GET /healthz HTTP/1.1\r\nX-Long: {}\r\n\r\n",
        "a".repeat(200_000)
    );
    let many = format!(
        "GET /healthz HTTP/1.1\r\n{}\r\n",
        "X-Many: a\r\n".repeat(200)
    );
    let path = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(200_000));
    for head in [&long, &many, &path] {
        let mut socket = Socket::open(&app).await;
        // The server may close the connection before it has read everything.
        let _ = socket.try_send(head).await;
        let answer = socket.rest().await;
        let refused = ["HTTP/1.1 431 ", "HTTP/1.1 400 "];
        assert!(
            answer.is_empty() || refused.iter().any(|status| answer.starts_with(status)),
            "{answer}"
        );
    }
    let mut socket = Socket::open(&app).await;
    socket.send(&many).await;
    let answer = socket.rest().await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_eq!(app.anonymous().get("/healthz").await.status, 200);
}
