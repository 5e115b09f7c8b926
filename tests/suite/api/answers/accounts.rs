//! Internal users, external clients, and health.

use insta::assert_snapshot;
use serde_json::json;

use super::shown;
use crate::support::App;

#[tokio::test]
async fn internal_users() {
    let app = App::start();
    let root = app.admin("root").await;
    assert_snapshot!(shown(&root.get("/api/users?page_size=1").await), @r#"
    200
    {
      "code": "USER_LIST",
      "data": [
        {
          "claims": null,
          "created_at": "2026-02-14T12:30:45+00:00",
          "email": "root@example.org",
          "email_verified": true,
          "external_id": null,
          "is_active": true,
          "last_login_at": "2026-02-14T12:30:45+00:00",
          "name": "root",
          "role": "admin",
          "updated_at": "2026-02-14T12:30:45+00:00",
          "user_seq": 1,
          "username": null
        }
      ],
      "message": "List of users",
      "meta": {
        "links": {
          "first": "/api/users?page_size=1&page=1",
          "last": "/api/users?page_size=1&page=1",
          "next": null,
          "prev": null
        },
        "pagination": {
          "page": 1,
          "page_size": 1,
          "total": 1,
          "total_pages": 1
        },
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    let new = json!({
        "email": "Kim@example.org", "name": "김민지", "role": "auditor", "password": "a passphrase of mine",
    });
    assert_snapshot!(shown(&root.post("/api/users", new).await), @r#"
    201
    {
      "code": "USER_CREATED",
      "data": {
        "claims": null,
        "created_at": "2026-02-14T12:30:45+00:00",
        "email": "Kim@example.org",
        "email_verified": true,
        "external_id": null,
        "is_active": true,
        "last_login_at": null,
        "name": "김민지",
        "role": "auditor",
        "updated_at": "2026-02-14T12:30:45+00:00",
        "user_seq": 2,
        "username": null
      },
      "message": "User created",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    assert_snapshot!(shown(&root.get("/api/users/2").await), @r#"
    200
    {
      "code": "USER",
      "data": {
        "claims": null,
        "created_at": "2026-02-14T12:30:45+00:00",
        "email": "Kim@example.org",
        "email_verified": true,
        "external_id": null,
        "is_active": true,
        "last_login_at": null,
        "name": "김민지",
        "role": "auditor",
        "updated_at": "2026-02-14T12:30:45+00:00",
        "user_seq": 2,
        "username": null
      },
      "message": "User",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    assert_snapshot!(shown(&root.patch("/api/users/2", json!({"is_active": false})).await), @r#"
    200
    {
      "code": "USER_UPDATED",
      "data": {
        "claims": null,
        "created_at": "2026-02-14T12:30:45+00:00",
        "email": "Kim@example.org",
        "email_verified": true,
        "external_id": null,
        "is_active": false,
        "last_login_at": null,
        "name": "김민지",
        "role": "auditor",
        "updated_at": "2026-02-14T12:30:45+00:00",
        "user_seq": 2,
        "username": null
      },
      "message": "User updated",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    assert_snapshot!(shown(&root.delete("/api/users/2").await), @r#"
    200
    {
      "code": "USER_DELETED",
      "message": "User deleted",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
}

#[tokio::test]
async fn external_clients() {
    let app = App::start();
    let root = app.admin("root").await;
    let new = json!({"username": "Acme", "name": "Acme Ltd", "email": "it@acme.example", "phone": "+82 10-1234-5678"});
    assert_snapshot!(shown(&root.post("/api/clients", new).await), @r#"
    201
    {
      "code": "CLIENT_CREATED",
      "data": {
        "claims": null,
        "created_at": "2026-02-14T12:30:45+00:00",
        "email": "it@acme.example",
        "email_verified": true,
        "external_id": null,
        "is_active": true,
        "last_login_at": null,
        "name": "Acme Ltd",
        "phone": "+82 10-1234-5678",
        "updated_at": "2026-02-14T12:30:45+00:00",
        "user_seq": 1,
        "username": "Acme"
      },
      "message": "Client created",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    assert_snapshot!(shown(&root.get("/api/clients").await), @r#"
    200
    {
      "code": "CLIENT_LIST",
      "data": [
        {
          "claims": null,
          "created_at": "2026-02-14T12:30:45+00:00",
          "email": "it@acme.example",
          "email_verified": true,
          "external_id": null,
          "is_active": true,
          "last_login_at": null,
          "name": "Acme Ltd",
          "phone": "+82 10-1234-5678",
          "updated_at": "2026-02-14T12:30:45+00:00",
          "user_seq": 1,
          "username": "Acme"
        }
      ],
      "message": "List of clients",
      "meta": {
        "links": {
          "first": "/api/clients?page=1",
          "last": "/api/clients?page=1",
          "next": null,
          "prev": null
        },
        "pagination": {
          "page": 1,
          "page_size": 20,
          "total": 1,
          "total_pages": 1
        },
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    assert_snapshot!(shown(&root.get("/api/clients/1").await), @r#"
    200
    {
      "code": "CLIENT",
      "data": {
        "claims": null,
        "created_at": "2026-02-14T12:30:45+00:00",
        "email": "it@acme.example",
        "email_verified": true,
        "external_id": null,
        "is_active": true,
        "last_login_at": null,
        "name": "Acme Ltd",
        "phone": "+82 10-1234-5678",
        "updated_at": "2026-02-14T12:30:45+00:00",
        "user_seq": 1,
        "username": "Acme"
      },
      "message": "Client",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    assert_snapshot!(shown(&root.patch("/api/clients/1", json!({"name": null})).await), @r#"
    200
    {
      "code": "CLIENT_UPDATED",
      "data": {
        "claims": null,
        "created_at": "2026-02-14T12:30:45+00:00",
        "email": "it@acme.example",
        "email_verified": true,
        "external_id": null,
        "is_active": true,
        "last_login_at": null,
        "name": "Acme Ltd",
        "phone": "+82 10-1234-5678",
        "updated_at": "2026-02-14T12:30:45+00:00",
        "user_seq": 1,
        "username": "Acme"
      },
      "message": "Client updated",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
    assert_snapshot!(shown(&root.delete("/api/clients/1").await), @r#"
    200
    {
      "code": "CLIENT_DELETED",
      "message": "Client deleted",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": true
    }
    "#);
}

#[tokio::test]
async fn health() {
    let app = App::start();
    assert_snapshot!(shown(&app.anonymous().get("/healthz").await), @r#"
    200
    {
      "status": "ok"
    }
    "#);
    assert_snapshot!(shown(&app.anonymous().get("/readyz").await), @r#"
    200
    {
      "status": "ready"
    }
    "#);
}
