//! Errors outside of the handlers, on the routes of SimpleJWT and below them: in the form of Django REST framework.

use munjigi::config::Span;
use serde_json::{Value, json};

use super::routes::enabled;
use crate::support::App;

/// The head of a log-in whose body is never complete.
const UNFINISHED: &str = "POST /api/token/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n";

/// The status, headers and JSON body of an answer as it was received.
fn parts(answer: &str) -> (&str, &str, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let (status, headers) = head.split_once("\r\n").unwrap();
    let body = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
    (status, headers, body)
}

#[tokio::test]
async fn an_unknown_path_below_the_routes_is_not_found_in_the_form_of_django_rest_framework() {
    let app = App::with(enabled);
    let not_found = json!({"detail": "Not found."});
    for path in [
        "/api/token/nothing",
        "/api/token/refresh/nothing/",
        "/api//token/nothing",
        "/api/token/sliding/",
        "/api/token/%6eothing",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = app.anonymous().call(method, path).await;
            assert_eq!(answer.header("allow"), None, "{path}");
            answer.assert_body(404, &not_found);
        }
        // There is one form, whatever the caller prefers.
        let answer = app.anonymous().get(path);
        let answer = answer.header("accept", "application/problem+json").await;
        answer.assert_body(404, &not_found);
        let korean = app.anonymous().get(path).korean().await;
        korean.assert_body(404, &json!({"detail": "찾을 수 없습니다."}));
    }
    // Other paths have munjigi's form.
    for path in ["/api/token2", "/api/token-x/refresh", "/api/nothing"] {
        app.anonymous().get(path).await.assert(404, "NOT_FOUND");
    }
    let app = app.restarted_with(|config| config.simplejwt.enabled = false);
    let answer = app.anonymous().get("/api/token/nothing").await;
    answer.assert(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_body_that_is_too_large_or_encoded_is_refused_in_the_form_of_django_rest_framework() {
    let app = App::with(enabled);
    let large = json!({"username": "x".repeat(70_000), "password": "x"});
    for path in ["/api/token/", "/api/token/refresh/", "/api/token/blacklist"] {
        let answer = app.anonymous().post(path, large.clone()).await;
        answer.assert_body(413, &json!({"detail": "The request body is too large."}));
        let call = app.anonymous().post(path, json!({}));
        let text = "Unsupported media type \"application/json\" in request.";
        let answer = call.header("content-encoding", "gzip").await;
        answer.assert_body(415, &json!({"detail": text}));
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_unavailable_in_the_form_of_django_rest_framework() {
    let app = App::with(|config| {
        enabled(config);
        config.server.request_timeout = Span::millis(300);
    });
    let slow = format!("{UNFINISHED}Content-Length: 9\r\n\r\nx");
    let answer = app.anonymous().raw(slow.as_bytes()).await;
    let (status, headers, body) = parts(&answer);
    assert!(status.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        headers.to_lowercase().contains("retry-after: 1"),
        "{answer}"
    );
    let text = "Service temporarily unavailable, try again later.";
    assert_eq!(body, json!({"detail": text}));
}

#[tokio::test]
async fn a_form_without_boundary_is_a_bad_request_in_the_form_of_django_rest_framework() {
    let app = App::with(enabled);
    let call = app.anonymous().call("POST", "/api/token/");
    let answer = call
        .raw_body("multipart/form-data", "--b\r\n\r\n--b--")
        .await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.starts_with("Multipart form parse error - "));
}
