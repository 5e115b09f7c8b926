//! The refusals of the routes of SimpleJWT, letter by letter.

use munjigi::config::Span;
use serde_json::{Value, json};

use super::routes::{credentials, enabled};
use crate::support::{App, Forgery};

const PATH: &str = "/api/token/";

#[tokio::test]
async fn wrong_credentials_have_one_answer_and_a_challenge() {
    let app = App::with(|config| {
        enabled(config);
        config.tokens.auth_header_types = vec!["JWT".into(), "Bearer".into()];
    });
    let admin = app.admin("root").await;
    let ann = app.user("ann").await;
    let body = admin.confirmed(json!({"is_active": false}));
    let path = format!("/api/users/{}", ann.seq);
    let changed = admin.patch(&path, body).await;
    // The test's helper sends `Bearer`, which is the second scheme.
    changed.assert_status(200);
    let refused = json!({"detail": "No active account found with the given credentials"});
    for body in [
        credentials(&ann),
        json!({"username": "nobody", "password": "x"}),
        json!({"username": admin.login, "password": "wrong"}),
    ] {
        let answer = app.anonymous().post(PATH, body).await;
        assert_eq!(
            answer.header("www-authenticate"),
            Some(r#"JWT realm="api""#)
        );
        assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
        answer.assert_body(401, &refused);
    }
    let korean = app
        .anonymous()
        .post(PATH, json!({"username": "a", "password": "b"}))
        .korean()
        .await;
    let text = korean.body["detail"].as_str().unwrap();
    assert_eq!(
        text,
        "아이디 또는 비밀번호가 맞지 않거나 사용할 수 없는 계정입니다"
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of bodies and answers")]
async fn every_form_of_a_body_has_the_answer_of_django_rest_framework() {
    let app = App::with(enabled);
    let ann = app.user("ann").await;
    let (required, blank) = ("This field is required.", "This field may not be blank.");
    let json_type = "application/json";
    let form = "application/x-www-form-urlencoded";
    let fields =
        |username: &str, password: &str| json!({"username": [username], "password": [password]});
    let of_form = |text: &str| json!({"non_field_errors": [text]});
    let cases: Vec<(&str, String, u16, Value)> = vec![
        (json_type, "{}".into(), 400, fields(required, required)),
        (json_type, String::new(), 400, fields(required, required)),
        (form, String::new(), 400, fields(required, required)),
        (
            form,
            "username=&password=+".into(),
            400,
            fields(blank, blank),
        ),
        (
            json_type,
            r#"{"username": null, "password": true}"#.into(),
            400,
            fields("This field may not be null.", "Not a valid string."),
        ),
        (
            json_type,
            r#"{"username": ["a"], "password": {}}"#.into(),
            400,
            fields("Not a valid string.", "Not a valid string."),
        ),
        (
            json_type,
            r#"{"username": "a\u0000b", "password": " "}"#.into(),
            400,
            fields("Null characters are not allowed.", blank),
        ),
        (
            json_type,
            "[1]".into(),
            400,
            of_form("Invalid data. Expected a dictionary, but got list."),
        ),
        (
            json_type,
            "\"x\"".into(),
            400,
            of_form("Invalid data. Expected a dictionary, but got str."),
        ),
        (
            json_type,
            "1".into(),
            400,
            of_form("Invalid data. Expected a dictionary, but got int."),
        ),
        (
            json_type,
            "1.5".into(),
            400,
            of_form("Invalid data. Expected a dictionary, but got float."),
        ),
        (
            json_type,
            "true".into(),
            400,
            of_form("Invalid data. Expected a dictionary, but got bool."),
        ),
        (json_type, "null".into(), 400, of_form("No data provided")),
        (
            "text/plain",
            "x".into(),
            415,
            json!({"detail": "Unsupported media type \"text/plain\" in request."}),
        ),
        (
            "application/vnd.api+json",
            "{}".into(),
            415,
            json!({"detail": "Unsupported media type \"application/vnd.api+json\" in request."}),
        ),
        (
            json_type,
            r#"{"username": 5, "password": 7}"#.into(),
            401,
            json!({"detail": "No active account found with the given credentials"}),
        ),
    ];
    for (media_type, body, status, expected) in cases {
        let call = app
            .anonymous()
            .call("POST", PATH)
            .raw_body(media_type, body.clone());
        let answer = call.await;
        assert_eq!(
            (answer.status, &answer.body),
            (status, &expected),
            "{media_type} {body}"
        );
        assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
    }
    for body in ["{bad", "NaN", "\u{feff}{}"] {
        let answer = app
            .anonymous()
            .call("POST", PATH)
            .raw_body(json_type, body)
            .await;
        let text = answer.body["detail"].as_str().unwrap();
        assert!(
            answer.status == 400 && text.starts_with("JSON parse error - "),
            "{text}"
        );
    }
    // Blanks around a name, a charset, a form, a form in parts, and an `Authorization` that is ignored.
    let padded =
        json!({"username": format!("  {} ", ann.login), "password": ann.password, "other": 1});
    let call = app
        .anonymous()
        .post(PATH, padded)
        .header("authorization", "Bearer garbage");
    call.await.assert_status(200);
    let typed = credentials(&ann).to_string();
    let call = app
        .anonymous()
        .call("POST", PATH)
        .raw_body("application/json; charset=utf-8", typed);
    call.await.assert_status(200);
    let call = app.anonymous().call("POST", PATH);
    let pairs = [
        ("username", ann.login.as_str()),
        ("password", ann.password.as_str()),
    ];
    call.form(&pairs).await.assert_status(200);
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts = part("username", &ann.login) + &part("password", &ann.password) + "--b--\r\n";
    let call = app
        .anonymous()
        .call("POST", PATH)
        .raw_body("multipart/form-data; boundary=b", parts);
    call.await.assert_status(200);
    let call = app
        .anonymous()
        .call("POST", PATH)
        .raw_body("multipart/form-data; boundary=b", "--b");
    call.await.assert_status(400);
}

#[tokio::test]
async fn other_methods_and_options_have_the_answer_of_django_rest_framework() {
    let app = App::with(enabled);
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let answer = app.anonymous().call(method, "/api/token/verify/").await;
        assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
        let text = format!("Method \"{method}\" not allowed.");
        answer.assert_body(405, &json!({"detail": text}));
    }
    let answer = app
        .anonymous()
        .call("OPTIONS", "/api/token/refresh/")
        .await
        .assert_status(200);
    assert_eq!(answer.body["name"], "Token Refresh");
    let access = json!({"type": "string", "required": false, "read_only": true, "label": "Access"});
    assert_eq!(answer.body["actions"]["POST"]["access"], access);
}

#[tokio::test]
async fn a_refused_token_has_the_message_of_simplejwt() {
    let app = App::with(enabled);
    let ann = app.user("ann").await;
    let base = || Forgery::of(&ann.refresh);
    let past = app.clock.now().unix_seconds();
    for (token, text) in [
        ("garbage".to_owned(), "Token is invalid"),
        (
            base()
                .key(b"another key, which is long enough to be one")
                .token(),
            "Token is invalid",
        ),
        (base().claim("exp", past).token(), "Token is expired"),
        (
            base()
                .claim("exp", past)
                .claim("token_type", "access")
                .token(),
            "Token is expired",
        ),
        (
            base().claim("iat", past + 100).claim("exp", past).token(),
            "Token is invalid",
        ),
        (base().without("exp").token(), "Token has no 'exp' claim"),
        (base().without("jti").token(), "Token has no id"),
        (base().without("token_type").token(), "Token has no type"),
        (ann.access.clone(), "Token has wrong type"),
        (
            base().claim("token_type", "REFRESH").token(),
            "Token has wrong type",
        ),
        (base().claim("exp", "1").token(), "Token is invalid"),
    ] {
        for path in ["/api/token/refresh/", "/api/token/blacklist/"] {
            let body = json!({"refresh": format!(" {token}\n")});
            let answer = app.anonymous().post(path, body).await;
            assert_eq!(
                answer.header("www-authenticate"),
                Some(r#"Bearer realm="api""#)
            );
            answer.assert_body(401, &json!({"detail": text, "code": "token_not_valid"}));
        }
    }
    let admin = app.admin("root").await;
    let path = format!("/api/users/{}", ann.seq);
    let body = admin.confirmed(json!({"is_active": false}));
    admin.patch(&path, body).await.assert_status(200);
    let body = json!({"refresh": ann.refresh});
    let refused = json!({"detail": "No active account found for the given token."});
    app.anonymous()
        .post("/api/token/refresh/", body)
        .await
        .assert_body(401, &refused);
}

#[tokio::test]
async fn too_many_attempts_are_throttled_in_the_form_of_django_rest_framework() {
    let app = App::with(|config| {
        enabled(config);
        config.limits.failures = 2;
        config.limits.first_delay = Span::seconds(30);
    });
    let ann = app.user("ann").await;
    let wrong = json!({"username": ann.login, "password": "wrong"});
    for _ in 0..2 {
        app.anonymous()
            .post(PATH, wrong.clone())
            .await
            .assert_status(401);
    }
    let answer = app.anonymous().post(PATH, wrong).await;
    assert_eq!(answer.header("retry-after"), Some("30"));
    let text = "Request was throttled. Expected available in 30 seconds.";
    answer.assert_body(429, &json!({"detail": text}));
}
