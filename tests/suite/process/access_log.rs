//! The line of a request: the client's address and program, and the size of the answer, each unless it is turned off.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use super::{
    place::Place,
    server::{Server, eventually},
};

/// The lines of requests in a log, once there are `count`.
fn lines(server: Server, count: usize) -> Vec<Value> {
    let requests = |log: &str| -> Vec<Value> {
        let lines = log.lines().map(serde_json::from_str::<Value>);
        let lines = lines.filter_map(Result::ok);
        lines
            .filter(|line| line["target"] == "munjigi::request")
            .collect()
    };
    eventually(|| requests(&server.log()).len() >= count);
    let lines = requests(&server.stop().stdout);
    assert_eq!(lines.len(), count, "{lines:?}");
    lines
}

/// Sends a request on a connection of its own; the number of bytes of the answer's body.
fn body_of(server: &Server, line: &str, headers: &str) -> usize {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let head = format!("{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.unwrap() + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        chunks(body)
    } else {
        body.len()
    }
}

/// The sum of the lengths of chunks.
fn chunks(mut body: &[u8]) -> usize {
    let mut sum = 0;
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = std::str::from_utf8(&body[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return sum;
        }
        sum += length;
        body = &body[end + 2 + length + 2..];
    }
}

#[test]
fn a_line_has_the_clients_address_its_program_and_the_size_of_the_answer() {
    let place = Place::new().with("MUNJIGI_SERVER__TRUSTED_PROXIES", "127.0.0.1");
    let server = place.serve();
    let program = format!("shop/1.0 {}", "x".repeat(1_000));
    let from = format!("X-Forwarded-For: 192.0.2.7\r\nUser-Agent: {program}\r\n");
    let refused = body_of(&server, "GET /api/me", &from);
    // Compressed, so that the size is known only at the end.
    let page = body_of(&server, "GET /admin/login", "Accept-Encoding: gzip\r\n");
    let nothing = body_of(&server, "HEAD /healthz", "");
    assert_eq!(nothing, 0);
    let lines = lines(server, 3);
    let line = |route: &str| lines.iter().find(|line| line["route"] == route).unwrap();
    let me = line("/api/me");
    assert_eq!(me["address"], "192.0.2.7", "{me}");
    assert_eq!(me["user_agent"], program[..256], "{me}");
    assert_eq!(me["bytes"], refused, "{me}");
    let login = line("/admin/login");
    assert_eq!(login["address"], "127.0.0.1", "{login}");
    assert_eq!(login["user_agent"], Value::Null, "{login}");
    assert_eq!(login["bytes"], page, "{login}");
    assert!(page > 500, "{page}");
    assert_eq!(line("/healthz")["bytes"], 0);
}

#[test]
fn address_program_size_and_health_checks_can_be_left_out() {
    let place = Place::new()
        .with("MUNJIGI_LOG__CLIENT_ADDRESS", "false")
        .with("MUNJIGI_LOG__USER_AGENT", "false")
        .with("MUNJIGI_LOG__RESPONSE_BYTES", "false")
        .with("MUNJIGI_LOG__HEALTH_CHECKS", "false");
    let server = place.serve();
    let mut client = server.client();
    client.headers = vec![("User-Agent".into(), "shop/1.0".into())];
    for path in ["/healthz", "/readyz", "/api/me"] {
        client.get(path, "");
    }
    let lines = lines(server, 1);
    assert_eq!(lines[0]["route"], json!("/api/me"));
    for left_out in ["address", "user_agent", "bytes"] {
        assert_eq!(lines[0].get(left_out), None, "{}", lines[0]);
    }
}
