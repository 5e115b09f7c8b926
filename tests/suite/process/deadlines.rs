//! Connections that send or read too little: each is closed, in whichever state it is, and others are served meanwhile.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    thread,
};

use flate2::{Compression, write::GzEncoder};

use super::{
    place::Place,
    server::{Server, eventually},
};

/// What a client sends before it falls silent. `PATH` is a path of the listener that reads no body.
const STATES: [(&str, &str); 13] = [
    ("nothing", ""),
    ("a part of a head", "GET PATH HTTP/1.1\r\nHost: x\r\nX-A"),
    ("a complete request", "GET PATH HTTP/1.1\r\nHost: x\r\n\r\n"),
    (
        "a part of a chunk that is not read",
        "GET PATH HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ),
    (
        "a part of a body that is not read",
        "GET PATH HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab",
    ),
    (
        "a part of a body for a path that does not exist",
        "POST /no/such/path HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ),
    (
        "a part of a body that is read",
        "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
    ),
    (
        "the announcement of a body",
        "POST /auth/login HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99\r\n\r\n",
    ),
    (
        "a part of a head behind a request",
        "GET PATH HTTP/1.1\r\nHost: x\r\n\r\nGET PATH HT",
    ),
    (
        "a part of a head behind a body",
        "POST /auth/verify HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}GET PATH HT",
    ),
    (
        "a part of a head behind a chunked body",
        "POST /auth/verify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET PATH HT",
    ),
    ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    (
        "the beginning of TLS",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}",
    ),
];

fn with_short_deadlines() -> Place {
    Place::new()
        .with("MUNJIGI_METRICS__LISTEN", "127.0.0.1:0")
        .with("MUNJIGI_SERVER__HEAD_TIMEOUT", "500ms")
        .with("MUNJIGI_SERVER__KEEP_ALIVE", "1s")
        .with("MUNJIGI_SERVER__REQUEST_TIMEOUT", "2s")
}

fn metrics_address(startup: &str) -> String {
    let line = startup.lines().find(|line| line.contains("metrics at"));
    let (_, rest) = line.unwrap().split_once("http://").unwrap();
    rest.strip_suffix("/metrics").unwrap().to_owned()
}

/// Whether the server has closed the connection. Reads what it has sent.
fn is_closed(mut stream: &TcpStream) -> bool {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

fn opened(address: &str, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(sent.as_bytes()).unwrap();
    stream.set_nonblocking(true).unwrap();
    stream
}

#[test]
fn a_connection_is_closed_in_every_state_in_which_its_client_is_silent() {
    let place = with_short_deadlines();
    let server = place.serve();
    let metrics = metrics_address(&server.startup());
    let listeners = [
        (server.address.to_string(), "/healthz"),
        (metrics, "/metrics"),
    ];
    let mut open = Vec::new();
    for (address, path) in &listeners {
        for (state, sent) in STATES {
            let stream = opened(address, &sent.replace("PATH", path));
            open.push((format!("{state}, {path}"), stream));
        }
    }
    eventually(|| {
        open.retain(|(_, stream)| !is_closed(stream));
        if open.len() < 3 {
            println!(
                "open: {:?}",
                open.iter().map(|(state, _)| state).collect::<Vec<_>>()
            );
        }
        open.is_empty()
    });
    server.stop();
}

#[test]
fn a_client_that_reads_nothing_or_little_of_its_answers_is_cut_off() {
    let place = with_short_deadlines();
    let server = place.serve();
    let requests = "GET /static/app.css HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    for reads in [false, true] {
        let mut stream = opened(&server.address.to_string(), "");
        eventually(|| {
            if reads {
                let _ = stream.read(&mut [0]);
            }
            // The server reads no more requests while the client does not read its answers.
            loop {
                if let Err(error) = stream.write_all(requests.as_bytes()) {
                    return error.kind() != ErrorKind::WouldBlock;
                }
            }
        });
    }
    server.stop();
}

/// `VmHWM` or `VmRSS` of the server, in KiB.
fn memory(server: &Server, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn compressed_bodies_are_refused_and_never_decompressed() {
    const ZEROS: usize = 60 * 1024 * 1024;
    const LIMIT_KIB: u64 = 20 * 1024;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&vec![0; ZEROS]).unwrap();
    let bomb = encoder.finish().unwrap();
    let place = Place::new();
    let server = place.serve();
    server.client().get("/admin/login", "");
    let idle = memory(&server, "VmRSS:");
    for (path, media_type) in [
        ("/admin/login", "application/x-www-form-urlencoded"),
        ("/admin/language", "application/x-www-form-urlencoded"),
        ("/admin/setup/x", "application/x-www-form-urlencoded"),
        ("/account/password/x", "application/x-www-form-urlencoded"),
        ("/auth/login", "application/json"),
        ("/clients/otp/request", "application/json"),
        ("/healthz", "application/json"),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Type: {media_type}\r\n\
             Content-Length: {}\r\n\r\n",
            bomb.len()
        );
        thread::scope(|scope| {
            for _ in 0..40 {
                scope.spawn(|| {
                    let mut client = server.client();
                    // The server may answer and close before it has read everything.
                    let _ = client.raw(head.as_bytes());
                    let _ = client.raw(&bomb);
                    if let Ok(answer) = client.receive() {
                        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
                    }
                });
            }
        });
        let peak = memory(&server, "VmHWM:");
        assert!(
            peak < idle + LIMIT_KIB,
            "{path}: {idle} KiB, then up to {peak} KiB"
        );
    }
    server.stop();
}

#[test]
fn many_silent_connections_keep_no_other_client_from_being_served() {
    const MANY: usize = 300;
    let place = Place::new().with("MUNJIGI_SERVER__MAX_CONNECTIONS", "100");
    let server = place.serve();
    let address = server.address.to_string();
    // None of these has a request in progress, so none of them is closed by a deadline soon.
    for (state, sent) in [STATES[0], STATES[1], STATES[2], STATES[3], STATES[8]] {
        let sent = sent.replace("PATH", "/healthz");
        let mut silent = Vec::new();
        for _ in 0..MANY {
            let mut stream = TcpStream::connect(&address).unwrap();
            // The server may have closed it already.
            let _ = stream.write_all(sent.as_bytes());
            silent.push(stream);
        }
        let is_served = || {
            let answer = server.client().try_get("/healthz", "");
            answer.is_ok_and(|answer| answer.status == 200)
        };
        // While the silent connections are still being accepted, the answer can be 503, or the connection can be closed for
        // one of them before its request has arrived.
        println!("{MANY} connections that sent {state}");
        eventually(|| (0..20).all(|_| is_served()));
    }
    server.stop();
}
