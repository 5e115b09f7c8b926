//! Input that is malformed or ambiguous: the server answers 4xx or disconnects, never 500, and continues to serve.

use munjigi::domain::account::Role;

use super::Socket;
use crate::support::App;

const LOGIN: &str = "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

fn broken() -> Vec<Vec<u8>> {
    let heads = [
        "\r\n\r\n\r\n",
        "GARBAGE\r\n\r\n",
        "GET\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1 x\r\n\r\n",
        "get / http/1.1\r\nHost: x\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHo\0st: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\n: x\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\n folded: x\r\n\r\n",
        "GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET //evil//%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "CONNECT x:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}",
    ];
    let bodies = [
        "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        "Content-Length: 2, 3\r\n\r\n{}x",
        "Content-Length: -1\r\n\r\n{}",
        "Content-Length: +2\r\n\r\n{}",
        "Content-Length: 2x\r\n\r\n{}",
        "Content-Length: 99999999999999999999999999\r\n\r\n{}",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: x\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}garbage\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n2;\0\n{}\r\n0\r\n\r\n",
    ];
    let bodies = bodies.map(|body| format!("{LOGIN}{body}").into_bytes());
    let mut all: Vec<Vec<u8>> = heads.map(|head| head.as_bytes().to_vec()).into();
    all.extend(bodies);
    all.push(vec![0; 10_000]);
    all.push(vec![0xFF; 10_000]);
    all.push((0..=255).cycle().take(5_000).collect());
    all
}

#[tokio::test]
async fn malformed_requests_are_refused_or_disconnected_and_the_server_continues() {
    let app = App::with(|config| {
        config.server.head_timeout = munjigi::config::Span::millis(300);
        config.server.request_timeout = munjigi::config::Span::millis(300);
    });
    for bytes in broken() {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(120)]).into_owned();
        let mut socket = Socket::open(&app).await;
        let _ = socket.try_send(&bytes).await;
        let answer = socket.rest().await;
        let status = answer
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3));
        // An incomplete body is answered 503 after the timeout; everything else is a client error.
        let fits = |status: &str| status.starts_with('4') || status == "503";
        assert!(
            answer.is_empty() || status.is_some_and(fits),
            "{shown:?}: {answer}"
        );
        assert_eq!(app.anonymous().get("/healthz").await.status, 200);
    }
}

#[tokio::test]
async fn a_connection_with_an_ambiguous_request_serves_no_second_one() {
    let app = App::start();
    for smuggling in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}GET /healthz HTTP/1.1\r\n\r\n",
    ] {
        let mut socket = Socket::open(&app).await;
        socket.send(format!("{LOGIN}{smuggling}")).await;
        let answer = socket.rest().await;
        assert!(!answer.contains("200 OK"), "{answer}");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
}

#[tokio::test]
async fn malformed_cookies_do_not_hide_valid_ones() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    let session = browser.cookie("munjigi_session").unwrap();
    for odd in [
        &b"old=\xff"[..],
        b"consent",
        b"a=%ff",
        b"=",
        b"",
        "키=값".as_bytes(),
    ] {
        let head = b"GET /admin/account HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: ";
        let valid = format!("; munjigi_session={session}; a=b\r\n\r\n");
        let mut socket = Socket::open(&app).await;
        socket.send([head, odd, valid.as_bytes()].concat()).await;
        let answer = socket.rest().await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n"),
            "{odd:?}: {answer}"
        );
    }
}
