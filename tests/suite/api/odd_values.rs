//! No request is answered 500: every endpoint, every field, every odd value. The test client checks this for every call; here
//! 503 is not accepted either, and the server must answer afterwards.

use super::endpoints::{ENDPOINTS, Endpoint};
use crate::support::{App, Person};

/// Values as JSON text, including what no JSON library writes.
fn odd_values() -> Vec<String> {
    let mut values: Vec<String> = [
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "1e308",
        "-0",
        "9223372036854775808",
        "1e400",
        "[]",
        "{}",
        "[[[]]]",
        "[null]",
        r#"{"$gt": ""}"#,
        r#""""#,
        r#"" ""#,
        r#""\u0000""#,
        r#""a\u0000b""#,
        r#""\ud800""#,
        r#""\udc00\ud800""#,
        r#""\ud83d\udd11""#,
        r#""\u202e""#,
        r#""\ufeff""#,
        r#""\uffff""#,
        r#""\r\nSet-Cookie: x""#,
        r#""' OR '1'='1""#,
        r#""\"; DROP TABLE users; --""#,
        r#""%s%n{0}{{7*7}}""#,
        r#""../../../etc/passwd""#,
        r#""admin""#,
        r#""user""#,
        r#""client""#,
        r#""9223372036854775808""#,
        r#""ann@example.org""#,
        r#""김철수""#,
        r#""a@b""#,
        r#""+82 10-1234-5678""#,
        r#""123456""#,
        r#""true""#,
        r#""ﬀ ﷺ İ ß""#,
        "\"\u{1}\"",
        "NaN",
        "",
    ]
    .map(str::to_owned)
    .into();
    // The longest expansion of one code point under NFKC is eighteen.
    values.push(format!("\"{}\"", "ﷺ".repeat(3_000)));
    values.push(format!("\"{}\"", "a\u{300}".repeat(9_000)));
    values.push(format!("\"{}\"", "x".repeat(60_000)));
    values.push(format!("{}{}", "[".repeat(120), "]".repeat(120)));
    values
}

async fn walk(app: &App, root: &mut Person, endpoint: &Endpoint) {
    let (method, path) = (endpoint.method, &endpoint.filled("2"));
    let names = endpoint.fields.iter().map(|field| field.name);
    for name in names.chain(["other"]) {
        for value in odd_values() {
            // The other fields are valid, so that the odd value is processed as far as possible.
            let others = endpoint.fields.iter().filter(|field| field.name != name);
            let mut pairs: Vec<String> = others
                .map(|field| format!("\"{}\": {}", field.name, field.good))
                .collect();
            pairs.push(format!("\"{name}\": {value}"));
            let body = format!("{{{}}}", pairs.join(", "));
            let answer = root
                .call(method, path)
                .raw_body("application/json", body)
                .await;
            assert!(
                answer.status < 500,
                "{method} {path} {name} = {value}: {}",
                answer.text
            );
            if path == "/auth/logout-all" {
                // Wrong passwords were sent as a new proof, too.
                app.execute("DELETE FROM rate_limits").await;
                *root = root.again().await;
            }
        }
    }
}

fn settings(config: &mut munjigi::config::Config) {
    config.otp.requests_per_address = 100_000;
    config.limits.failures_per_address = 0;
}

#[tokio::test]
async fn no_odd_value_of_any_field_gives_a_500() {
    let app = App::with(settings);
    let mut root = app.admin("root").await;
    app.user("victim").await;
    app.make_client("acme").await;
    app.make_client("other").await;
    for endpoint in ENDPOINTS.iter() {
        if !endpoint.fields.is_empty() {
            walk(&app, &mut root, endpoint).await;
        }
    }
    root.get("/api/me").await.assert(200, "ME");
    root.get("/api/users?page_size=100")
        .await
        .assert(200, "USER_LIST");
    root.get("/api/clients?page_size=100")
        .await
        .assert(200, "CLIENT_LIST");
    let ready = app.anonymous().get("/readyz").await;
    assert_eq!(ready.status, 200);
}

#[tokio::test]
async fn no_odd_form_gives_a_500() {
    let app = App::with(settings);
    let root = app.admin("root").await;
    for endpoint in ENDPOINTS.iter() {
        let (method, path) = (endpoint.method, &endpoint.filled("2"));
        for field in endpoint.fields.iter().map(|field| field.name) {
            for value in [
                "",
                "%00",
                "%ff",
                "%",
                "%zz",
                "a%0d%0ab",
                "+",
                "=",
                "%ED%A0%80",
                "true",
                "1",
                "&&==&",
            ] {
                let body = format!("{field}={value}&{field}={value}");
                let answer = root
                    .call(method, path)
                    .raw_body("application/x-www-form-urlencoded", body)
                    .await;
                assert!(
                    answer.status < 500,
                    "{method} {path} {field}={value}: {}",
                    answer.text
                );
            }
        }
    }
}

#[tokio::test]
async fn no_odd_parameter_or_number_in_a_path_gives_a_500() {
    let app = App::start();
    let root = app.admin("root").await;
    let odd = [
        "",
        "%00",
        "%ff",
        "%",
        "%zz",
        "-1",
        "0",
        "1e3",
        "99999999999999999999",
        "%F0%9F%94%91",
        "'",
        "\\",
        "%25",
        "_",
        "%ED%A0%80",
        "a%0d%0ab",
        "%EF%B7%BA",
        "1&1",
        "null",
        "[]",
    ];
    for endpoint in ENDPOINTS.iter() {
        let (method, path) = (endpoint.method, endpoint.path);
        for value in odd {
            if !endpoint.query.is_empty() {
                let names = endpoint.query.iter().map(|parameter| parameter.name);
                for parameter in names.chain(["other", "", "%ff"]) {
                    let path = format!("{path}?{parameter}={value}");
                    let answer = root.get(&path).await;
                    assert!(answer.status < 500, "{path}: {}", answer.text);
                }
            }
            if !value.is_empty() && path.contains('{') {
                let path = path.replace("{user_seq}", value).replace("{id}", value);
                let answer = root.call(method, &path).await;
                assert!(answer.status < 500, "{method} {path}: {}", answer.text);
            }
        }
    }
}

#[tokio::test]
async fn no_odd_header_gives_a_500() {
    let app =
        App::with(|config| config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]);
    let ann = app.user("ann").await;
    let long = "x".repeat(8_000);
    for name in [
        "accept-language",
        "x-request-id",
        "x-forwarded-for",
        "user-agent",
        "forwarded",
        "accept",
        "origin",
        "cookie",
        "if-none-match",
        "range",
        "expect-nothing",
        "content-type",
    ] {
        for value in [
            "",
            ",",
            ";",
            "\"",
            "%00",
            "a,b;c=d",
            "::1",
            "[::1]:99999",
            "0x7f.1",
            "-",
            &long,
            "키",
        ] {
            let body = serde_json::json!({"username": ann.login, "password": ann.password});
            let call = app.anonymous().call("POST", "/auth/login");
            let call = if name == "content-type" {
                call.raw_body(value, body.to_string())
            } else {
                call.json(&body).header(name, value)
            };
            let answer = call.await;
            let expected: &[u16] = if name == "content-type" {
                &[415]
            } else {
                &[200]
            };
            assert!(
                expected.contains(&answer.status),
                "{name}: {value}: {}",
                answer.text
            );
        }
    }
}
