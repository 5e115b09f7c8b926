//! `/api/users`: creating, reading, updating and deleting internal users.

use munjigi::domain::account::Role;
use serde_json::{Value, json};

use crate::support::{App, Person};

fn new(email: &str) -> Value {
    json!({"email": email, "name": "Ann Lee", "password": "correct horse battery"})
}

#[tokio::test]
async fn a_user_is_created_with_defaults_and_can_log_in() {
    let app = App::start();
    let root = app.admin("root").await;
    let created = root.post("/api/users", new("Ann.Lee@Example.org ")).await;
    let created = created.assert(201, "USER_CREATED");
    assert_eq!(created["email"], "Ann.Lee@Example.org");
    assert_eq!(created["role"], "staff");
    assert_eq!(created["is_active"], true);
    let body = json!({"email": "ann.lee@example.org", "password": "correct horse battery"});
    let pair = app.anonymous().post("/auth/login", body).await;
    pair.assert(200, "LOGGED_IN");
    let read = root
        .get(&format!("/api/users/{}", created["user_seq"]))
        .await;
    let read = read.assert(200, "USER");
    assert_eq!(read["last_login_at"], "2026-02-14T12:30:45+00:00");
    assert!(!read.text.contains("hash") && !read.text.contains("bcrypt"));
}

#[tokio::test]
async fn every_missing_field_of_a_new_user_is_named() {
    let app = App::start();
    let root = app.admin("root").await;
    let missing = root.post("/api/users", json!({})).korean().await;
    insta::assert_json_snapshot!(missing.assert(400, "INVALID_REQUEST").body["errors"], @r#"
    {
      "email": [
        "이메일 주소나 사용자명 중 하나는 입력해야 합니다."
      ],
      "name": [
        "이 필드는 필수입니다."
      ],
      "password": [
        "이 필드는 필수입니다."
      ]
    }
    "#);
}

/// Sends a new user with one invalid field, for each of these; no user is created.
async fn assert_refused(wrong: &[(&str, Value, &str)]) {
    let app = App::start();
    let root = app.admin("root").await;
    for (field, value, sentence) in wrong {
        let mut body = new("new@example.org");
        body[field] = value.clone();
        let answer = root.post("/api/users", body).await;
        let answer = answer.assert(400, "INVALID_REQUEST");
        assert_eq!(answer.error(field), *sentence, "{field} = {value}");
        let named = answer.body["errors"].as_object().unwrap().len();
        assert_eq!(named, 1, "{}", answer.text);
    }
    assert_eq!(app.number("SELECT COUNT(*) AS number FROM users").await, 1);
}

#[tokio::test]
async fn the_address_and_the_name_of_a_new_user_are_checked() {
    let address = "Enter an e-mail address such as name@example.org.";
    let text = "This must be a string.";
    assert_refused(&[
        ("email", json!("ann"), address),
        ("email", json!("ann@localhost"), address),
        ("email", json!("Ann <ann@example.org>"), address),
        ("email", json!("ann@[127.0.0.1]"), address),
        ("email", json!("a@b.org, c@d.org"), address),
        ("email", json!(""), "This field may not be empty."),
        ("email", json!(7), text),
        (
            "email",
            json!(format!("{}@example.org", "a".repeat(250))),
            "At most 254 characters are allowed.",
        ),
        (
            "email",
            json!("ann\u{7}@example.org"),
            "Control characters are not allowed.",
        ),
        ("name", json!(" \t "), "This field may not be empty."),
        (
            "name",
            json!("x".repeat(151)),
            "At most 150 characters are allowed.",
        ),
        (
            "name",
            json!("a\u{0}b"),
            "Control characters are not allowed.",
        ),
        ("name", json!("a\nb"), "Control characters are not allowed."),
        (
            "name",
            json!("\u{202e}\u{200b}"),
            "This field may not be empty.",
        ),
        ("name", json!(["x"]), text),
        ("name", json!(null), "This field is required."),
    ])
    .await;
}

#[tokio::test]
async fn the_other_fields_of_a_new_user_are_checked_and_unknown_ones_rejected() {
    let text = "This must be a string.";
    assert_refused(&[
        (
            "role",
            json!("root"),
            "This must be one of: admin, auditor, staff.",
        ),
        (
            "role",
            json!("Admin"),
            "This must be one of: admin, auditor, staff.",
        ),
        ("role", json!(1), text),
        ("is_active", json!("true"), "This must be true or false."),
        ("is_active", json!(1), "This must be true or false."),
        ("password", json!(""), "This field may not be empty."),
        (
            "password",
            json!("short12"),
            "At least 8 characters are required.",
        ),
        (
            "password",
            json!("PassWord123"),
            "This password is too common. Choose another.",
        ),
        (
            "password",
            json!("ｐａｓｓｗｏｒｄ"),
            "This password is too common. Choose another.",
        ),
        ("password", json!(12_345_678), text),
        ("user_seq", json!(7), "Unknown field."),
        ("password_hash", json!("x"), "Unknown field."),
        ("isActive", json!(true), "Unknown field."),
    ])
    .await;
}

#[tokio::test]
async fn a_password_may_not_contain_the_accounts_own_data() {
    let app = App::start();
    let root = app.admin("root").await;
    for password in [
        "ann.lee@example.org",
        "ANN.LEE@example.org",
        "Annabella Lee",
        "annabella lee ",
        "ann.lee.long",
    ] {
        let body = json!({"email": "ann.lee.long@example.org", "name": "Annabella Lee", "password": password});
        let body = if password.contains('@') {
            json!({"email": "ann.lee@example.org", "name": "Ann", "password": password})
        } else {
            body
        };
        let refused = root
            .post("/api/users", body)
            .await
            .assert(400, "INVALID_REQUEST");
        assert_eq!(
            refused.error("password"),
            "The password must not contain your name, username or e-mail address.",
            "{password}"
        );
    }
    // Also if the data are changed in the same request, or were set before.
    let ann = app.user("annabella").await;
    let path = format!("/api/users/{}", ann.seq);
    for body in [
        json!({"password": "annabella"}),
        json!({"password": "Nightingale", "name": "nightingale"}),
        json!({"password": "robin.hood", "email": "robin.hood@example.org"}),
    ] {
        let refused = root.patch(&path, root.confirmed(body)).await;
        let refused = refused.assert(400, "INVALID_REQUEST");
        assert_eq!(
            refused.error("password"),
            "The password must not contain your name, username or e-mail address."
        );
    }
    ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
}

#[tokio::test]
async fn the_minimum_length_of_a_password_is_configured() {
    let app = App::with(|config| config.login.min_password_length = 15);
    let root = app.admin("root").await;
    let mut body = new("ann@example.org");
    body["password"] = json!("fourteen chars");
    let refused = root.post("/api/users", body.clone()).korean().await;
    assert_eq!(
        refused.assert(400, "INVALID_REQUEST").error("password"),
        "최소 15자 이상이어야 합니다."
    );
    body["password"] = json!("fifteen chars !");
    root.post("/api/users", body)
        .await
        .assert(201, "USER_CREATED");
}

#[tokio::test]
async fn a_taken_address_is_a_conflict_however_it_is_typed() {
    let app = App::start();
    let root = app.admin("root").await;
    root.post("/api/users", new("ann@example.org"))
        .await
        .assert(201, "USER_CREATED");
    for same in ["ann@example.org", " ANN@EXAMPLE.ORG", "ａｎｎ@example.org"] {
        let refused = root.post("/api/users", new(same)).korean().await;
        if refused.status == 400 {
            // A full-width address is no valid address, so it is rejected anyway.
            continue;
        }
        let refused = refused.assert(409, "ALREADY_EXISTS");
        assert_eq!(refused.error("email"), "이미 사용 중인 값입니다.", "{same}");
    }
    let path = format!("/api/users/{}", root.seq);
    let refused = root
        .patch(
            &path,
            json!({"email": "Ann@example.org", "current_password": root.password}),
        )
        .await;
    let refused = refused.assert(409, "ALREADY_EXISTS");
    assert_eq!(refused.error("email"), "This value is already in use.");
    // The own address in another case is no conflict.
    let answer = root
        .patch(
            &path,
            json!({"email": "Root@Example.org", "current_password": root.password}),
        )
        .await;
    assert_eq!(
        answer.assert(200, "USER_UPDATED")["email"],
        "Root@Example.org"
    );
}

#[tokio::test]
async fn an_update_changes_only_the_fields_that_were_sent() {
    let app = App::start();
    let root = app.admin("root").await;
    let ann = app.user("ann").await;
    let path = format!("/api/users/{}", ann.seq);
    let before = root.get(&path).await.assert(200, "USER");
    app.advance(std::time::Duration::from_mins(1));
    let after = root
        .patch(&path, json!({"name": " Anna ", "role": null}))
        .await;
    let after = after.assert(200, "USER_UPDATED");
    let mut expected = before.data().clone();
    expected["name"] = json!("Anna");
    expected["updated_at"] = json!("2026-02-14T12:31:45+00:00");
    assert_eq!(after.data(), &expected);
    assert_eq!(root.get(&path).await.data(), &expected);
    for (body, field, sentence) in [
        (json!({}), "body", "Send at least one field to change."),
        (
            json!({"nickname": "x", "name": "x"}),
            "nickname",
            "Unknown field.",
        ),
        (json!({"name": ""}), "name", "This field may not be empty."),
        (
            json!({"password": "short", "current_password": root.password}),
            "password",
            "At least 8 characters are required.",
        ),
    ] {
        let refused = root.patch(&path, body).await.assert(400, "INVALID_REQUEST");
        assert_eq!(refused.error(field), sentence);
    }
    assert_eq!(root.get(&path).await.data(), &expected);
}

#[tokio::test]
async fn an_unknown_user_is_not_found() {
    let app = App::start();
    let root = app.admin("root").await;
    for odd in [
        "4711",
        "0",
        "-1",
        "01",
        "abc",
        "1.0",
        "9223372036854775807",
        "9223372036854775808",
        "%31%20",
        "１",
    ] {
        let path = format!("/api/users/{odd}");
        for call in [
            root.get(&path),
            root.patch(&path, json!({"name": "x"})),
            root.delete(&path),
        ] {
            let answer = call.korean().await.assert(404, "USER_NOT_FOUND");
            assert_eq!(answer.message(), "사용자를 찾을 수 없습니다", "{odd}");
        }
    }
}

#[tokio::test]
async fn a_number_is_not_reused_after_a_deletion() {
    let app = App::start();
    let root = app.admin("root").await;
    let last = app.make_user("last", Role::STAFF).await;
    let path = format!("/api/users/{last}");
    let gone = root
        .delete(&path)
        .korean()
        .await
        .assert(200, "USER_DELETED");
    assert!(gone.body.get("data").is_none());
    root.delete(&path).await.assert(404, "USER_NOT_FOUND");
    let created = root.post("/api/users", new("next@example.org")).await;
    assert!(
        created.assert(201, "USER_CREATED")["user_seq"]
            .as_i64()
            .unwrap()
            > last
    );
}

#[tokio::test]
async fn a_form_creates_a_user_too() {
    let app = App::start();
    let root: Person = app.admin("root").await;
    let fields = [
        ("email", "ann@example.org"),
        ("name", "앤 리"),
        ("password", "correct horse battery"),
        ("is_active", "false"),
        ("role", "auditor"),
    ];
    let created = root.call("POST", "/api/users/").form(&fields).await;
    let created = created.assert(201, "USER_CREATED");
    assert_eq!(
        (&created["is_active"], &created["name"]),
        (&json!(false), &json!("앤 리"))
    );
    let refused = root
        .call("POST", "/api/users")
        .form(&[("is_active", "yes"), ("x", "1")])
        .await;
    let refused = refused.assert(400, "INVALID_REQUEST");
    assert_eq!(refused.error("is_active"), "This must be true or false.");
    assert_eq!(refused.error("x"), "Unknown field.");
}
