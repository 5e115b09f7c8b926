//! Metrics: served at their own address if one is configured, and nowhere else.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::json;

use super::place::Place;

/// A client that takes every format.
pub const ANY: &str = "*/*";
/// What Prometheus 2 sends.
pub const OPEN_METRICS: &str =
    "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// The response to a GET: its status line, and everything after it.
pub fn fetched(address: &str, path: &str, accept: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    );
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
    let (status, text) = fetched(address, "/metrics", OPEN_METRICS);
    assert_eq!(status, "HTTP/1.1 200 OK");
    let refused = fetched(address, "/nothing", ANY).1;
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
    let elsewhere = fetched(address, "/auth/login", ANY).0;
    assert_eq!(elsewhere, "HTTP/1.1 404 Not Found");
    assert_eq!(client.get("/metrics", &pair.access).status, 404);
    server.stop();
}

#[test]
fn requests_logins_refusals_and_states_are_counted() {
    let place = Place::new().with("MUNJIGI_METRICS__LISTEN", "127.0.0.1:0");
    place.user("staff@example.org", "staff");
    let server = place.serve();
    let address = &metrics_address(&server.startup());
    let mut client = server.client();
    let pair = client.session("staff@example.org");
    let wrong = json!({"username": "staff@example.org", "password": "wrong"});
    for _ in 0..2 {
        assert_eq!(client.post("/auth/login", &[], &wrong).status, 401);
    }
    assert_eq!(client.get("/api/me", &pair.access).status, 200);
    assert_eq!(client.get("/api/me", "nonsense").status, 401);
    assert_eq!(client.refresh("nonsense").status, 401);
    assert_eq!(client.get("/api/nothing/4711", &pair.access).status, 404);
    let (_, text) = fetched(address, "/metrics", ANY);
    assert!(
        text.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"),
        "{text}"
    );
    for line in [
        r#"munjigi_http_requests_total{route="/auth/login",method="POST",status="200"} 1"#,
        r#"munjigi_http_requests_total{route="/auth/login",method="POST",status="401"} 2"#,
        r#"munjigi_http_requests_total{route="/api/me",method="GET",status="200"} 1"#,
        r#"munjigi_http_requests_total{route="-",method="GET",status="404"} 1"#,
        r#"munjigi_http_request_duration_seconds_count{route="/auth/login",method="POST"} 3"#,
        r#"munjigi_http_request_duration_seconds_bucket{route="/auth/login",method="POST",le="+Inf"} 3"#,
        r#"munjigi_logins_total{user_type="user",outcome="accepted"} 1"#,
        r#"munjigi_logins_total{user_type="user",outcome="refused"} 2"#,
        r#"munjigi_refusals_total{operation="login",reason="invalid_credentials"} 2"#,
        r#"munjigi_refusals_total{operation="access",reason="invalid_token"} 1"#,
        r#"munjigi_refusals_total{operation="refresh",reason="invalid_token"} 1"#,
        r#"munjigi_refusals_total{operation="refresh",reason="rate_limited"} 0"#,
        r#"munjigi_hash_queue_wait_seconds_count{lane="other"} 3"#,
        r#"munjigi_hash_queue_rejected_total{lane="known"} 0"#,
        r#"munjigi_deliveries_total{channel="console",outcome="sent"} 0"#,
        "munjigi_sessions 1",
        r#"munjigi_accounts{user_type="user"} 1"#,
        r#"munjigi_refresh_tokens{state="outstanding"} 1"#,
        r#"munjigi_flush_backlog_rows{table="sessions"} 0"#,
        "munjigi_flush_backlog_age_seconds 0",
        r#"munjigi_signing_keys{state="active"} 1"#,
        "munjigi_database_up 1",
        r#"munjigi_database_pool_waiting{pool="lists"} 0"#,
        r#"munjigi_trace_spans_total{outcome="dropped"} 0"#,
    ] {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let found = text
            .lines()
            .find_map(|own| own.strip_prefix(name)?.strip_prefix(' '));
        let found = found.map(|found| found.parse::<f64>().unwrap());
        assert_eq!(found, Some(value.parse().unwrap()), "{name} in {text}");
    }
    for secret in ["staff@", "127.0.0.1", "4711", &pair.access, &pair.refresh] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
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
    let (_, text) = fetched(&address, "/metrics", ANY);
    assert!(text.contains("\nmunjigi_audit_chain_broken 1\n"), "{text}");
    let found = place.run(&["check"]);
    assert_eq!(found.code, Some(1));
    assert!(found.stdout.contains("problem  Audit chain"), "{found:?}");
    server.wait_for_log("the audit chain is damaged");
    server.stop();
}

#[test]
fn a_request_that_ends_by_a_timeout_has_its_route() {
    let place = Place::new()
        .with("MUNJIGI_METRICS__LISTEN", "127.0.0.1:0")
        .with("MUNJIGI_SERVER__REQUEST_TIMEOUT", "1s");
    let server = place.serve();
    let address = &metrics_address(&server.startup());
    for path in ["/auth/login", "/auth/refresh"] {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        let _reset = stream.read_to_string(&mut answer);
        assert!(answer.starts_with("HTTP/1.1 503 "), "{path}: {answer}");
    }
    let (_, text) = fetched(address, "/metrics", ANY);
    let line = r#"munjigi_http_requests_total{route="/auth/login",method="POST",status="503"} 1"#;
    assert!(text.lines().any(|own| own == line), "{line} in {text}");
    let log = server.stop().stdout;
    let mut lines = log.lines();
    let logged =
        lines.any(|line| line.contains("\"route\":\"/auth/login\"") && line.contains("503"));
    assert!(logged, "{log}");
}
