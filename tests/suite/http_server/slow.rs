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
}

/// Complete requests behind which a part of a head can arrive, and how many answers they get.
const COMPLETE: [(&str, usize); 5] = [
    ("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 1),
    (
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        2,
    ),
    (
        "POST /auth/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        1,
    ),
    (
        "POST /auth/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        1,
    ),
    (
        "POST /auth/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}\
         GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        2,
    ),
];

/// Sends all of it at once, and reads the answers.
async fn answered(app: &App, sent: &str, answers: usize) -> Socket {
    let mut socket = Socket::open(app).await;
    socket.send(sent).await;
    let mut received = String::new();
    while received.matches("HTTP/1.1 ").count() < answers {
        received += &socket.answer().await;
    }
    socket
}

#[tokio::test]
async fn a_head_that_began_in_the_packet_of_an_earlier_request_is_cut_off() {
    let app = App::with(|config| {
        config.server.head_timeout = HEAD_TIMEOUT;
        config.server.keep_alive = Span::hours(1);
    });
    let mut open = Vec::new();
    for (complete, answers) in COMPLETE {
        for begun in ["G", "GET /healthz HTTP/1.1\r\nHost: "] {
            let sent = format!("{complete}{begun}");
            open.push((answered(&app, &sent, answers).await, sent));
        }
    }
    for (mut socket, sent) in open {
        assert_eq!(socket.rest().await, "", "{sent:?}");
    }
}

#[tokio::test]
async fn a_connection_is_not_cut_off_behind_complete_requests_in_one_packet() {
    let app = with_short_timeouts();
    let mut open = Vec::new();
    for (complete, answers) in COMPLETE {
        open.push((answered(&app, complete, answers).await, complete));
    }
    tokio::time::sleep(HEAD_TIMEOUT.get() + Duration::from_millis(1_500)).await;
    for (mut socket, complete) in open {
        assert!(socket.is_silent(), "{complete:?}");
        socket.ask().await;
    }
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
    let browser = app.signed_in("ann", Role::ADMIN).await;
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
