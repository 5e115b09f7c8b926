//! Usernames of internal users, beside or instead of an e-mail address, and external ids of accounts.

use std::future::IntoFuture;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{App, Person, claims_of};

const PASSWORD: &str = "correct horse battery";

async fn create(root: &Person, fields: Value) -> Value {
    let mut body = json!({"name": "Someone", "password": PASSWORD});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    let answer = root.post("/api/users", body).await;
    answer.assert(201, "USER_CREATED").data().clone()
}

async fn log_in(app: &App, name: &str) -> u16 {
    let body = json!({"username": name, "password": PASSWORD});
    app.anonymous().post("/auth/login", body).await.status
}

#[tokio::test]
async fn a_user_logs_in_by_e_mail_address_or_username() {
    let app = App::start();
    let root = app.admin("root").await;
    let both = create(
        &root,
        json!({"email": "kim@example.org", "username": "Kim.1"}),
    )
    .await;
    assert_eq!(both["username"], "Kim.1");
    for name in ["kim@example.org", "KIM.1", " kim.1 ", "Ｋｉｍ.1"] {
        assert_eq!(log_in(&app, name).await, 200, "{name}");
    }
    let named = create(&root, json!({"username": "lee"})).await;
    assert_eq!(named["email"], Value::Null);
    let body = json!({"username": "lee", "password": PASSWORD});
    let tokens = app.anonymous().post("/auth/login", body).await;
    let tokens = tokens.assert(200, "LOGGED_IN");
    let claims = claims_of(&tokens.text_of("access"));
    assert!(!claims.contains_key("email"));
    let me = app.anonymous().call("GET", "/api/me");
    let me = me.bearer(&tokens.text_of("access")).await.assert(200, "ME");
    assert_eq!(
        (&me.data()["username"], &me.data()["email"]),
        (&json!("lee"), &Value::Null)
    );
    let refreshed = app.anonymous().refresh(&tokens.text_of("refresh")).await;
    refreshed.assert(200, "REFRESHED");
}

#[tokio::test]
async fn a_user_has_an_e_mail_address_or_a_username() {
    let app = App::start();
    let root = app.admin("root").await;
    let body = json!({"name": "Nobody", "password": PASSWORD});
    let answer = root
        .post("/api/users", body)
        .await
        .assert(400, "INVALID_REQUEST");
    assert!(
        answer.error("email").contains("username"),
        "{}",
        answer.text
    );
    let user = create(&root, json!({"email": "kim@example.org"})).await;
    let path = format!("/api/users/{}", user["user_seq"]);
    let answer = root.patch(&path, json!({"email": null})).await;
    assert!(
        answer
            .assert(400, "INVALID_REQUEST")
            .error("email")
            .contains("username")
    );
    let body = json!({"email": null, "username": "kim"});
    let changed = root.patch(&path, body).await.assert(200, "USER_UPDATED");
    assert_eq!(changed.data()["email"], Value::Null);
    let answer = root.patch(&path, json!({"username": ""})).await;
    answer.assert(400, "INVALID_REQUEST");
    assert_eq!(log_in(&app, "kim").await, 200);
    assert_eq!(log_in(&app, "kim@example.org").await, 401);
}

#[tokio::test]
async fn a_name_belongs_to_one_user_in_whichever_field() {
    let app = App::start();
    let root = app.admin("root").await;
    create(
        &root,
        json!({"email": "kim@example.org", "username": "kim"}),
    )
    .await;
    let own = create(
        &root,
        json!({"email": "lee@example.org", "username": "LEE@example.org"}),
    )
    .await;
    create(&root, json!({"username": "park@example.org"})).await;
    let path = format!("/api/users/{}", own["user_seq"]);
    for (fields, field) in [
        (json!({"username": "KIM"}), "username"),
        (json!({"username": "Kim@Example.org"}), "username"),
        (json!({"email": "park@example.org"}), "email"),
        (
            json!({"email": "PARK@example.org", "username": "other"}),
            "email",
        ),
    ] {
        let mut new = fields.clone();
        new["name"] = "Other".into();
        new["password"] = PASSWORD.into();
        let answer = root
            .post("/api/users", new)
            .await
            .assert(409, "ALREADY_EXISTS");
        assert!(!answer.error(field).is_empty(), "{fields}");
        let answer = root.patch(&path, root.confirmed(fields.clone())).await;
        assert!(
            !answer.assert(409, "ALREADY_EXISTS").error(field).is_empty(),
            "{fields}"
        );
    }
}

#[tokio::test]
async fn wrong_passwords_with_both_names_count_together() {
    let app = App::with(|config| config.limits.failures = 3);
    let root = app.admin("root").await;
    create(
        &root,
        json!({"email": "kim@example.org", "username": "kim"}),
    )
    .await;
    for name in ["kim", "kim@example.org", "kim"] {
        let body = json!({"username": name, "password": "a wrong password"});
        app.anonymous()
            .post("/auth/login", body)
            .await
            .assert(401, "INVALID_CREDENTIALS");
    }
    for name in ["kim@example.org", "kim"] {
        assert_eq!(log_in(&app, name).await, 429, "{name}");
    }
}

#[tokio::test]
async fn staff_see_no_username_of_another_user() {
    let app = App::start();
    let root = app.admin("root").await;
    let user = create(&root, json!({"username": "kim", "external_id": "k-1"})).await;
    let sam = app.user("sam").await;
    let seen = sam.get(&format!("/api/users/{}", user["user_seq"])).await;
    let seen = seen.assert(200, "USER");
    assert_eq!(
        (&seen.data()["username"], &seen.data()["external_id"]),
        (&Value::Null, &Value::Null)
    );
    let ordered = sam.get("/api/users?ordering=username").await;
    ordered.assert(400, "INVALID_REQUEST");
    let found = root.get("/api/users?ordering=-username&search=kim").await;
    assert_eq!(found.assert(200, "USER_LIST").data()[0]["username"], "kim");
}

#[tokio::test]
async fn external_ids_are_unique_in_each_population() {
    let app = App::start();
    let root = app.admin("root").await;
    let id = "8d0c6d5e-4a1f-4c0f-9a53-8f2b7a7b9c11";
    let user = create(
        &root,
        json!({"username": "kim", "external_id": format!(" {id} ")}),
    )
    .await;
    assert_eq!(user["external_id"], id);
    let new = json!({"username": "acme", "external_id": id});
    let client = root
        .post("/api/clients", new)
        .await
        .assert(201, "CLIENT_CREATED");
    assert_eq!(client.data()["external_id"], id);
    let new = json!({"username": "other", "external_id": id});
    let answer = root
        .post("/api/clients", new)
        .await
        .assert(409, "ALREADY_EXISTS");
    assert!(!answer.error("external_id").is_empty());
    for path in ["/api/users?search=8d0c6d5e", "/api/clients?search=9C11"] {
        let found = root.get(path).await;
        assert_eq!(found.data()[0]["external_id"], id, "{path}");
    }
    let path = format!("/api/users/{}", user["user_seq"]);
    for (wrong, words) in [("x".repeat(256), "255"), ("a\u{0}b".to_owned(), "")] {
        let answer = root.patch(&path, json!({"external_id": wrong})).await;
        let answer = answer.assert(400, "INVALID_REQUEST");
        assert!(
            answer.error("external_id").contains(words),
            "{}",
            answer.text
        );
    }
    let cleared = root.patch(&path, json!({"external_id": null})).await;
    assert_eq!(
        cleared.assert(200, "USER_UPDATED").data()["external_id"],
        Value::Null
    );
}

#[tokio::test]
async fn of_parallel_creations_with_one_name_in_two_fields_one_succeeds() {
    let app = App::start();
    let root = app.admin("root").await;
    let calls = (0..8).map(|number| {
        let field = ["email", "username"][number % 2];
        let mut body = json!({"name": "Kim", "password": PASSWORD});
        body[field] = "kim@example.org".into();
        root.post("/api/users", body).into_future()
    });
    let answers = join_all(calls).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}
