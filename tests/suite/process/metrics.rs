//! Metrics: served at their own address if one is configured, and nowhere else.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use super::place::Place;

/// The response to a GET: its status line, and everything after it.
fn fetched(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (first, rest) = answer.split_once("\r\n").unwrap();
    (first.to_owned(), rest.to_owned())
}

#[test]
fn metrics_are_served_at_their_own_address_only() {
    let place = Place::new().with("MUNJIGI_METRICS__LISTEN", "127.0.0.1:0");
    place.user("staff@example.org", "staff");
    let server = place.serve();
    let mut client = server.client();
    let pair = client.session("staff@example.org");
    client.try_log_out(&pair).unwrap();
    let startup = server.startup();
    let address = startup
        .lines()
        .find_map(|line| line.strip_prefix("  metrics at     http://"))
        .and_then(|rest| rest.strip_suffix("/metrics"))
        .unwrap_or_else(|| panic!("{startup}"));
    let (status, text) = fetched(address, "/metrics");
    assert_eq!(status, "HTTP/1.1 200 OK");
    let refused = fetched(address, "/nothing").1;
    for header in [
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        "content-security-policy: default-src 'none'; frame-ancestors 'none'",
        "referrer-policy: no-referrer",
    ] {
        for answer in [&text, &refused] {
            let mut lines = answer.lines();
            assert!(
                lines.any(|line| line.eq_ignore_ascii_case(header)),
                "{answer}"
            );
        }
    }
    for line in [
        "munjigi_logins_total{user_type=\"user\",outcome=\"accepted\"} 1",
        "munjigi_logins_total{user_type=\"client\",outcome=\"refused\"} 0",
        "munjigi_refresh_tokens_reused_total{user_type=\"user\"} 0",
        "munjigi_revocations 1",
        "# UNIT munjigi_revocation_lag_seconds seconds",
        "# EOF",
    ] {
        assert!(text.lines().any(|own| own == line), "{line} in {text}");
    }
    let lag = text
        .lines()
        .find_map(|line| line.strip_prefix("munjigi_revocation_lag_seconds "))
        .and_then(|lag| lag.parse::<f64>().ok());
    assert!(lag.is_some_and(|lag| lag < 5.0), "{lag:?}");
    assert_eq!(fetched(address, "/auth/login").0, "HTTP/1.1 404 Not Found");
    assert_eq!(client.get("/metrics", &pair.access).status, 404);
    server.stop();
}
