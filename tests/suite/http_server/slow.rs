//! Clients that send a request head or body too slowly, or nothing.

use std::time::{Duration, Instant};

use munjigi::{config::Span, domain::account::Role};
use serde_json::Value;

use super::Socket;
use crate::support::App;

const HEAD_TIMEOUT: Span = Span::seconds(2);

/// Timeouts that a request of these tests reaches only on purpose, also on a busy machine.
fn with_short_timeouts() -> App {
    App::with(|config| {
        config.server.head_timeout = HEAD_TIMEOUT;
        config.server.request_timeout = Span::seconds(3);
    })
}

#[tokio::test]
async fn a_first_head_that_takes_too_long_is_answered_408() {
    let app = with_short_timeouts();
    for beginning in ["", "G", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: "] {
        let mut socket = Socket::open(&app).await;
        socket.send(beginning).await;
        let answer = socket.rest().await;
        assert!(
            answer.starts_with("HTTP/1.1 408 "),
            "{beginning:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_head_sent_byte_by_byte_is_cut_off_on_every_request_of_the_connection() {
    let app = with_short_timeouts();
    for earlier in [0, 1, 3] {
        let mut socket = Socket::open(&app).await;
        for _ in 0..earlier {
            socket.ask().await;
        }
        let began = Instant::now();
        for byte in "GET /healthz HTTP/1.1\r\nX-Slow: ".bytes().cycle() {
            if !socket.try_send([byte]).await {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert!(
                began.elapsed() < super::TIMEOUT,
                "after {earlier} requests a slow head is never cut off"
            );
        }
    }
}

#[tokio::test]
async fn a_head_that_stops_after_an_earlier_request_is_cut_off() {
    let app = with_short_timeouts();
    let mut socket = Socket::open(&app).await;
    socket.ask().await;
    socket.send("GET /healthz HT").await;
    assert_eq!(socket.rest().await, "");
    // The same if the incomplete head arrived together with the previous request.
    let mut socket = Socket::open(&app).await;
    let both = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HT";
    socket.send(both).await;
    assert!(socket.answer().await.starts_with("HTTP/1.1 200 OK"));
    socket.send("T").await;
    assert_eq!(socket.rest().await, "");
}

#[tokio::test]
async fn a_connection_may_be_idle_between_two_requests() {
    let app = with_short_timeouts();
    let mut socket = Socket::open(&app).await;
    for _ in 0..3 {
        socket.ask().await;
        tokio::time::sleep(HEAD_TIMEOUT.get() + Duration::from_millis(300)).await;
    }
    // A head in two parts is read as one.
    for _ in 0..2 {
        socket.send("GET /healthz HTTP/1.1\r\nHo").await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        socket.send("st: x\r\n\r\n").await;
        assert!(socket.answer().await.starts_with("HTTP/1.1 200 OK"));
    }
}

#[tokio::test]
async fn a_body_that_takes_too_long_is_answered_503_in_the_envelope_and_the_connection_ends() {
    let app = with_short_timeouts();
    for body in [
        "Content-Length: 100\r\n\r\n{\"username\": ",
        "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"use",
    ] {
        let mut socket = Socket::open(&app).await;
        let head = "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
        socket.send(format!("{head}{body}")).await;
        let answer = socket.rest().await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 503 "), "{answer}");
        assert!(head.contains("\r\nretry-after: 1"), "{answer}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["code"], "OVERLOADED");
        let id = body["meta"]["request_id"].as_str().unwrap();
        assert!(head.contains(&format!("\r\nx-request-id: {id}")));
    }
}

#[tokio::test]
async fn a_form_of_the_panel_that_takes_too_long_is_answered_with_a_page() {
    let app = with_short_timeouts();
    let browser = app.signed_in("ann", Role::Admin).await;
    let mut socket = Socket::open(&app).await;
    let cookie = browser.cookie("munjigi_session").unwrap();
    socket
        .send(format!(
            "POST /admin/account/profile HTTP/1.1\r\nHost: x\r\nCookie: munjigi_session={cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nname=An"
        ))
        .await;
    let answer = socket.rest().await;
    let head = answer.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 503 "), "{answer}");
    assert!(head.contains("\r\nretry-after: "), "{answer}");
    assert!(head.contains("\r\ncontent-type: text/html"), "{answer}");
    assert!(answer.contains("</html>"), "{answer}");
}

#[tokio::test]
async fn a_thousand_half_open_connections_delay_no_other_client_and_are_cut_off() {
    let app = App::with(|config| config.server.head_timeout = Span::seconds(20));
    let mut sockets = Vec::new();
    for _ in 0..1000 {
        let mut socket = Socket::open(&app).await;
        socket.send("GET /healthz HTTP/1.1\r\nHost: ").await;
        sockets.push(socket);
    }
    for _ in 0..50 {
        assert_eq!(app.anonymous().get("/healthz").await.status, 200);
        let mut fresh = Socket::open(&app).await;
        fresh.ask().await;
    }
    assert!(
        sockets[0].is_silent(),
        "answered before the half-open ones were cut off"
    );
    for socket in &mut sockets {
        let answer = socket.rest().await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    assert_eq!(app.anonymous().get("/healthz").await.status, 200);
}
