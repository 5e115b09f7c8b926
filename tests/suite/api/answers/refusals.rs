//! Refusals.

use insta::assert_snapshot;
use serde_json::json;

use super::shown;
use crate::support::App;

#[tokio::test]
async fn refusals() {
    let app = App::start();
    let (ann, root) = (app.user("ann").await, app.admin("root").await);
    assert_snapshot!(shown(&app.anonymous().get("/api/me").await), @r#"
    401
    {
      "code": "UNAUTHORIZED",
      "message": "Authentication credentials were not provided",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": false
    }
    "#);
    assert_snapshot!(shown(&app.anonymous().get("/api/me").bearer("a.b.c").await), @r#"
    401
    {
      "code": "INVALID_TOKEN",
      "message": "The token is not valid",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": false
    }
    "#);
    assert_snapshot!(shown(&app.anonymous().post("/auth/login", json!({"username": "ann@example.org", "password": "wrong"})).await), @r#"
    401
    {
      "code": "INVALID_CREDENTIALS",
      "message": "Incorrect username or password",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": false
    }
    "#);
    assert_snapshot!(shown(&app.anonymous().post("/auth/login", json!({})).await), @r#"
    400
    {
      "code": "INVALID_REQUEST",
      "errors": {
        "password": [
          "This field is required."
        ],
        "username": [
          "This field is required."
        ]
      },
      "message": "Invalid input",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": false
    }
    "#);
    assert_snapshot!(shown(&ann.post("/api/users", json!({})).await), @r#"
    403
    {
      "code": "FORBIDDEN",
      "message": "You do not have permission to perform this action",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": false
    }
    "#);
    assert_snapshot!(shown(&root.post("/api/users", json!({"email": "root@example.org", "name": "R", "password": "a passphrase of mine"})).await), @r#"
    409
    {
      "code": "ALREADY_EXISTS",
      "errors": {
        "email": [
          "This value is already in use."
        ]
      },
      "message": "Already exists",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": false
    }
    "#);
    assert_snapshot!(shown(&root.get("/api/users/99").await), @r#"
    404
    {
      "code": "USER_NOT_FOUND",
      "message": "User not found",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": false
    }
    "#);
    assert_snapshot!(shown(&root.get("/api/clients?page=0&ordering=x").await), @r#"
    400
    {
      "code": "INVALID_REQUEST",
      "errors": {
        "ordering": [
          "This must be one of: user_seq, username, name, email, is_active, last_login_at, created_at, updated_at."
        ],
        "page": [
          "This must be a whole number from 1 to 1000000000."
        ]
      },
      "message": "Invalid input",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": false
    }
    "#);
    assert_snapshot!(shown(&app.anonymous().get("/no/such/path").await), @r#"
    404
    {
      "code": "NOT_FOUND",
      "message": "Not found",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": false
    }
    "#);
    assert_snapshot!(shown(&app.anonymous().call("DELETE", "/auth/login").await), @r#"
    405
    {
      "code": "METHOD_NOT_ALLOWED",
      "message": "Method not allowed",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": false
    }
    "#);
    assert_snapshot!(shown(&app.anonymous().get("/api/me").korean().await), @r#"
    401
    {
      "code": "UNAUTHORIZED",
      "message": "인증 정보가 제공되지 않았습니다",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": false
    }
    "#);
}
