//! The envelope of every response: request ids, languages, headers.

use serde_json::json;

use crate::support::App;

#[tokio::test]
async fn a_valid_request_id_is_returned_and_any_other_is_replaced() {
    let app = App::start();
    let me = |id: &str| app.anonymous().get("/api/me").header("x-request-id", id);
    // The test client checks on every call that header and body agree.
    for id in ["a1b2c3d4", "ABC_def-123", &"x".repeat(64)] {
        assert_eq!(me(id).await.header("x-request-id"), Some(id));
    }
    for odd in [
        "short12",
        "with space",
        "semi;colon",
        "new\tline!",
        &"x".repeat(65),
        "",
        "가나다라마바사아",
        "<script>alert",
    ] {
        let answer = me(odd).await;
        let id = answer.header("x-request-id").unwrap();
        assert_ne!(id, odd);
        assert!(
            (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric()),
            "{id}"
        );
    }
    let (one, two) = (me("").await, me("").await);
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
    let echoed = app
        .anonymous()
        .get("/healthz")
        .header("x-request-id", "health-id-1")
        .await;
    assert_eq!(echoed.header("x-request-id"), Some("health-id-1"));
}

#[tokio::test]
async fn messages_follow_accept_language() {
    let app = App::start();
    let (en, ko) = ("Not found", "요청한 리소스를 찾을 수 없습니다");
    for (header, language, message) in [
        ("ko", "ko", ko),
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko", ko),
        ("KO-kr", "ko", ko),
        ("en", "en", en),
        ("en-US;q=0.5, ko;q=0.7", "ko", ko),
        ("fr, ko;q=0.1", "ko", ko),
        ("ko;q=0, en;q=0.1", "en", en),
        ("fr", "en", en),
        ("*", "en", en),
        ("", "en", en),
        (";;;,,q=", "en", en),
        ("ko;q=abc", "en", en),
        ("../../etc/passwd", "en", en),
    ] {
        let answer = app
            .anonymous()
            .get("/nothing")
            .header("accept-language", header)
            .await;
        assert_eq!(
            (answer.header("content-language"), answer.message()),
            (Some(language), message),
            "{header}"
        );
    }
    let long = "fr,".repeat(2_000);
    let answer = app
        .anonymous()
        .get("/nothing")
        .header("accept-language", &long)
        .await;
    answer.assert(404, "NOT_FOUND");
}

#[tokio::test]
async fn the_default_language_is_configured() {
    let app = App::with(|config| config.language.default = munjigi::domain::language::Language::Ko);
    let answer = app.anonymous().get("/nothing").await;
    assert_eq!(answer.message(), "요청한 리소스를 찾을 수 없습니다");
    let answer = app
        .anonymous()
        .get("/nothing")
        .header("accept-language", "en")
        .await;
    assert_eq!(answer.message(), "Not found");
}

#[tokio::test]
async fn a_challenge_depends_on_whether_a_token_was_presented() {
    let app = App::start();
    let (none, invalid) = (
        r#"Bearer realm="api""#,
        r#"Bearer realm="api", error="invalid_token""#,
    );
    let anonymous = app.anonymous();
    let wrong = json!({"username": "x", "password": "y"});
    let code = json!({"challenge_id": "x", "code": "1"});
    for (call, challenge) in [
        (anonymous.get("/api/me"), none),
        (anonymous.post("/auth/login", wrong), none),
        (anonymous.post("/clients/otp/verify", code), none),
        (anonymous.get("/api/me").bearer("x"), invalid),
        (anonymous.refresh("x"), invalid),
        (anonymous.verify("x"), invalid),
        (
            anonymous.post("/auth/logout-all", json!({})).bearer("x"),
            invalid,
        ),
    ] {
        let answer = call.await;
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (401, Some(challenge)),
            "{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let app = App::start();
    let ann = app.user("ann").await;
    for path in [
        "/api/me",
        "/api/users",
        "/healthz",
        "/readyz",
        "/api/users/1",
    ] {
        let (head, get) = (ann.call("HEAD", path).await, ann.get(path).await);
        assert_eq!(
            (head.status, head.text.as_str()),
            (get.status, ""),
            "{path}"
        );
        assert_eq!(
            head.header("content-type"),
            get.header("content-type"),
            "{path}"
        );
    }
    let refused = app.anonymous().call("HEAD", "/api/me").await;
    assert_eq!(refused.status, 401);
}
