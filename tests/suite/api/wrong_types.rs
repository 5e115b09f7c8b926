//! Each endpoint, each of its fields, each wrong type, from an anonymous caller, a user, a client and an administrator:
//! no 500, no hang, no response outside the envelope (the test client checks it on each call), and each invalid field
//! is named.

use super::{
    callers::{CALLERS, Caller, Scene, assert_fields},
    endpoints::{ENDPOINTS, Endpoint, Kind},
};
use crate::support::Call;

/// JSON values that are no strings.
const NO_TEXT: &[&str] = &[
    "true",
    "false",
    "0",
    "17",
    "-1",
    "-0",
    "1.5",
    "1e308",
    "123456789012345678901234567890",
    "[]",
    "{}",
    r#"["a"]"#,
    r#"{"a": "b"}"#,
    "[[[[[[[[]]]]]]]]",
];

/// JSON values that are no booleans.
const NO_TRUTH: &[&str] = &[
    "0",
    "1",
    "-1",
    "1.5",
    "[]",
    "{}",
    "[true]",
    r#""""#,
    r#""true""#,
    r#""1""#,
];

/// Texts that are no JSON values.
fn no_json() -> Vec<String> {
    let mut values = [
        "",
        "NaN",
        "Infinity",
        "1e400",
        "-",
        "01",
        "'a'",
        "undefined",
        "\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\x\"",
        "\"\u{1}\"",
        "tru",
        "[",
        "{",
        "[1,]",
        "{\"a\"}",
        "/**/1",
    ]
    .map(str::to_owned)
    .to_vec();
    values.push(format!("{}{}", "[".repeat(1_000), "]".repeat(1_000)));
    values.push(format!(
        "{}1{}",
        r#"{"a":"#.repeat(1_000),
        "}".repeat(1_000)
    ));
    values
}

/// A body with this text as the value of a field, and valid values of the other required fields.
fn body(endpoint: &Endpoint, name: &str, value: &str) -> String {
    let others = endpoint
        .fields
        .iter()
        .filter(|field| field.required && field.name != name);
    let mut pairs: Vec<String> = others
        .map(|field| format!("\"{}\": {}", field.name, field.good))
        .collect();
    pairs.push(format!("\"{name}\": {value}"));
    format!("{{{}}}", pairs.join(", "))
}

fn with_bodies() -> impl Iterator<Item = &'static Endpoint> {
    ENDPOINTS
        .iter()
        .filter(|endpoint| !endpoint.fields.is_empty())
}

#[tokio::test]
async fn each_wrong_type_of_each_field_is_a_field_error() {
    let mut scene = Scene::set().await;
    for endpoint in with_bodies() {
        for field in endpoint.fields {
            let (wrong, is_needed) = match field.kind {
                Kind::Text => (NO_TEXT, field.required),
                Kind::Truth => (NO_TRUTH, false),
            };
            // Without an e-mail address a login requires the username.
            let is_needed = is_needed && (endpoint.path, field.name) != ("/auth/login", "email");
            let null = is_needed.then_some("null");
            for value in wrong.iter().copied().chain(null) {
                let sent = body(endpoint, field.name, value);
                for caller in CALLERS {
                    let answer = scene.send(caller, endpoint, &sent).await;
                    caller.assert_rejected(endpoint, &answer, &[field.name], &sent);
                }
            }
        }
    }
}

#[tokio::test]
async fn invalid_json_as_a_value_is_an_invalid_body() {
    let mut scene = Scene::set().await;
    for endpoint in with_bodies() {
        let field = &endpoint.fields[0];
        for value in no_json() {
            let sent = body(endpoint, field.name, &value);
            for caller in CALLERS {
                let answer = scene.send(caller, endpoint, &sent).await;
                caller.assert_rejected(endpoint, &answer, &["body"], &sent);
            }
        }
    }
}

#[tokio::test]
async fn an_invalid_value_of_a_form_field_is_a_field_error() {
    let mut scene = Scene::set().await;
    for endpoint in with_bodies() {
        for field in endpoint
            .fields
            .iter()
            .filter(|field| field.kind == Kind::Truth)
        {
            for value in ["", "1", "yes", "TRUE", "%00", "%ff"] {
                let others = endpoint.fields.iter().filter(|other| other.required);
                let mut form = form_urlencoded::Serializer::new(String::new());
                for other in others {
                    form.append_pair(other.name, other.good.trim_matches('"'));
                }
                let sent = format!("{}&{}={value}", form.finish(), field.name);
                let form =
                    |call: Call| call.raw_body("application/x-www-form-urlencoded", sent.clone());
                let path = endpoint.filled("2");
                let answer = scene.call(Caller::Root, endpoint.method, &path, form).await;
                assert_fields(&answer, &[field.name], &sent);
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_field_is_rejected_when_accounts_are_written_and_ignored_elsewhere() {
    let mut scene = Scene::set().await;
    for endpoint in with_bodies() {
        let field = &endpoint.fields[0];
        let wrong = if field.kind == Kind::Text {
            "17"
        } else {
            "\"x\""
        };
        let sent = body(endpoint, field.name, wrong).replace('{', r#"{"other": [], "": null, "#);
        let answer = scene.send(Caller::Root, endpoint, &sent).await;
        let names: &[&str] = if endpoint.refuses_unknown() {
            &["", field.name, "other"]
        } else {
            &[field.name]
        };
        assert_fields(&answer, names, &sent);
        // Of a duplicate key the last value counts.
        let twice = format!(
            "{{\"{}\": {}, {}",
            field.name,
            field.good,
            &body(endpoint, field.name, wrong)[1..]
        );
        let answer = scene.send(Caller::Root, endpoint, &twice).await;
        assert_fields(&answer, &[field.name], &twice);
    }
}

#[tokio::test]
async fn an_unsupported_body_is_reported_by_every_endpoint() {
    let mut scene = Scene::set().await;
    for endpoint in with_bodies() {
        let path = endpoint.filled("2");
        let good = body(endpoint, endpoint.fields[0].name, endpoint.fields[0].good);
        for caller in CALLERS {
            for (kind, encoding) in [
                ("text/plain", None),
                ("multipart/form-data", None),
                ("application/json", Some("gzip")),
            ] {
                let with = |call: Call| {
                    let call = call.raw_body(kind, good.clone());
                    match encoding {
                        Some(encoding) => call.header("content-encoding", encoding),
                        None => call,
                    }
                };
                let answer = scene.call(caller, endpoint.method, &path, with).await;
                let expected = caller.refusal(endpoint.who).unwrap_or(415);
                assert_eq!(
                    answer.status, expected,
                    "{caller:?} {path} {kind}: {}",
                    answer.text
                );
            }
            for bytes in [
                &b"\xff"[..],
                b"{\"a\": \"\xff\"}",
                b"{\"a\": 1",
                b"\xef\xbb\xbf{}",
                b"\0",
                b"\x1f\x8b\x08\x00",
            ] {
                let with = |call: Call| call.raw_body("application/json", bytes.to_vec());
                let answer = scene.call(caller, endpoint.method, &path, with).await;
                caller.assert_rejected(endpoint, &answer, &["body"], &path);
            }
        }
    }
}

#[tokio::test]
async fn each_invalid_value_of_each_parameter_is_named() {
    let mut scene = Scene::set().await;
    let long = "x".repeat(201);
    for endpoint in ENDPOINTS {
        for (name, values) in endpoint.query {
            let long = (*name == "search").then_some(long.as_str());
            for value in values.iter().copied().chain(long) {
                let path = format!("{}?{name}={value}&other=x", endpoint.path);
                for caller in CALLERS {
                    let answer = scene
                        .call(caller, endpoint.method, &path, |call| call)
                        .await;
                    caller.assert_rejected(endpoint, &answer, &[name], &path);
                }
            }
        }
    }
}

#[tokio::test]
async fn an_invalid_number_in_a_path_is_not_found() {
    let mut scene = Scene::set().await;
    let places = ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.path.contains('{'));
    for endpoint in places {
        for value in [
            "x",
            "0",
            "-1",
            "+1",
            "01",
            "1.0",
            "1e0",
            "1x",
            "%201",
            "null",
            "[]",
            "4711",
            "99999999999999999999",
            "%00",
            "%ff",
            "%EF%BC%91",
            "1%00",
        ] {
            let path = endpoint
                .path
                .replace("{user_seq}", value)
                .replace("{id}", value);
            let sent = endpoint
                .fields
                .first()
                .map(|field| body(endpoint, field.name, field.good));
            let with = |call: Call| match &sent {
                Some(sent) => call.raw_body("application/json", sent.clone()),
                None => call,
            };
            for caller in CALLERS {
                let answer = scene.call(caller, endpoint.method, &path, with).await;
                let expected = caller.refusal(endpoint.who).unwrap_or(404);
                assert_eq!(
                    answer.status, expected,
                    "{caller:?} {path}: {}",
                    answer.text
                );
            }
        }
    }
}
