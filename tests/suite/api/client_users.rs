//! `/api/clients`: creating, reading, updating and deleting external clients.

use serde_json::json;

use crate::support::App;

#[tokio::test]
async fn a_client_is_created_with_a_username_alone() {
    let app = App::start();
    let root = app.admin("root").await;
    let created = root
        .post("/api/clients", json!({"username": " Acme-01 "}))
        .await;
    let created = created.assert(201, "CLIENT_CREATED");
    insta::assert_json_snapshot!(created.data(), @r#"
    {
      "claims": null,
      "created_at": "2026-02-14T12:30:45+00:00",
      "email": null,
      "email_verified": null,
      "external_id": null,
      "is_active": true,
      "last_login_at": null,
      "name": "Acme-01",
      "phone": null,
      "updated_at": "2026-02-14T12:30:45+00:00",
      "user_seq": 1,
      "username": "Acme-01"
    }
    "#);
    // Without a password a login with one is impossible.
    let body = json!({"username": "acme-01", "password": "x", "user_type": "client"});
    app.anonymous()
        .post("/auth/login", body)
        .await
        .assert(401, "INVALID_CREDENTIALS");
    let read = root
        .get(&format!("/api/clients/{}", created["user_seq"]))
        .await;
    assert_eq!(read.assert(200, "CLIENT").data(), created.data());
}

#[tokio::test]
async fn every_invalid_field_of_a_client_is_named() {
    let app = App::start();
    let root = app.admin("root").await;
    let username = "Start with a letter or digit. Letters, digits and . _ - @ + are allowed.";
    let phone = "Enter a telephone number such as +82 10-1234-5678.";
    let address = "Enter an e-mail address such as name@example.org.";
    for (field, value, sentence) in [
        ("username", json!(null), "This field is required."),
        ("username", json!(" "), "This field may not be empty."),
        ("username", json!("-acme"), username),
        ("username", json!("ac me"), username),
        ("username", json!("<script>"), username),
        ("username", json!("a/b"), username),
        (
            "username",
            json!("a".repeat(151)),
            "At most 150 characters are allowed.",
        ),
        ("username", json!(7), "This must be a string."),
        ("name", json!(""), "This field may not be empty."),
        (
            "name",
            json!("x".repeat(151)),
            "At most 150 characters are allowed.",
        ),
        ("email", json!("acme"), address),
        ("email", json!(7), "This must be a string."),
        ("phone", json!("123"), phone),
        ("phone", json!("call me"), phone),
        ("phone", json!("82+1012345678"), phone),
        ("phone", json!("1".repeat(16)), phone),
        (
            "phone",
            json!(821_012_345_678_i64),
            "This must be a string.",
        ),
        (
            "password",
            json!("short"),
            "At least 8 characters are required.",
        ),
        ("is_active", json!("yes"), "This must be true or false."),
        ("role", json!("admin"), "Unknown field."),
        ("user_seq", json!(1), "Unknown field."),
    ] {
        let mut body = json!({"username": "acme"});
        body[field] = value.clone();
        let answer = root
            .post("/api/clients", body)
            .await
            .assert(400, "INVALID_REQUEST");
        assert_eq!(answer.error(field), sentence, "{field} = {value}");
    }
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM client_users")
            .await,
        0
    );
}

#[tokio::test]
async fn a_taken_username_is_a_conflict_in_any_case_and_width() {
    let app = App::start();
    let root = app.admin("root").await;
    for (first, same) in [
        ("acme", "ACME"),
        ("ｆｕｌｌ", "full"),
        ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
    ] {
        root.post("/api/clients", json!({"username": first}))
            .await
            .assert(201, "CLIENT_CREATED");
        let refused = root.post("/api/clients", json!({"username": same})).await;
        let refused = refused.assert(409, "ALREADY_EXISTS");
        assert_eq!(refused.error("username"), "This value is already in use.");
    }
    let refused = root
        .patch("/api/clients/1", json!({"username": "FULL"}))
        .korean()
        .await;
    let refused = refused.assert(409, "ALREADY_EXISTS");
    assert_eq!(refused.error("username"), "이미 사용 중인 값입니다.");
}

#[tokio::test]
async fn null_clears_an_optional_field() {
    let app = App::start();
    let root = app.admin("root").await;
    let acme = app.client("acme").await;
    let path = format!("/api/clients/{}", acme.seq);
    let answer = root
        .patch(&path, json!({"email": null, "phone": "", "name": null}))
        .await;
    let answer = answer.assert(200, "CLIENT_UPDATED");
    assert_eq!(
        (&answer["email"], &answer["phone"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(
        (&answer["name"], &answer["username"]),
        (&json!("acme"), &json!("acme"))
    );
    acme.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    let me = acme.get("/api/me").await.assert(200, "ME");
    assert_eq!(me["email"], json!(null));
    // Without a password only a login by code is possible, and the sessions of the old password end.
    root.patch(&path, json!({"password": null}))
        .await
        .assert(200, "CLIENT_UPDATED");
    acme.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    acme.log_in().await.assert(401, "INVALID_CREDENTIALS");
    let refused = root.patch(&path, json!({"password": ""})).await;
    assert_eq!(
        refused.assert(400, "INVALID_REQUEST").error("password"),
        "This field may not be empty."
    );
    let refused = root
        .patch(&path, json!({}))
        .await
        .assert(400, "INVALID_REQUEST");
    assert_eq!(refused.error("body"), "Send at least one field to change.");
}

#[tokio::test]
async fn a_clients_password_may_not_contain_its_own_data() {
    let app = App::start();
    let root = app.admin("root").await;
    let sentence = "The password must not contain your name, username or e-mail address.";
    let new = json!({"username": "acme-trading", "name": "Acme Trading Ltd", "email": "buying.desk@example.org"});
    for password in [
        "acme-trading",
        "ACME Trading Ltd",
        "buying.desk@example.org",
        "buying.desk",
    ] {
        let mut body = new.clone();
        body["password"] = json!(password);
        let refused = root
            .post("/api/clients", body)
            .await
            .assert(400, "INVALID_REQUEST");
        assert_eq!(refused.error("password"), sentence, "{password}");
    }
    let created = root
        .post("/api/clients", new)
        .await
        .assert(201, "CLIENT_CREATED");
    let path = format!("/api/clients/{}", created["user_seq"]);
    for password in [
        "acme-trading",
        "ACME Trading Ltd",
        "buying.desk@example.org",
        "buying.desk",
    ] {
        let refused = root
            .patch(
                &path,
                json!({"password": password, "current_password": root.password}),
            )
            .await;
        let refused = refused.assert(400, "INVALID_REQUEST");
        assert_eq!(refused.error("password"), sentence, "{password}");
    }
}

#[tokio::test]
async fn an_unknown_client_is_not_found() {
    let app = App::start();
    let root = app.admin("root").await;
    for odd in ["4711", "0", "x"] {
        let path = format!("/api/clients/{odd}");
        root.get(&path).await.assert(404, "CLIENT_NOT_FOUND");
        root.patch(&path, json!({"name": "x"}))
            .await
            .assert(404, "CLIENT_NOT_FOUND");
        root.patch(&path, json!({"password": "correct horse"}))
            .await
            .assert(404, "CLIENT_NOT_FOUND");
        root.delete(&path).await.assert(404, "CLIENT_NOT_FOUND");
    }
    let seq = app.make_client("last").await;
    let path = format!("/api/clients/{seq}");
    root.delete(&path).await.assert(200, "CLIENT_DELETED");
    root.delete(&path).await.assert(404, "CLIENT_NOT_FOUND");
    assert!(app.make_client("next").await > seq);
}
