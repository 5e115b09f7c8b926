//! Login, refresh, logout, sessions and the own account.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use super::shown;
use crate::support::App;

#[tokio::test]
async fn login_refresh_and_logout() {
    let app = App::start();
    let ann = app.user("ann").await;
    assert_snapshot!(shown(&ann.log_in().await), @r#"
    200
    {
      "code": "LOGGED_IN",
      "data": {
        "access": "[token]",
        "expires_in": 1800,
        "refresh": "[token]",
        "refresh_expires_in": 2592000,
        "token_type": "Bearer",
        "user": {
          "email": "ann@example.org",
          "email_verified": true,
          "name": "ann",
          "role": "staff",
          "user_seq": 1,
          "user_type": "user"
        }
      },
      "message": "Logged in",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    assert_snapshot!(shown(&app.anonymous().refresh(&ann.refresh).await), @r#"
    200
    {
      "code": "REFRESHED",
      "data": {
        "access": "[token]",
        "expires_in": 1800,
        "refresh": "[token]",
        "refresh_expires_in": 2592000,
        "token_type": "Bearer",
        "user": {
          "email": "ann@example.org",
          "email_verified": true,
          "name": "ann",
          "role": "staff",
          "user_seq": 1,
          "user_type": "user"
        }
      },
      "message": "Tokens refreshed",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    let ann = ann.again().await;
    assert_snapshot!(shown(&ann.log_out(&ann.refresh).await), @r#"
    200
    {
      "code": "LOGGED_OUT",
      "message": "Logged out",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    let ann = ann.again().await;
    assert_snapshot!(shown(&ann.post("/auth/logout-all", json!({"keep_current": false})).await), @r#"
    200
    {
      "code": "LOGGED_OUT_ALL",
      "data": {
        "sessions": 3
      },
      "message": "Logged out everywhere",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
}

#[tokio::test]
async fn login_of_a_client() {
    let app = App::with_gateway(|_| ());
    let acme = app.client("acme").await;
    assert_snapshot!(shown(&acme.log_in().await), @r#"
    200
    {
      "code": "LOGGED_IN",
      "data": {
        "access": "[token]",
        "expires_in": 1800,
        "refresh": "[token]",
        "refresh_expires_in": 2592000,
        "token_type": "Bearer",
        "user": {
          "email": "client@example.org",
          "email_verified": true,
          "name": "acme",
          "user_seq": 1,
          "user_type": "client",
          "username": "acme"
        }
      },
      "message": "Logged in",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    let answer = app
        .anonymous()
        .post("/clients/otp/request", json!({"username": "acme"}))
        .await;
    assert_snapshot!(shown(&answer), @r#"
    200
    {
      "code": "OTP_SENT",
      "data": {
        "challenge_id": "[id]",
        "expires_in": 300,
        "resend_after": 60
      },
      "message": "If the client exists, a code has been sent",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    let code = app.codes(1).await.pop().unwrap();
    let body = json!({"challenge_id": answer.text_of("challenge_id"), "code": code});
    assert_snapshot!(shown(&app.anonymous().post("/clients/otp/verify", body).await), @r#"
    200
    {
      "code": "LOGGED_IN",
      "data": {
        "access": "[token]",
        "expires_in": 1800,
        "refresh": "[token]",
        "refresh_expires_in": 2592000,
        "token_type": "Bearer",
        "user": {
          "email": "client@example.org",
          "email_verified": true,
          "name": "acme",
          "user_seq": 1,
          "user_type": "client",
          "username": "acme"
        }
      },
      "message": "Logged in",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    assert_snapshot!(shown(&acme.get("/api/me").await), @r#"
    200
    {
      "code": "ME",
      "data": {
        "email": "client@example.org",
        "email_verified": true,
        "name": "acme",
        "user_seq": 1,
        "user_type": "client",
        "username": "acme"
      },
      "message": "Your account",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
}

#[tokio::test]
async fn own_account_and_sessions() {
    let app = App::start();
    let ann = app.user("ann").await;
    assert_snapshot!(shown(&ann.get("/api/me").await), @r#"
    200
    {
      "code": "ME",
      "data": {
        "email": "ann@example.org",
        "email_verified": true,
        "name": "ann",
        "role": "staff",
        "user_seq": 1,
        "user_type": "user"
      },
      "message": "Your account",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    assert_snapshot!(shown(&app.anonymous().verify(&ann.access).await), @r#"
    200
    {
      "code": "TOKEN_VALID",
      "data": {
        "amr": [
          "pwd"
        ],
        "auth_time": 1771072245,
        "client_id": "munjigi",
        "email": "ann@example.org",
        "exp": 1771074045,
        "iat": 1771072245,
        "jti": "[id]",
        "role": "staff",
        "sid": "[id]",
        "sub": "user:1",
        "token_type": "access",
        "user_seq": 1,
        "user_type": "user"
      },
      "message": "The token is valid",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    assert_snapshot!(shown(&app.anonymous().verify(&ann.refresh).await), @r#"
    200
    {
      "code": "TOKEN_VALID",
      "data": {
        "exp": 1773664245,
        "iat": 1771072245,
        "jti": "[id]",
        "sid": "[id]",
        "sub": "user:1",
        "token_type": "refresh",
        "user_seq": 1,
        "user_type": "user"
      },
      "message": "The token is valid",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    // Sessions used at the same moment are listed in the order of their random ids.
    app.advance(Duration::from_secs(1));
    let other = ann.again().await;
    let sessions = other.get("/auth/sessions").await;
    assert_snapshot!(shown(&sessions), @r#"
    200
    {
      "code": "SESSION_LIST",
      "data": [
        {
          "created_at": "2026-02-14T12:30:46+00:00",
          "current": true,
          "device": null,
          "expires_at": "2026-03-16T12:30:46+00:00",
          "id": "[id]",
          "ip_address": "127.0.0.1",
          "last_used_at": "2026-02-14T12:30:46+00:00",
          "method": "password"
        },
        {
          "created_at": "2026-02-14T12:30:45+00:00",
          "current": false,
          "device": null,
          "expires_at": "2026-03-16T12:30:45+00:00",
          "id": "[id]",
          "ip_address": "127.0.0.1",
          "last_used_at": "2026-02-14T12:30:45+00:00",
          "method": "password"
        }
      ],
      "message": "Your sessions",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:46+00:00"
      },
      "success": true
    }
    "#);
    let own = sessions
        .data()
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["current"] == true);
    let id = own.unwrap()["id"].as_str().unwrap();
    assert_snapshot!(shown(&other.delete(&format!("/auth/sessions/{id}")).await), @r#"
    200
    {
      "code": "SESSION_ENDED",
      "message": "The session has ended",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:46+00:00"
      },
      "success": true
    }
    "#);
    let body =
        json!({"current_password": ann.password, "new_password": "another passphrase of mine"});
    assert_snapshot!(shown(&ann.post("/auth/password", body).await), @r#"
    200
    {
      "code": "PASSWORD_CHANGED",
      "message": "Password changed. All other sessions have ended",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:46+00:00"
      },
      "success": true
    }
    "#);
}

#[tokio::test]
async fn a_used_refresh_token() {
    let app = App::start();
    let ann = app.user("ann").await;
    ann.refreshed().await.refreshed().await;
    app.advance(Duration::from_secs(11));
    assert_snapshot!(shown(&app.anonymous().refresh(&ann.refresh).await), @r#"
    401
    {
      "code": "TOKEN_REUSED",
      "message": "The token has already been used. Its session has been ended",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:56+00:00"
      },
      "success": false
    }
    "#);
}
