//! Metrics: served at their own address if one is configured, and nowhere else.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use super::place::Place;

/// The response to a GET: its status line, and everything after it.
pub fn fetched(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (first, rest) = answer.split_once("\r\n").unwrap();
    (first.to_owned(), rest.to_owned())
}

/// The address of the metrics in the startup message.
pub fn metrics_address(startup: &str) -> String {
    let mut lines = startup.lines();
    let found = lines.find_map(|line| {
        let rest = line.strip_prefix("  metrics at     http://")?;
        rest.strip_suffix("/metrics")
    });
    found.unwrap_or_else(|| panic!("{startup}")).to_owned()
}

#[test]
fn metrics_are_served_at_their_own_address_only() {
    let place = Place::new().with("MUNJIGI_METRICS__LISTEN", "127.0.0.1:0");
    place.user("staff@example.org", "staff");
    let server = place.serve();
    let mut client = server.client();
    let pair = client.session("staff@example.org");
    client.try_log_out(&pair).unwrap();
    let address = &metrics_address(&server.startup());
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
        "munjigi_audit_chain_broken 0",
        "munjigi_dropped_log_lines_total 0",
        "munjigi_backup_failures_total 0",
        "munjigi_last_backup_timestamp_seconds 0",
        "# UNIT munjigi_audit_chain_lag_seconds seconds",
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

#[test]
fn a_damaged_audit_chain_shows_at_the_start_in_the_log_the_metrics_and_the_check() {
    let place = Place::new().with("MUNJIGI_METRICS__LISTEN", "127.0.0.1:0");
    place.user("staff@example.org", "staff");
    place
        .database
        .execute("UPDATE audit_chain SET last_position = 0");
    let server = place.serve();
    let startup = server.startup();
    let address = metrics_address(&startup);
    let (_, text) = fetched(&address, "/metrics");
    assert!(text.contains("\nmunjigi_audit_chain_broken 1\n"), "{text}");
    let found = place.run(&["check"]);
    assert_eq!(found.code, Some(1));
    assert!(found.stdout.contains("problem  Audit chain"), "{found:?}");
    server.wait_for_log("the audit chain is damaged");
    server.stop();
}
