//! Each endpoint, each of its fields, each wrong type, from an anonymous caller, a user, a client and an administrator: no 500,
//! no hang, no answer without the envelope (the test client checks that for each call), and errors name the wrong field.

use super::{
    callers::{CALLERS, Caller, Scene, assert_fields},
    endpoints::{ENDPOINTS, Endpoint, Kind, Parameter, Who},
};
use crate::support::Call;

/// JSON values that are not texts.
const NOT_TEXT: &[&str] = &[
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

/// JSON values that are not booleans.
const NOT_BOOLEAN: &[&str] = &[
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

/// JSON values that are not objects.
const NOT_OBJECT: &[&str] = &[
    "true",
    "0",
    "1.5",
    "[]",
    r#""""#,
    r#""{}""#,
    r#"[{"a": 1}]"#,
];

/// JSON values that are not claims of an account.
const NOT_CLAIMS: &[&str] = &[
    "true",
    "0",
    "1.5",
    "[]",
    r#""""#,
    r#""{}""#,
    r#"[{"a": 1}]"#,
    r#"{"a": null}"#,
    r#"{"a": {"b": 1}}"#,
    r#"{"a": [1]}"#,
    r#"{"a": "\u0000"}"#,
    r#"{"sub": "user:1"}"#,
    r#"{"user_seq": 1}"#,
    r#"{"": 1}"#,
];

/// Texts that are not JSON.
fn not_json() -> Vec<String> {
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

/// A body with this text as a field's value, and valid values of the other required fields.
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

/// Those that an administrator may call.
fn for_root() -> impl Iterator<Item = &'static Endpoint> {
    with_bodies().filter(|endpoint| !matches!(endpoint.who, Who::Scope(_)))
}

fn with_bodies() -> impl Iterator<Item = &'static Endpoint> {
    ENDPOINTS
        .iter()
        .filter(|endpoint| !endpoint.fields.is_empty())
}

#[tokio::test]
async fn each_wrong_type_of_each_field_is_an_error_of_that_field() {
    let mut scene = Scene::set().await;
    for endpoint in with_bodies() {
        for field in &endpoint.fields {
            let (wrong, must_be_sent) = match field.kind {
                Kind::Boolean => (NOT_BOOLEAN, false),
                Kind::Object => (NOT_CLAIMS, false),
                Kind::Credential => (NOT_OBJECT, field.required),
                _ => (NOT_TEXT, field.required),
            };
            // Without either a login asks for the username, and a new user for the e-mail address.
            let is_other = [
                ("/auth/login", "email"),
                ("/auth/password/forgot", "email"),
                ("/api/users", "username"),
                // Without any proof another one is asked for.
                ("/auth/reauthenticate", "code"),
                ("/auth/reauthenticate", "assertion"),
                ("/auth/login/second-factor", "assertion"),
            ]
            .contains(&(endpoint.path, field.name));
            let must_be_sent = must_be_sent && !is_other;
            let null = must_be_sent.then_some("null");
            for value in wrong.iter().copied().chain(null) {
                let sent = body(endpoint, field.name, value);
                for caller in CALLERS {
                    let answer = scene.send(caller, endpoint, &sent).await;
                    let is_without_token = endpoint.who == Who::BearerOrRefresh
                        && caller == Caller::Anonymous
                        && value == "null";
                    if is_without_token {
                        answer.assert(401, "UNAUTHORIZED");
                    } else {
                        caller.assert_rejected(endpoint, &answer, &[field.name], &sent);
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_field_that_is_not_json_is_an_error_of_the_body() {
    let mut scene = Scene::set().await;
    for endpoint in with_bodies() {
        let field = &endpoint.fields[0];
        for value in not_json() {
            let sent = body(endpoint, field.name, &value);
            for caller in CALLERS {
                let answer = scene.send(caller, endpoint, &sent).await;
                caller.assert_rejected(endpoint, &answer, &["body"], &sent);
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_boolean_in_a_form_is_an_error_of_its_field() {
    let mut scene = Scene::set().await;
    for endpoint in for_root() {
        for field in endpoint
            .fields
            .iter()
            .filter(|field| field.kind == Kind::Boolean)
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
async fn an_unknown_field_is_an_error_where_accounts_are_written_and_ignored_elsewhere() {
    let mut scene = Scene::set().await;
    for endpoint in for_root() {
        let field = &endpoint.fields[0];
        let wrong = if field.kind == Kind::Boolean {
            "\"x\""
        } else {
            "17"
        };
        let sent = body(endpoint, field.name, wrong).replace('{', r#"{"other": [], "": null, "#);
        let answer = scene.send(Caller::Root, endpoint, &sent).await;
        let names: &[&str] = if endpoint.refuses_unknown {
            &["", field.name, "other"]
        } else {
            &[field.name]
        };
        assert_fields(&answer, names, &sent);
        // The last value of a repeated key counts.
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
async fn a_body_of_another_content_type_is_415_at_every_endpoint() {
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
async fn each_wrong_value_of_each_parameter_is_an_error_of_that_parameter() {
    let mut scene = Scene::set().await;
    for endpoint in ENDPOINTS.iter() {
        for Parameter { name, wrong, .. } in &endpoint.query {
            for value in wrong {
                let path = format!("{}?{name}={value}&other=x", endpoint.path);
                for caller in CALLERS {
                    let answer = scene
                        .call(caller, endpoint.method, &path, |call| call)
                        .await;
                    let names: &[&str] = if endpoint.refuses_unknown {
                        &[name, "other"]
                    } else {
                        &[name]
                    };
                    caller.assert_rejected(endpoint, &answer, names, &path);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_path_parameter_that_is_not_a_number_is_404() {
    let mut scene = Scene::set().await;
    let with_parameter = ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.path.contains('{'));
    for endpoint in with_parameter {
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
