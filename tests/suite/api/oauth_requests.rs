//! What the endpoints of OAuth 2.0 accept as a request, and the form of their errors.

use base64::{Engine, prelude::BASE64_STANDARD};
use munjigi::http::api::{endpoint::Method, routes};
use serde_json::json;

use crate::support::{App, Call, ServiceClient};

const FORM: &str = "application/x-www-form-urlencoded";

/// Those with a body; `/oauth/revocations` is tested in `revocations`.
fn paths() -> impl Iterator<Item = &'static str> {
    let posted = routes::ENDPOINTS.iter();
    let posted = posted.filter(|endpoint| endpoint.method == Method::Post);
    let paths = posted.map(|endpoint| endpoint.path);
    paths.filter(|path| path.starts_with("/oauth/"))
}

/// The fields of a valid request without credentials.
fn fields(path: &str) -> Vec<(&'static str, &'static str)> {
    if path == "/oauth/token" {
        vec![("grant_type", "client_credentials")]
    } else {
        vec![("token", "a.b.c")]
    }
}

fn basic(name: &str, secret: &str) -> String {
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{name}:{secret}"))
    )
}

async fn scene() -> (App, ServiceClient) {
    let app = App::with(|config| config.limits.failures_per_address = 0);
    let service = app.service("billing", "").await;
    (app, service)
}

#[tokio::test]
async fn the_credentials_may_be_in_the_body() {
    let (app, service) = scene().await;
    for path in paths() {
        let mut form = fields(path);
        form.extend([
            ("client_id", "billing"),
            ("client_secret", service.secret.as_str()),
        ]);
        let call = app.anonymous().call("POST", path);
        call.form(&form).await.assert_oauth(200);
        form.pop();
        form.push(("client_secret", "x"));
        let call = app.anonymous().call("POST", path);
        let refused = call.form(&form).await;
        refused.assert_oauth_error(401, "invalid_client");
    }
}

#[tokio::test]
async fn the_credentials_are_sent_in_one_way() {
    let (app, service) = scene().await;
    let secret = service.secret.as_str();
    let header = basic("billing", secret);
    let token = format!("Bearer {}", service.token().await);
    for path in paths() {
        for (header, name, in_body) in [
            (&header, "billing", Some(secret)),
            (&header, "other", None),
            (&token, "billing", Some(secret)),
        ] {
            let mut form = fields(path);
            form.push(("client_id", name));
            form.extend(in_body.map(|secret| ("client_secret", secret)));
            let call = app.anonymous().call("POST", path);
            let answer = call.header("authorization", header).form(&form).await;
            answer.assert_oauth_error(400, "invalid_request");
        }
        let mut form = fields(path);
        form.push(("client_id", "billing"));
        let call = app.anonymous().call("POST", path);
        let answer = call.header("authorization", &header).form(&form).await;
        answer.assert_oauth(200);
    }
}

#[tokio::test]
async fn a_header_that_cannot_be_read_is_an_invalid_request() {
    let (app, _) = scene().await;
    for path in paths() {
        for header in [
            "Basic",
            "Basic !",
            "Basic YQ==",
            "Digest YTpi",
            "x",
            "Basic gYGB",
        ] {
            let call = app.anonymous().call("POST", path);
            let answer = call
                .header("authorization", header)
                .form(&fields(path))
                .await;
            answer.assert_oauth_error(400, "invalid_request");
        }
    }
}

#[tokio::test]
async fn wrong_credentials_are_refused_alike() {
    let (app, service) = scene().await;
    let secret = service.secret.as_str();
    let long = "x".repeat(201);
    let mut texts = Vec::new();
    for (name, secret) in [
        ("nothing", secret),
        ("billing", "x"),
        ("billing", ""),
        ("", ""),
        (&long, &long),
    ] {
        let call = app.anonymous().call("POST", "/oauth/token");
        let call = call.header("authorization", &basic(name, secret));
        let answer = call.form(&fields("/oauth/token")).await;
        texts.push(answer.assert_oauth_error(401, "invalid_client").text);
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
    let none = app.anonymous().call("POST", "/oauth/token");
    let none = none.form(&fields("/oauth/token")).await;
    none.assert_oauth_error(401, "invalid_client");
    let token = service.token().await;
    let bearer = app.anonymous().call("POST", "/oauth/token").bearer(&token);
    let bearer = bearer.form(&fields("/oauth/token")).await;
    bearer.assert_oauth_error(401, "invalid_client");
}

#[tokio::test]
async fn other_grant_types_are_not_supported() {
    let (_app, service) = scene().await;
    for grant_type in [
        "password",
        "authorization_code",
        "refresh_token",
        "CLIENT_CREDENTIALS",
    ] {
        let answer = service.post("/oauth/token", &[("grant_type", grant_type)]);
        answer
            .await
            .assert_oauth_error(400, "unsupported_grant_type");
    }
}

#[tokio::test]
async fn a_wrong_body_is_an_invalid_request() {
    let (app, service) = scene().await;
    let header = basic("billing", &service.secret);
    let call = |path: &str| {
        let call = app.anonymous().call("POST", path);
        call.header("authorization", &header)
    };
    for path in paths() {
        let wrong: Vec<Call> = vec![
            call(path).form(&[]),
            call(path).form(&[("token", ""), ("grant_type", "\u{1}")]),
            call(path).raw_body(FORM, vec![0xFF, b'=', 0xFE]),
            call(path).raw_body("application/json", "{"),
            call(path).json(&json!({"token": 1, "grant_type": []})),
            call(path).json(&json!([])),
        ];
        for (index, call) in wrong.into_iter().enumerate() {
            let answer = call.await;
            assert_eq!(answer.status, 400, "{path} {index}: {}", answer.text);
            answer.assert_oauth_error(400, "invalid_request");
        }
        let text = call(path).raw_body("text/plain", "token=x").await;
        text.assert_oauth_error(415, "invalid_request");
        let large = call(path).raw_body(FORM, vec![b'x'; 70_000]).await;
        large.assert_oauth_error(413, "invalid_request");
        let get = app.anonymous().get(path).await;
        get.assert(405, "METHOD_NOT_ALLOWED");
    }
}

#[tokio::test]
async fn each_field_that_is_not_text_is_named() {
    let (app, _) = scene().await;
    for endpoint in routes::ENDPOINTS {
        if !endpoint.path.starts_with("/oauth/") {
            continue;
        }
        for field in endpoint.body {
            for wrong in [
                json!(1),
                json!(true),
                json!([]),
                json!({}),
                json!("a\u{0}b"),
            ] {
                let mut body = json!({"token": "x", "grant_type": "client_credentials"});
                body[field.name] = wrong;
                let answer = app.anonymous().post(endpoint.path, body).await;
                // No token has a control character, but any text may be introspected.
                if field.name == "token" && answer.status != 400 {
                    continue;
                }
                let answer = answer.assert_oauth_error(400, "invalid_request");
                let description = answer.body["error_description"].as_str().unwrap();
                assert!(description.contains(field.name), "{description}");
            }
        }
    }
}
