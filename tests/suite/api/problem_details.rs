//! Errors as problem details (RFC 9457), for callers that ask for them. Which header asks, and that both forms of every code
//! say the same, is tested beside the code.

use munjigi::config::Span;
use serde_json::{Value, json};

use crate::support::{Answer, App, Browser};

const PROBLEM: &str = "application/problem+json";

/// Asserts that an answer has problem details with this status and code, and returns them.
#[track_caller]
fn problem(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(
        answer.header("content-type"),
        Some(PROBLEM),
        "{}",
        answer.text
    );
    let body = &answer.body;
    assert_eq!((answer.status, &body["status"]), (status, &json!(status)));
    assert_eq!(body["code"], code, "{}", answer.text);
    assert_eq!(body["instance"], answer.header("x-request-id").unwrap());
    assert!(body["detail"].as_str().is_some_and(|text| !text.is_empty()));
    assert!(body.get("success").is_none() && body.get("message").is_none());
    assert_eq!(answer.header("vary"), Some("Accept"));
    body.clone()
}

#[tokio::test]
async fn errors_of_every_part_of_the_server_are_problem_details_if_the_caller_asks() {
    let app = App::with(|config| config.server.request_timeout = Span::seconds(3));
    let staff = app.user("staff").await;
    let root = app.admin("root").await;
    let remote = app.anonymous();
    let text = || remote.call("POST", "/auth/verify");
    let exists =
        json!({"email": "staff@example.org", "name": "x", "password": "another long passphrase"});
    for (call, status, code) in [
        (remote.get("/nothing"), 404, "NOT_FOUND"),
        (remote.get("/static/nothing"), 404, "NOT_FOUND"),
        (remote.call("PUT", "/api/me"), 405, "METHOD_NOT_ALLOWED"),
        (remote.get("/api/me"), 401, "UNAUTHORIZED"),
        (remote.get("/api/me").bearer("x"), 401, "INVALID_TOKEN"),
        (remote.refresh("x"), 401, "INVALID_TOKEN"),
        (remote.get("/oauth/status-lists/0"), 404, "NOT_FOUND"),
        (
            text().raw_body("text/plain", "x"),
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        (
            text().raw_body("application/json", "x".repeat(70_000)),
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        (
            text().raw_body("application/json", "{"),
            400,
            "INVALID_REQUEST",
        ),
        (staff.post("/api/users", json!({})), 403, "FORBIDDEN"),
        (root.get("/api/users?page=x"), 400, "INVALID_REQUEST"),
        (root.get("/api/users/99"), 404, "USER_NOT_FOUND"),
        (root.post("/api/users", exists), 409, "ALREADY_EXISTS"),
    ] {
        problem(&call.header("accept", PROBLEM).await, status, code);
    }
    let slow = "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nConnection: close\r\n\
        Accept: application/problem+json\r\n\r\nx";
    let late = remote.raw(slow.as_bytes()).await;
    assert!(late.starts_with("HTTP/1.1 503 "), "{late}");
    assert!(
        late.contains(PROBLEM) && late.contains("\"code\":\"OVERLOADED\""),
        "{late}"
    );
}

#[tokio::test]
async fn problem_details_name_the_fields_and_speak_the_language_of_the_caller() {
    let app = App::start();
    let body = json!({"username": "x"});
    let answer = app.anonymous().post("/auth/login", body);
    let answer = answer.header("accept", PROBLEM).korean().await;
    let details = problem(&answer, 400, "INVALID_REQUEST");
    assert_eq!(details["title"], "Bad Request");
    assert_eq!(details["type"], "/docs#INVALID_REQUEST");
    let page = Browser::open(&app.browser(), "/docs").await;
    assert_eq!(page.count("#INVALID_REQUEST"), 1);
    assert_eq!(answer.header("content-language"), Some("ko"));
    assert!(details["errors"]["password"][0].as_str().is_some());
    assert!(!details["detail"].as_str().unwrap().is_ascii());
}

#[tokio::test]
async fn the_type_is_an_address_below_the_public_url() {
    let url = "https://example.org/login";
    let app = App::with(|config| config.server.public_url = Some(url.parse().unwrap()));
    let answer = app.anonymous().get("/nothing").header("accept", PROBLEM);
    let details = problem(&answer.await, 404, "NOT_FOUND");
    assert_eq!(details["type"], "https://example.org/login/docs#NOT_FOUND");
}

#[tokio::test]
async fn the_envelope_stays_for_everybody_else_and_for_successes() {
    let app = App::start();
    let ann = app.user("ann").await;
    for accept in [
        "application/json",
        "*/*",
        "application/json, application/problem+json;q=0.9",
    ] {
        let answer = app.anonymous().get("/nothing").header("accept", accept);
        let answer = answer.await.assert(404, "NOT_FOUND");
        assert_eq!(answer.header("vary"), Some("Accept"), "{accept}");
    }
    let me = ann.get("/api/me").header("accept", PROBLEM).await;
    assert_eq!(
        me.assert(200, "ME").header("content-type"),
        Some("application/json")
    );
    let page = app.anonymous().call("HEAD", "/admin/nothing");
    let page = page.header("accept", PROBLEM).await;
    assert_ne!(page.header("content-type"), Some(PROBLEM));
}
