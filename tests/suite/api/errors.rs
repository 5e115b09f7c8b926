//! Errors are in the envelope, including those of the framework. The test client checks the envelope on each call;
//! these tests provoke the errors.

use serde_json::{Value, json};

use super::endpoints;
use crate::support::App;

#[tokio::test]
async fn a_wrong_method_gets_the_list_of_allowed_methods() {
    // Without a public address there is no metadata of the server, and no status list.
    let app = App::with(|config| {
        config.server.public_url = Some("http://login.example.org".parse().unwrap());
        config.tokens.status_list = true;
    });
    for (path, allow) in &endpoints::allowed() {
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW",
        ] {
            for path in [path.clone(), format!("{path}/")] {
                let answer = app.anonymous().call(method, &path).korean().await;
                if allow.split(", ").any(|allowed| allowed == method) {
                    assert_ne!(answer.status, 405, "{method} {path}");
                    assert_ne!(answer.status, 404, "{method} {path}");
                    continue;
                }
                assert_eq!(answer.status, 405, "{method} {path}");
                assert_eq!(
                    answer.header("allow"),
                    Some(allow.as_str()),
                    "{method} {path}"
                );
                if method != "HEAD" {
                    let answer = answer.assert(405, "METHOD_NOT_ALLOWED");
                    assert_eq!(answer.message(), "허용되지 않은 메서드입니다");
                }
            }
        }
        let options = app.anonymous().call("OPTIONS", path).await;
        assert_eq!(
            (options.status, options.header("allow")),
            (204, Some(allow.as_str())),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_path_that_does_not_exist_is_not_found_in_the_envelope() {
    let app = App::start();
    let root = app.admin("root").await;
    for path in [
        "/api",
        "/auth",
        "/auth/",
        "/auth/logins",
        "/api/user",
        "/api/users/1/2",
        "/API/ME",
        "/admins",
        "/clients/otp",
        "/auth/login%00",
        "/%ff%fe",
        "/auth/%2e%2e/login",
        "/auth/sessions/x/y",
        "/healthz/x",
        "/api/me;x=1",
        "/auth%2Flogin",
    ] {
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            let answer = app.anonymous().call(method, path).korean().await;
            let answer = answer.assert(404, "NOT_FOUND");
            assert_eq!(
                answer.message(),
                "요청한 리소스를 찾을 수 없습니다",
                "{method} {path}"
            );
        }
    }
    root.get("/api/users/%ff")
        .await
        .assert(404, "USER_NOT_FOUND");
}

#[tokio::test]
async fn a_trailing_slash_is_optional_everywhere() {
    let app = App::start();
    let root = app.admin("root").await;
    app.make_client("acme").await;
    for (path, _) in &endpoints::allowed() {
        for method in ["GET", "POST"] {
            // A session for each route: one of them ends all sessions.
            let plain = root.again().await.call(method, path).await;
            let slashed = root.again().await.call(method, &format!("{path}/")).await;
            let (plain, slashed) = (
                (plain.status, plain.code()),
                (slashed.status, slashed.code()),
            );
            assert_eq!(plain, slashed, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn several_slashes_count_as_one_and_the_query_stays() {
    let app = App::start();
    let root = app.admin("root").await;
    app.make_client("acme").await;
    for path in ["//api//me", "/api/me//", "///api///me///"] {
        root.get(path).await.assert(200, "ME");
    }
    let found = root.get("//api///clients//?search=acm&page_size=1").await;
    let found = found.assert(200, "CLIENT_LIST");
    assert_eq!(found.body["data"][0]["username"], "acme");
    // An encoded slash is a character of its segment.
    root.get("/api%2Fme").await.assert(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_body_of_64_kib_is_read_and_one_byte_more_is_too_large() {
    let app = App::start();
    let padded = |size: usize| {
        let empty = json!({"token": "x", "padding": ""}).to_string();
        json!({"token": "x", "padding": "x".repeat(size - empty.len())}).to_string()
    };
    let send = |body: String| {
        app.anonymous()
            .call("POST", "/auth/verify")
            .raw_body("application/json", body)
    };
    let exact = padded(65_536);
    assert_eq!(exact.len(), 65_536);
    send(exact).await.assert(401, "INVALID_TOKEN");
    for size in [65_537, 70_000, 5_000_000] {
        let answer = send(padded(size)).korean().await;
        let answer = answer.assert(413, "PAYLOAD_TOO_LARGE");
        assert_eq!(answer.message(), "요청 본문이 너무 큽니다");
    }
    let form = format!("token={}", "x".repeat(70_000));
    let answer = app.anonymous().call("POST", "/auth/verify");
    let answer = answer
        .raw_body("application/x-www-form-urlencoded", form)
        .await;
    answer.assert(413, "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn a_chunked_body_without_a_length_is_limited_too() {
    let app = App::start();
    let chunk = format!("2000\r\n{}\r\n", "x".repeat(0x2000));
    let head = "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let whole = format!("{head}{}0\r\n\r\n", chunk.repeat(9));
    let answer = app.anonymous().raw(whole.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("PAYLOAD_TOO_LARGE"), "{answer}");
}

#[tokio::test]
async fn an_unsupported_content_type_has_an_error_of_its_own() {
    let app = App::start();
    let body = r#"{"token": "x"}"#;
    let send = |content_type: &str| {
        app.anonymous()
            .call("POST", "/auth/verify")
            .raw_body(content_type, body)
    };
    for content_type in [
        "text/plain",
        "text/json",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "json",
        "",
        "*/*",
        "application/",
        "image/+json",
    ] {
        let answer = send(content_type).korean().await;
        assert_eq!(
            (answer.status, answer.code()),
            (415, "UNSUPPORTED_MEDIA_TYPE"),
            "{content_type}"
        );
    }
    for content_type in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/vnd.api+json",
        "application/json;x",
    ] {
        send(content_type).await.assert(401, "INVALID_TOKEN");
    }
    let untyped = app
        .anonymous()
        .call("POST", "/auth/verify")
        .untyped_body(body)
        .await;
    untyped.assert(415, "UNSUPPORTED_MEDIA_TYPE");
    for encoding in ["gzip", "br", "deflate", "zstd", "x"] {
        let answer = send("application/json")
            .header("content-encoding", encoding)
            .await;
        answer.assert(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let identity = send("application/json")
        .header("content-encoding", "identity")
        .await;
    identity.assert(401, "INVALID_TOKEN");
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_a_field_error() {
    let app = App::start();
    let nested =
        |depth: usize| format!(r#"{{"token": {}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let malformed = "The body cannot be parsed as its content type.";
    let no_object = "The body must be a JSON object.";
    for (body, sentence) in [
        (b"{".to_vec(), malformed),
        (b"{'token': 'x'}".to_vec(), malformed),
        (b"{\"token\": \"x\",}".to_vec(), malformed),
        (b"{\"token\": \"x\"} trailing".to_vec(), malformed),
        (b"{\"token\": \"\\ud800\"}".to_vec(), malformed),
        (b"{\"token\": \"\xff\"}".to_vec(), malformed),
        (b"{\"token\": \"a\0b\"}".to_vec(), malformed),
        (b"{\"token\": NaN}".to_vec(), malformed),
        (b"{\"token\": 1e999}".to_vec(), malformed),
        (b"\xef\xbb\xbf{}".to_vec(), malformed),
        (vec![0; 10], malformed),
        (nested(30_000).into_bytes(), malformed),
        ("[".repeat(60_000).into_bytes(), malformed),
        (b"[]".to_vec(), no_object),
        (b"[{\"token\": \"x\"}]".to_vec(), no_object),
        (b"\"token\"".to_vec(), no_object),
        (b"null".to_vec(), no_object),
        (b"17".to_vec(), no_object),
        (b"true".to_vec(), no_object),
    ] {
        for path in [
            "/auth/verify",
            "/auth/login",
            "/auth/refresh",
            "/clients/otp/request",
            "/clients/otp/verify",
        ] {
            let call = app.anonymous().call("POST", path);
            let answer = call.raw_body("application/json", body.clone()).await;
            let answer = answer.assert(400, "INVALID_REQUEST");
            assert_eq!(
                answer.error("body"),
                sentence,
                "{path} {}",
                String::from_utf8_lossy(&body)
            );
        }
    }
    let deepest = app.anonymous().call("POST", "/auth/verify");
    let deepest = deepest.raw_body("application/json", nested(100_000)).await;
    deepest.assert(413, "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn an_empty_body_has_no_fields_whatever_its_type() {
    let app = App::start();
    for call in [
        app.anonymous().call("POST", "/auth/login"),
        app.anonymous()
            .call("POST", "/auth/login")
            .raw_body("application/json", ""),
        app.anonymous()
            .call("POST", "/auth/login")
            .raw_body("application/x-www-form-urlencoded", ""),
        app.anonymous()
            .call("POST", "/auth/login")
            .raw_body("application/json", "{}"),
    ] {
        let answer = call.await.assert(400, "INVALID_REQUEST");
        assert_eq!(answer.error("password"), "This field is required.");
    }
    let form = app.anonymous().call("POST", "/auth/login");
    let form = form
        .raw_body(
            "application/x-www-form-urlencoded",
            b"username=%ff\xff".to_vec(),
        )
        .await;
    form.assert(400, "INVALID_REQUEST");
}

#[tokio::test]
async fn a_rejected_caller_gets_the_same_error_for_any_body() {
    let app = App::start();
    let staff = app.user("staff").await;
    let gone = app.user("gone").await;
    gone.log_out(&gone.refresh).await.assert(200, "LOGGED_OUT");
    for body in ["{", "[]", "\u{0}"] {
        for (caller, status, code) in [(&staff, 403, "FORBIDDEN"), (&gone, 401, "SESSION_REVOKED")]
        {
            for (method, path) in [("POST", "/api/users"), ("PATCH", "/api/clients/1")] {
                let answer = caller
                    .call(method, path)
                    .raw_body("application/json", body)
                    .await;
                answer.assert(status, code);
            }
        }
    }
    let large = staff
        .call("POST", "/api/users")
        .raw_body("application/json", "x".repeat(70_000))
        .await;
    large.assert(403, "FORBIDDEN");
}

#[tokio::test]
async fn requests_that_are_barely_http_do_no_harm() {
    let app = App::start();
    for raw in [
        &b"GET /api/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\nConnection: close\r\n\r\n"[..],
        b"GET /api/me HTTP/1.1\r\nHost: x\r\nAuthorization: \xff\r\nConnection: close\r\n\r\n",
    ] {
        let answer = app.anonymous().raw(raw).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(answer.contains("\"success\":false"), "{answer}");
    }
    for raw in [
        &b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: close\r\n\r\n"
            [..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ] {
        let answer = app.anonymous().raw(raw).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    let alive: Value = app.anonymous().get("/healthz").await.body;
    assert_eq!(alive["status"], "ok");
}
