//! CORS headers for pages of other origins (`server.allowed_origins`).

use munjigi::{
    config::{Config, Span},
    domain::account::Role,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Answer, App, Call};

const LISTED: &str = "https://app.example.org";
const ALSO_LISTED: &str = "http://localhost:3000";

fn listing(config: &mut Config) {
    config.server.allowed_origins = vec![LISTED.parse().unwrap(), ALSO_LISTED.parse().unwrap()];
}

/// The headers of CORS: all of them, and `Vary` as far as it concerns the origin.
fn cors_headers(answer: &Answer) -> Vec<(String, String)> {
    let headers = answer.headers.iter();
    let mut found: Vec<_> = headers
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .filter(|(name, _)| name.starts_with("access-control-") || name == "vary")
        .filter(|(name, value)| name != "vary" || value.contains("Origin"))
        .collect();
    found.sort();
    found
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

/// The CORS headers of every response to a listed origin.
fn allowed(origin: &str) -> Vec<(String, String)> {
    pairs(&[
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-origin", origin),
        (
            "access-control-expose-headers",
            "x-request-id, x-device-token, retry-after, ratelimit, ratelimit-policy, www-authenticate, allow",
        ),
        ("vary", "Origin"),
    ])
}

fn preflight(app: &App, path: &str, origin: &str) -> Call {
    app.anonymous()
        .call("OPTIONS", path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,x-own")
}

#[tokio::test]
async fn a_listed_origin_may_read_answers_of_every_kind() {
    let app = App::with(|config| {
        listing(config);
        config.limits.failures = 1;
    });
    let ann = app.user("ann").await;
    let anonymous = app.anonymous();
    let wrong = || anonymous.post("/auth/login", json!({"username": "x", "password": "y"}));
    for (call, status) in [
        (ann.get("/api/me"), 200),
        (anonymous.post("/auth/login", ann.credentials()), 200),
        (anonymous.post("/auth/login", json!({})), 400),
        (anonymous.get("/api/me"), 401),
        (anonymous.get("/api/me").bearer("garbage"), 401),
        (ann.post("/api/users", json!({})), 403),
        (anonymous.get("/api/nothing"), 404),
        (anonymous.get("/auth"), 404),
        (anonymous.get("/clients/otp/request"), 405),
        (anonymous.call("OPTIONS", "/api/me"), 204),
        (anonymous.call("HEAD", "/api/users"), 401),
        (
            anonymous
                .call("POST", "/auth/verify")
                .raw_body("application/json", "x".repeat(70_000)),
            413,
        ),
        (
            anonymous
                .call("POST", "/auth/verify")
                .raw_body("text/plain", "x"),
            415,
        ),
        (wrong(), 401),
        (wrong(), 429),
    ] {
        let answer = call.header("origin", LISTED).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(
            cors_headers(&answer),
            allowed(LISTED),
            "{status} {}",
            answer.text
        );
    }
    let other = ann.get("/api/me").header("origin", ALSO_LISTED).await;
    assert_eq!(cors_headers(&other), allowed(ALSO_LISTED));
    // In any spelling of the path.
    for path in ["//api//me/", "/%61pi/me"] {
        let answer = ann.get(path).header("origin", LISTED).await;
        assert_eq!(
            (answer.status, cors_headers(&answer)),
            (200, allowed(LISTED))
        );
    }
}

#[tokio::test]
async fn a_listed_origin_may_read_that_a_request_took_too_long() {
    let app = App::with(|config| {
        listing(config);
        config.server.request_timeout = Span::millis(300);
    });
    let address = app.anonymous().url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /auth/refresh HTTP/1.1\r\nHost: x\r\nOrigin: {LISTED}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _reset = stream.read_to_string(&mut answer).await;
    let answer = answer.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 503 "), "{answer}");
    for (name, value) in allowed(LISTED) {
        let line = format!("\r\n{name}: {value}\r\n").to_ascii_lowercase();
        assert!(answer.contains(&line), "{line} {answer}");
    }
}

#[tokio::test]
async fn a_preflight_returns_the_methods_of_its_route_for_two_hours() {
    let app = App::with(listing);
    for (path, methods) in [
        ("/auth/login", "POST, OPTIONS"),
        ("/auth/refresh", "POST, OPTIONS"),
        ("/auth/refresh/", "POST, OPTIONS"),
        ("/auth/logout", "POST, OPTIONS"),
        ("/auth/sessions/x", "DELETE, OPTIONS"),
        ("/clients/otp/verify", "POST, OPTIONS"),
        ("/api/me", "GET, HEAD, OPTIONS"),
        ("/api/users", "GET, HEAD, POST, OPTIONS"),
        ("/api/users/1", "GET, HEAD, PATCH, DELETE, OPTIONS"),
    ] {
        let answer = preflight(&app, path, LISTED).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{path}");
        let expected = pairs(&[
            ("access-control-allow-credentials", "true"),
            (
                "access-control-allow-headers",
                "authorization, content-type, x-request-id, x-device-token, accept-language, x-own",
            ),
            ("access-control-allow-methods", methods),
            ("access-control-allow-origin", LISTED),
            ("access-control-max-age", "7200"),
            (
                "vary",
                "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            ),
        ]);
        assert_eq!(cors_headers(&answer), expected, "{path}");
    }
    let nothing = preflight(&app, "/api/nothing", LISTED).await;
    assert_eq!(nothing.status, 404);
}

/// The request headers that a preflight allows.
async fn allowed_headers(app: &App, origin: &str, asked: &[&str]) -> Option<String> {
    let mut call = app
        .anonymous()
        .call("OPTIONS", "/auth/login")
        .header("origin", origin)
        .header("access-control-request-method", "POST");
    for asked in asked {
        call = call.header("access-control-request-headers", asked);
    }
    let answer = call.await;
    assert_eq!(answer.status, 204);
    let allowed = answer.header("access-control-allow-headers");
    allowed.map(str::to_owned)
}

#[tokio::test]
async fn a_preflight_allows_a_listed_origin_the_headers_that_it_asks_for() {
    let app = App::with(listing);
    let own = "authorization, content-type, x-request-id, x-device-token, accept-language";
    let asked = "content-type,authorization, Baggage , sentry-trace,traceparent,baggage";
    let allowed = allowed_headers(&app, LISTED, &[asked, "x-requested-with"]).await;
    let expected = format!("{own}, baggage, sentry-trace, traceparent, x-requested-with");
    assert_eq!(allowed, Some(expected));
    assert_eq!(
        allowed_headers(&app, LISTED, &[]).await,
        Some(own.to_owned())
    );
    // What is not the name of a header is not repeated.
    let odd = "a b,x:y,,\u{e9},<script>,\"x\",ok";
    let allowed = allowed_headers(&app, LISTED, &[odd]).await;
    assert_eq!(allowed, Some(format!("{own}, ok")));
    let many: Vec<String> = (0..1_000).map(|number| format!("x-{number}")).collect();
    let allowed = allowed_headers(&app, LISTED, &[&many.join(",")])
        .await
        .unwrap();
    assert_eq!(allowed.split(", ").count(), 5 + 64);
    let foreign = allowed_headers(&app, "https://foreign.example", &[asked]).await;
    assert_eq!(foreign, None);
}

#[tokio::test]
async fn apps_and_extensions_can_be_listed_and_are_compared_exactly() {
    let apps = [
        "capacitor://localhost",
        "ionic://localhost",
        "tauri://localhost",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    ];
    let app = App::with(|config| {
        let origins = apps.iter().map(|origin| origin.parse().unwrap());
        config.server.allowed_origins = origins.collect();
    });
    let ann = app.user("ann").await;
    for origin in apps {
        let answer = ann.get("/api/me").header("origin", origin).await;
        assert_eq!(cors_headers(&answer), allowed(origin));
    }
    for origin in [
        "capacitor://localhost:1",
        "capacitor://localhost/",
        "Capacitor://localhost",
        "capacitor://localhost.evil.example",
        "http://localhost",
        "chrome-extension://bbcdefghijklmnopabcdefghijklmnop",
    ] {
        let answer = ann.get("/api/me").header("origin", origin).await;
        assert_eq!(
            cors_headers(&answer),
            pairs(&[("vary", "Origin")]),
            "{origin}"
        );
    }
}

#[tokio::test]
async fn a_foreign_origin_gets_the_response_without_cors_headers() {
    let app = App::with(listing);
    let ann = app.user("ann").await;
    for origin in [
        "https://foreign.example",
        "null",
        "*",
        "",
        "http://app.example.org",
        "https://app.example.org:8443",
        "https://app.example.org/",
        "https://APP.example.org",
        "https://app.example.org.foreign.example",
        "https://app.example.or",
        "http://localhost",
        "https://app.example.org http://localhost:3000",
    ] {
        let answer = ann.get("/api/me").header("origin", origin).await;
        let answer = answer.assert(200, "ME");
        assert_eq!(
            cors_headers(&answer),
            pairs(&[("vary", "Origin")]),
            "{origin}"
        );
        let answer = preflight(&app, "/api/me", origin).await;
        let asked = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
        assert_eq!(cors_headers(&answer), pairs(&[("vary", asked)]), "{origin}");
        assert_eq!(
            (answer.status, answer.header("allow")),
            (204, Some("GET, HEAD, OPTIONS"))
        );
    }
    // A request without `Origin` gets `Vary: Origin` too, so that a cache does not serve its response to a page.
    let answer = ann.get("/api/me").await;
    assert_eq!(cors_headers(&answer), pairs(&[("vary", "Origin")]));
    let two = ann.get("/api/me").header("origin", LISTED);
    let two = two.header("origin", "https://foreign.example").await;
    assert_eq!(cors_headers(&two), pairs(&[("vary", "Origin")]));
}

#[tokio::test]
async fn only_the_api_is_open_to_other_origins() {
    let app = App::with(listing);
    let browser = app.signed_in("root", Role::ADMIN).await;
    let page = browser.open("/admin").await;
    let style = page.attr("link[rel=stylesheet]", "href");
    for path in ["/admin", "/admin/users", "/admin/auth", &style] {
        for method in ["GET", "OPTIONS"] {
            let headers = [("origin", LISTED), ("access-control-request-method", "GET")];
            let answer = browser.ask(method, path, None, &headers).await;
            let names = answer.headers.keys();
            let found: Vec<_> = names
                .filter(|name| name.as_str().starts_with("access-control-"))
                .collect();
            assert!(found.is_empty(), "{method} {path}: {found:?}");
        }
    }
    for path in [
        "/healthz",
        "/readyz",
        "/nothing",
        "/apis",
        "/authx",
        "/well-known",
    ] {
        let answer = app.anonymous().get(path).header("origin", LISTED).await;
        assert_eq!(cors_headers(&answer), [], "{path}");
    }
}

#[tokio::test]
async fn without_a_list_no_cors_headers_are_sent() {
    let app = App::start();
    let ann = app.user("ann").await;
    let own = app.anonymous().url().to_owned();
    for origin in [LISTED, own.as_str()] {
        let answer = ann.get("/api/me").header("origin", origin).await;
        assert_eq!(cors_headers(&answer.assert(200, "ME")), []);
        assert_eq!(cors_headers(&preflight(&app, "/api/me", origin).await), []);
    }
}
