//! Traces: the spans of a request, their parents, who decides what is traced, and what they do not contain.

use munjigi::config::Config;
use serde_json::{Value, json};

use crate::support::{
    App, TIMEOUT,
    receiver::{Answer, Receiver},
    wait_until,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{SPAN}-{flags}")
}

async fn request_code(app: &App, username: &str) {
    let body = json!({ "username": username });
    let answer = app.anonymous().post("/clients/otp/request", body).await;
    answer.assert(200, "OTP_SENT");
}

/// Sends all spans to this collector.
fn traced(config: &mut Config, collector: &Receiver) {
    config.traces.endpoint = Some(collector.url.parse().unwrap());
}

/// The spans that the collector has got.
fn spans(collector: &Receiver) -> Vec<Value> {
    let mut spans = Vec::new();
    for request in collector.received() {
        assert_eq!(request.headers["content-type"], "application/json");
        let body = request.json();
        let resource = &body["resourceSpans"][0];
        let service = &resource["resource"]["attributes"][0];
        assert_eq!(service["key"], "service.name");
        assert_eq!(service["value"]["stringValue"], "munjigi");
        let of_scope = &resource["scopeSpans"][0]["spans"];
        spans.extend(of_scope.as_array().unwrap().iter().cloned());
    }
    spans
}

/// The spans of this name, once there are `count`.
async fn named(collector: &Receiver, name: &str, count: usize) -> Vec<Value> {
    wait_until(name, async || {
        let mut found = spans(collector);
        found.retain(|span| span["name"] == name);
        (found.len() >= count).then_some(found)
    })
    .await
}

fn attribute<'a>(span: &'a Value, name: &str) -> &'a Value {
    let attributes = span["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|one| one["key"] == name);
    let value = found.unwrap_or_else(|| panic!("{name} in {span}"));
    let values = value["value"].as_object().unwrap();
    values.values().next().unwrap()
}

fn nanos(span: &Value, name: &str) -> u64 {
    span[name].as_str().unwrap().parse().unwrap()
}

#[actix_web::test]
async fn a_login_has_a_span_for_the_request_its_queries_and_its_hash() {
    let collector = Receiver::start(&[]);
    let app = App::with(|config| traced(config, &collector));
    app.user("ann").await;
    let request = named(&collector, "POST /auth/login", 1).await.remove(0);
    assert_eq!(request["kind"], 2);
    assert_eq!(request.get("parentSpanId"), None);
    assert_eq!(request.get("status"), None);
    assert_eq!(attribute(&request, "http.request.method"), "POST");
    assert_eq!(attribute(&request, "http.route"), "/auth/login");
    assert_eq!(attribute(&request, "http.response.status_code"), "200");
    let (begun, ended) = (
        nanos(&request, "startTimeUnixNano"),
        nanos(&request, "endTimeUnixNano"),
    );
    assert!(begun / 1_000 == 1_771_072_245_678_901 && ended > begun);
    let system = match app.services().store.backend() {
        "SQLite" => "sqlite",
        _ => "postgresql",
    };
    for (name, kind) in [("read", 3), ("write", 3), ("hash", 1)] {
        let of_request = |span: &&Value| span["parentSpanId"] == request["spanId"];
        let found = named(&collector, name, 1).await;
        let span = found.iter().find(of_request).unwrap();
        assert_eq!(span["traceId"], request["traceId"]);
        assert_eq!(span["kind"], kind);
        if kind == 3 {
            assert_eq!(attribute(span, "db.system.name"), system);
        } else {
            attribute(span, "munjigi.wait_us");
        }
    }
}

#[actix_web::test]
async fn a_delivery_is_part_of_the_trace_of_its_request() {
    let collector = Receiver::start(&[]);
    let app = App::with_gateway(|config| traced(config, &collector));
    app.make_client("acme").await;
    request_code(&app, "acme").await;
    app.codes(1).await;
    let request = named(&collector, "POST /clients/otp/request", 1).await;
    let delivery = named(&collector, "delivery", 1).await.remove(0);
    assert_eq!(delivery["parentSpanId"], request[0]["spanId"]);
    assert_eq!(delivery["traceId"], request[0]["traceId"]);
    assert_eq!(attribute(&delivery, "munjigi.delivery.channel"), "webhook");
    assert_eq!(attribute(&delivery, "munjigi.delivery.kind"), "code");
    assert_eq!(attribute(&delivery, "munjigi.delivery.attempts"), "1");
}

#[actix_web::test]
async fn the_trace_of_the_caller_is_continued() {
    let collector = Receiver::start(&[]);
    let app = App::with(|config| traced(config, &collector));
    let (valid, invalid) = (traceparent("01"), "00-nonsense");
    for header in [&*valid, invalid] {
        let call = app.anonymous().get("/api/me").header("traceparent", header);
        call.await.assert(401, "UNAUTHORIZED");
    }
    let spans = named(&collector, "GET /api/me", 2).await;
    let is_continued = |span: &&Value| span["traceId"] == TRACE;
    let (continued, new): (Vec<_>, Vec<_>) = spans.iter().partition(is_continued);
    assert_eq!((continued.len(), new.len()), (1, 1), "{spans:?}");
    assert_eq!(continued[0]["parentSpanId"], SPAN);
    assert_eq!(new[0].get("parentSpanId"), None);
    assert_eq!(attribute(new[0], "http.response.status_code"), "401");
}

#[actix_web::test]
async fn a_trusted_proxy_decides_what_is_traced_and_nobody_else_does() {
    let collector = Receiver::start(&[]);
    let app = App::with(|config| {
        traced(config, &collector);
        config.traces.sample_ratio = 0.0;
    });
    let call = |app: &App, path, flags: &str| {
        let call = app.anonymous().get(path);
        call.header("traceparent", &traceparent(flags))
    };
    call(&app, "/api/me", "01").await.assert_status(401);
    let app = app.restarted_with(|config| {
        config.server.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    });
    call(&app, "/api/me", "00").await.assert_status(401);
    app.anonymous().get("/api/me").await.assert_status(401);
    call(&app, "/auth/sessions", "01").await.assert_status(401);
    named(&collector, "GET /auth/sessions", 1).await;
    assert_eq!(spans(&collector).len(), 1);
}

#[actix_web::test]
async fn spans_have_no_personal_data() {
    let collector = Receiver::start(&[]);
    let app = App::with_gateway(|config| {
        traced(config, &collector);
        config.server.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    });
    let ann = app.admin("ann").await;
    app.make_client("acme").await;
    request_code(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    let list = ann
        .get("/api/users?search=ann")
        .header("user-agent", "Shop/1");
    let list = list.header("x-forwarded-for", "192.0.2.7").await;
    list.assert_status(200);
    ann.get("/api/users/1").await.assert_status(200);
    let wrong = json!({"username": "ann@example.org", "password": "not hers"});
    let refused = app.anonymous().post("/auth/login", wrong).await;
    refused.assert(401, "INVALID_CREDENTIALS");
    ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    named(&collector, "POST /auth/logout", 1).await;
    named(&collector, "delivery", 1).await;
    let spans = json!(spans(&collector)).to_string();
    for known in [
        "ann@",
        "acme",
        "not hers",
        "Shop/1",
        "192.0.2.7",
        "127.0.0.1",
        "search",
        "/api/users/1",
        "SELECT",
        &*code,
        &ann.access,
        &ann.refresh,
    ] {
        assert!(!spans.contains(known), "{known} in {spans}");
    }
    assert!(spans.contains("GET /api/users/{"), "{spans}");
}

#[actix_web::test]
async fn a_collector_that_fails_delays_no_request_and_its_spans_are_counted() {
    let collector = Receiver::start(&[Answer::status(503)]);
    let app = App::with(|config| {
        traced(config, &collector);
        let headers = "authorization=Bearer 0123,x-tenant=a";
        config.traces.headers = Some(munjigi::config::Secret::new(headers));
    });
    app.user("ann").await;
    let request = collector.wait_for(1).await.remove(0);
    assert_eq!(request.headers["authorization"], "Bearer 0123");
    assert_eq!(request.headers["x-tenant"], "a");
    let tracer = app.services().traces.as_ref().unwrap();
    wait_until("failed spans", async || {
        (tracer.counts().failed > 0).then_some(())
    })
    .await;
    assert_eq!(tracer.counts().exported, 0);
}

#[actix_web::test]
async fn probes_are_not_traced_and_what_is_left_is_sent_at_the_end() {
    let collector = Receiver::start(&[]);
    let app = App::with(|config| traced(config, &collector));
    app.anonymous().get("/healthz").await.assert_status(200);
    app.anonymous().get("/api/me").await.assert_status(401);
    let tracer = app.services().traces.as_ref().unwrap();
    tracer.drain(TIMEOUT).await;
    let names: Vec<Value> = spans(&collector)
        .iter()
        .map(|span| span["name"].clone())
        .collect();
    assert_eq!(names, [json!("GET /api/me")]);
}

/// Waits until the spans that were sent or dropped since the start are these.
async fn counted(app: &App, exported: u64, failed: u64) {
    let tracer = app.services().traces.as_ref().unwrap();
    wait_until("the counts", async || {
        let counts = tracer.counts();
        (counts.exported == exported && counts.failed == failed).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn spans_are_sent_again_if_the_collector_is_overloaded_and_not_if_it_refuses_them() {
    for status in [429, 502, 503, 504] {
        let answers = [
            Answer::with(status, "retry-after", "1"),
            Answer::status(200),
        ];
        let collector = Receiver::start(&answers);
        let app = App::with(|config| traced(config, &collector));
        app.anonymous().get("/api/me").await.assert_status(401);
        let got = collector.wait_for(2).await;
        assert_eq!(got[0].body, got[1].body, "{status}");
        counted(&app, 1, 0).await;
    }
    for status in [400, 401, 404, 500] {
        let collector = Receiver::start(&[Answer::status(status), Answer::status(200)]);
        let app = App::with(|config| traced(config, &collector));
        app.anonymous().get("/api/me").await.assert_status(401);
        counted(&app, 0, 1).await;
        app.anonymous().get("/api/me").await.assert_status(401);
        counted(&app, 1, 1).await;
        let got = collector.received();
        assert_eq!(got.len(), 2, "{status}");
        assert_ne!(got[0].body, got[1].body, "{status}");
    }
}

#[actix_web::test]
async fn spans_are_sent_again_after_the_pause_that_the_collector_asks_for() {
    let answers = [Answer::with(503, "retry-after", "4"), Answer::status(200)];
    let collector = Receiver::start(&answers);
    let app = App::with(|config| traced(config, &collector));
    app.anonymous().get("/api/me").await.assert_status(401);
    collector.wait_for(1).await;
    let began = std::time::Instant::now();
    // By itself it would pause for a second at most.
    collector.wait_for(2).await;
    let paused = began.elapsed();
    assert!(paused > std::time::Duration::from_secs(3), "{paused:?}");
    counted(&app, 1, 0).await;
}

#[actix_web::test]
async fn spans_are_sent_again_if_the_connection_breaks() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let app = App::with(|config| config.traces.endpoint = Some(url.parse().unwrap()));
    app.anonymous().get("/api/me").await.assert_status(401);
    let collector = std::thread::spawn(move || {
        drop(listener.accept().unwrap());
        let (mut second, _) = listener.accept().unwrap();
        let mut begin = [0; 4];
        std::io::Read::read_exact(&mut second, &mut begin).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        std::io::Write::write_all(&mut second, answer).unwrap();
        begin
    });
    counted(&app, 1, 0).await;
    assert_eq!(&collector.join().unwrap(), b"POST");
}
