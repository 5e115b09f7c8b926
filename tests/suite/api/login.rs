//! `POST /auth/login`, for both populations.

use munjigi::domain::account::Role;
use serde_json::{Value, json};

use crate::support::{Answer, App};

async fn log_in(app: &App, body: Value) -> Answer {
    app.anonymous().post("/auth/login", body).await
}

#[tokio::test]
async fn a_user_gets_a_pair_of_tokens_and_the_account() {
    let app = App::start();
    app.make_user("ann", Role::AUDITOR).await;
    let answer = log_in(
        &app,
        json!({"username": "ann@example.org", "password": "the long password of a.n.n"}),
    )
    .await;
    insta::assert_json_snapshot!(answer.assert(200, "LOGGED_IN").body, {
        ".data.access" => "[access]",
        ".data.refresh" => "[refresh]",
        ".meta.request_id" => "[id]",
    }, @r#"
    {
      "code": "LOGGED_IN",
      "data": {
        "access": "[access]",
        "expires_in": 1800,
        "refresh": "[refresh]",
        "refresh_expires_in": 2592000,
        "token_type": "Bearer",
        "user": {
          "email": "ann@example.org",
          "email_verified": true,
          "name": "ann",
          "role": "auditor",
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
}

#[tokio::test]
async fn a_client_gets_a_pair_of_tokens_and_the_account() {
    let app = App::start();
    app.make_client("acme").await;
    let body = json!({"username": "acme", "password": "the long password of a.c.m.e", "user_type": "client"});
    let answer = log_in(&app, body).await.assert(200, "LOGGED_IN");
    insta::assert_json_snapshot!(answer["user"], @r#"
    {
      "email": "client@example.org",
      "email_verified": true,
      "name": "acme",
      "user_seq": 1,
      "user_type": "client",
      "username": "acme"
    }
    "#);
}

#[tokio::test]
async fn unknown_wrong_inactive_and_passwordless_get_the_same_response() {
    let app = App::start();
    app.make_user("ann", Role::STAFF).await;
    app.make_user("ina", Role::STAFF).await;
    app.make_client("acme").await;
    app.make_client("codes-only").await;
    app.execute("UPDATE users SET is_active = FALSE WHERE name = 'ina'")
        .await;
    app.execute("UPDATE client_users SET password_hash = NULL WHERE name = 'codes-only'")
        .await;
    let mut bodies = Vec::new();
    for (username, password, user_type) in [
        ("ann@example.org", "a wrong password", "user"),
        ("nobody@example.org", "the long password of a.n.n", "user"),
        ("ina@example.org", "the long password of i.n.a", "user"),
        ("acme", "a wrong password", "client"),
        ("nobody", "the long password of a.c.m.e", "client"),
        (
            "codes-only",
            "the long password of c.o.d.e.s.-.o.n.l.y",
            "client",
        ),
        // An account of the other population.
        ("ann@example.org", "the long password of a.n.n", "client"),
        ("acme", "the long password of a.c.m.e", "user"),
        // Outer spaces are part of a password.
        ("ann@example.org", " the long password of a.n.n", "user"),
        ("ann@example.org", "the long password of a.n.n ", "user"),
        ("no address at all", "%", "user"),
    ] {
        let answer = log_in(
            &app,
            json!({"username": username, "password": password, "user_type": user_type}),
        )
        .await;
        assert_eq!(
            answer.header("www-authenticate"),
            Some(r#"Bearer realm="api""#)
        );
        let mut body = answer.assert(401, "INVALID_CREDENTIALS").body;
        body["meta"] = Value::Null;
        bodies.push(body);
    }
    assert!(
        bodies.windows(2).all(|pair| pair[0] == pair[1]),
        "{bodies:?}"
    );
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM sessions").await,
        0
    );
}

#[tokio::test]
async fn the_name_may_be_typed_in_any_case_width_and_with_spaces() {
    let app = App::start();
    app.make_user("ann", Role::STAFF).await;
    app.make_client("acme-01").await;
    let (user, client) = (
        "the long password of a.n.n",
        "the long password of a.c.m.e.-.0.1",
    );
    for (field, name, password, user_type) in [
        ("username", "  ANN@Example.ORG ", user, "user"),
        ("username", "ａｎｎ@example.org", user, "user"),
        ("email", "Ann@example.org", user, "user"),
        ("username", " ACME-01", client, "client"),
        ("username", "ＡＣＭＥ－01", client, "client"),
    ] {
        let body = json!({field: name, "password": password, "user_type": user_type});
        log_in(&app, body).await.assert(200, "LOGGED_IN");
    }
}

#[tokio::test]
async fn a_form_is_read_as_well_as_json() {
    let app = App::start();
    app.make_client("acme").await;
    let form = [
        ("username", "acme"),
        ("password", "the long password of a.c.m.e"),
        ("user_type", "client"),
    ];
    let call = app.anonymous().call("POST", "/auth/login").form(&form);
    let answer = call.await.assert(200, "LOGGED_IN");
    assert_eq!(answer["user"]["user_type"], "client");
    let refresh = answer.text_of("refresh");
    let call = app.anonymous().call("POST", "/auth/refresh");
    let refreshed = call.form(&[("refresh", &refresh)]).await;
    refreshed.assert(200, "REFRESHED");
}

#[tokio::test]
async fn every_wrong_field_is_named_in_the_callers_language() {
    let app = App::start();
    let call = app.anonymous().post("/auth/login", json!({})).korean();
    insta::assert_json_snapshot!(call.await.assert(400, "INVALID_REQUEST").body, {
        ".meta.request_id" => "[id]",
    }, @r#"
    {
      "code": "INVALID_REQUEST",
      "errors": {
        "password": [
          "이 필드는 필수입니다."
        ],
        "username": [
          "이 필드는 필수입니다."
        ]
      },
      "message": "입력값이 올바르지 않습니다",
      "meta": {
        "request_id": "[id]",
        "timestamp": "2026-02-14T12:30:45+00:00"
      },
      "success": false
    }
    "#);
}

#[tokio::test]
async fn a_value_that_no_account_can_have_is_a_field_error() {
    let app = App::start();
    for (body, field, sentence) in [
        (
            json!({"password": "x"}),
            "username",
            "This field is required.",
        ),
        (
            json!({"password": null}),
            "password",
            "This field is required.",
        ),
        (
            json!({"username": "  ", "password": "x"}),
            "username",
            "This field may not be empty.",
        ),
        (
            json!({"username": "a", "password": ""}),
            "password",
            "This field may not be empty.",
        ),
        (
            json!({"username": 7, "password": "x"}),
            "username",
            "This must be a string.",
        ),
        (
            json!({"username": "a", "password": ["x"]}),
            "password",
            "This must be a string.",
        ),
        (
            json!({"username": "a", "password": "x", "user_type": "root"}),
            "user_type",
            "This must be one of: user, client.",
        ),
        (
            json!({"username": "a", "password": "x", "user_type": ""}),
            "user_type",
            "This must be one of: user, client.",
        ),
        (
            json!({"username": "a".repeat(255), "password": "x"}),
            "username",
            "At most 254 characters are allowed.",
        ),
        (
            json!({"username": "a\u{0}b", "password": "x"}),
            "username",
            "Control characters are not allowed.",
        ),
    ] {
        let answer = log_in(&app, body.clone())
            .await
            .assert(400, "INVALID_REQUEST");
        assert_eq!(answer.error(field), sentence, "{body}");
    }
    // An unknown field is ignored here.
    let body = json!({"username": "a", "password": "x", "remember": true});
    log_in(&app, body).await.assert(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn a_password_has_up_to_1024_characters_and_all_are_significant() {
    let app = App::start();
    let ann = app.admin("ann").await;
    let longest = format!(" {}\u{1f511} ", "가".repeat(1021));
    let body = json!({"current_password": ann.password, "new_password": longest});
    let changed = ann.post("/auth/password", body).await;
    changed.assert(200, "PASSWORD_CHANGED");
    for (password, status, code) in [
        (longest.clone(), 200, "LOGGED_IN"),
        (longest.trim().to_owned(), 401, "INVALID_CREDENTIALS"),
        (
            longest.replace('\u{1f511}', "x"),
            401,
            "INVALID_CREDENTIALS",
        ),
        (longest.replacen('가', "각", 1), 401, "INVALID_CREDENTIALS"),
        (format!("{longest}x"), 401, "INVALID_CREDENTIALS"),
        // A password that is only checked may be longer than a new one.
        (
            format!("{longest}{}", "x".repeat(3_072)),
            401,
            "INVALID_CREDENTIALS",
        ),
        (
            format!("{longest}{}", "x".repeat(3_073)),
            400,
            "INVALID_REQUEST",
        ),
    ] {
        let body = json!({"email": "ann@example.org", "password": password});
        log_in(&app, body).await.assert(status, code);
    }
}

#[tokio::test]
async fn the_same_number_in_both_populations_is_two_accounts() {
    let app = App::start();
    let admin = app.admin("ann").await;
    let client = app.client("acme").await;
    assert_eq!(admin.seq, client.seq);
    let me = client.get("/api/me").await.assert(200, "ME");
    assert_eq!(me["username"], "acme");
    assert_eq!(me["user_type"], "client");
    assert!(me.data().get("role").is_none(), "{}", me.text);
    client.get("/api/users").await.assert(403, "FORBIDDEN");
    // The refresh token of one at the logout of the other; ending the sessions of one; deactivating one.
    client
        .log_out(&admin.refresh)
        .await
        .assert(403, "FORBIDDEN");
    admin
        .log_out(&client.refresh)
        .await
        .assert(403, "FORBIDDEN");
    let ended = client.post("/auth/logout-all", json!({})).await;
    assert_eq!(ended.assert(200, "LOGGED_OUT_ALL")["sessions"], 1);
    admin.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    let client = client.again().await;
    let path = format!("/api/clients/{}", client.seq);
    let off = admin.patch(&path, json!({"is_active": false})).await;
    off.assert(200, "CLIENT_UPDATED");
    client.assert_tokens("USER_INACTIVE", "USER_INACTIVE").await;
    admin.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
}

#[tokio::test]
async fn a_login_updates_the_account_unless_that_is_switched_off() {
    let noted = "SELECT COUNT(*) AS number FROM users WHERE last_login_at IS NOT NULL";
    let app = App::start();
    app.user("ann").await;
    assert_eq!(app.number(noted).await, 1);
    let app = App::with(|config| config.tokens.update_last_login = false);
    let ann = app.user("ann").await;
    assert_eq!(app.number(noted).await, 0);
    ann.get("/api/me").await.assert(200, "ME");
}

#[tokio::test]
async fn a_full_password_queue_is_503_and_everything_else_continues() {
    let app = App::with(|config| {
        config.login.hash_queue = 1;
        // However many succeed, the first session is not ended by the session limit.
        config.tokens.sessions_per_account = 10_000;
    });
    let ann = app.user("ann").await;
    // bcrypt has its minimum cost here, so many simultaneous logins are needed to fill the queue of one thread.
    // On a busy machine the logins may still arrive one by one.
    let begun = std::time::Instant::now();
    loop {
        let crowd = (0..100).map(|_| ann.log_in());
        let answers = futures_util::future::join_all(crowd).await;
        let rejected: Vec<_> = answers
            .iter()
            .filter(|answer| answer.status != 200)
            .collect();
        for answer in &rejected {
            assert_eq!((answer.status, answer.code()), (503, "OVERLOADED"));
        }
        if !rejected.is_empty() {
            break;
        }
        assert!(
            begun.elapsed() < std::time::Duration::from_mins(2),
            "no login was rejected"
        );
    }
    ann.get("/api/me").await.assert(200, "ME");
    ann.log_in().await.assert(200, "LOGGED_IN");
}
