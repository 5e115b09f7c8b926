//! Accounts with password hashes of Django: they log in, and their hashes are replaced.

use munjigi::{domain::account::Role, http::admin::paths};
use serde_json::json;

use crate::support::{Answer, App, wait_until};

/// Hashes of one password, made by Django 5.2.
const HASHES: [(&str, &str); 9] = [
    (
        "sha256",
        "pbkdf2_sha256$20$seasalt$k1BiIUnsqgotK0/+G+6P9VzRBqM5+Jsk8jKCk28zElI=",
    ),
    (
        "sha1",
        "pbkdf2_sha1$20$seasalt$9ESBsLskq7n9zkEjramHOf6My1s=",
    ),
    (
        "argon2id",
        "argon2$argon2id$v=19$m=64,t=2,p=2$c29tZXNhbHQxMjM0$g4cjjHnDJetV96lrpe8clhq9j3foJTBtropgEY1lZHk",
    ),
    (
        "argon2i",
        "argon2$argon2i$v=19$m=64,t=2,p=2$c29tZXNhbHQxMjM0$+H5GrXLj/vPC+4EIKnMjgiDCo48itDP9ouY5QSzE6yI",
    ),
    (
        "argon2d",
        "argon2$argon2d$v=19$m=64,t=2,p=2$c29tZXNhbHQxMjM0$r/0+7gfnxSr1y88UUkVsMl5p6q7PzN7TO/NyCh5EV5k",
    ),
    (
        "bcrypt_sha256",
        "bcrypt_sha256$$2b$04$Kycg8SUrOt6YV7BA0fZ/MOpfa5qZHC5bWTfgi5DkPr8xw7aOdt7WW",
    ),
    (
        "bcrypt",
        "bcrypt$$2b$04$gIhKvqLHCGYfBhM/OzoBdO8gPl0cKx0JFQi4XyuYQgg8ts1ODJ0dC",
    ),
    (
        "scrypt",
        "scrypt$16$seasalt$8$1$60ixQOQitLiAdlNMR9/vL+RJNs0B1K5SR03Cjh/RzzOk9O8EG98JdvO4JQd2U060cr8WeXfEYeu3X6x9DkL/Mw==",
    ),
    ("md5", "md5$seasalt$0792274e7ac64bd0b2ed80014710df73"),
];
const PASSWORD: &str = "비밀번호 1";

/// A server with a client for each hash, and one without a usable password.
async fn imported() -> App {
    let app = App::start();
    for (name, hash) in HASHES.into_iter().chain([("none", "!ur6WPEdeuvKX4SUN4")]) {
        app.make_client(name).await;
        let statement =
            format!("UPDATE client_users SET password_hash = '{hash}' WHERE username = '{name}'");
        app.execute(&statement).await;
    }
    app
}

async fn log_in(app: &App, name: &str, password: &str) -> Answer {
    let body = json!({"username": name, "password": password, "user_type": "client"});
    app.anonymous().post("/auth/login", body).await
}

#[tokio::test]
async fn passwords_of_django_are_right_and_their_hashes_are_replaced() {
    let app = imported().await;
    for (name, _) in HASHES {
        let wrong = log_in(&app, name, "비밀번호 2").await;
        wrong.assert(401, "INVALID_CREDENTIALS");
        log_in(&app, name, PASSWORD).await.assert(200, "LOGGED_IN");
    }
    let unusable = log_in(&app, "none", "ur6WPEdeuvKX4SUN4").await;
    unusable.assert(401, "INVALID_CREDENTIALS");
    let own =
        "SELECT COUNT(*) AS number FROM client_users WHERE password_hash LIKE '$bcrypt-sha256$%'";
    wait_until("the new hashes", async || {
        (app.number(own).await == 9).then_some(())
    })
    .await;
    for (name, _) in HASHES {
        log_in(&app, name, PASSWORD).await.assert(200, "LOGGED_IN");
    }
}

#[tokio::test]
async fn the_panel_counts_the_hashes_that_are_left() {
    let app = imported().await;
    let ann = app.signed_in("ann", Role::ADMIN).await;
    let left = "pbkdf2_sha256 1, pbkdf2_sha1 1, argon2 3, bcrypt_sha256 1, bcrypt 1, scrypt 1, md5 1, unusable 1";
    let shown = ann.open(paths::DASHBOARD).await.text("#server");
    assert!(shown.contains(left), "{shown}");
    let page = ann.open(paths::SECURITY).await;
    let shown = page.text("#imported_hashes");
    assert!(shown.contains(left), "{shown}");
    app.execute("UPDATE client_users SET password_hash = NULL")
        .await;
    let shown = ann.open(paths::SECURITY).await.text("#imported_hashes");
    assert!(!shown.contains("pbkdf2_sha256"), "{shown}");
}

#[tokio::test]
async fn a_hash_that_would_take_too_much_work_or_memory_is_wrong_at_once() {
    let app = App::start();
    let digest = "k1BiIUnsqgotK0/+G+6P9VzRBqM5+Jsk8jKCk28zElI=";
    let salt = "c29tZXNhbHQxMjM0$g4cjjHnDJetV96lrpe8clhq9j3foJTBtropgEY1lZHk";
    for (number, hash) in [
        format!("pbkdf2_sha256$4000000000$seasalt${digest}"),
        format!("argon2$argon2id$v=19$m=64,t=4000000000,p=1${salt}"),
        format!("argon2$argon2id$v=19$m=4000000000,t=1,p=1${salt}"),
        "bcrypt$$2b$31$gIhKvqLHCGYfBhM/OzoBdO8gPl0cKx0JFQi4XyuYQgg8ts1ODJ0dC".to_owned(),
        format!("scrypt$1073741824$seasalt$8$1${}==", "A".repeat(86)),
        format!("scrypt$16$seasalt$8$100000000${}==", "A".repeat(86)),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("c-{number}");
        app.make_client(&name).await;
        let statement =
            format!("UPDATE client_users SET password_hash = '{hash}' WHERE username = '{name}'");
        app.execute(&statement).await;
        // With its work the request would take minutes, and be answered 503.
        let answer = log_in(&app, &name, PASSWORD).await;
        answer.assert(401, "INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn a_password_that_is_longer_than_a_new_one_may_be_logs_in_if_it_came_from_django() {
    let app = App::start();
    let of_length =
        |length| -> String { "긴 비밀번호 ".chars().cycle().take(length).collect() };
    let (short, long) = (of_length(1_025), of_length(4_096));
    for (name, password) in [("kim", &short), ("lee", &long)] {
        app.make_client(name).await;
        let digest = md5_of("s", password);
        let statement = format!(
            "UPDATE client_users SET password_hash = 'md5$s${digest}' WHERE username = '{name}'"
        );
        app.execute(&statement).await;
        let other: String = password.chars().rev().collect();
        let wrong = log_in(&app, name, &other).await;
        wrong.assert(401, "INVALID_CREDENTIALS");
        log_in(&app, name, password).await.assert(200, "LOGGED_IN");
    }
    let own =
        "SELECT COUNT(*) AS number FROM client_users WHERE password_hash LIKE '$bcrypt-sha256$%'";
    wait_until("the new hashes", async || {
        (app.number(own).await == 2).then_some(())
    })
    .await;
    // With the new hash too, and as the current password of a change.
    let answer = log_in(&app, "lee", &long).await.assert(200, "LOGGED_IN");
    let access = answer.data()["access"].as_str().unwrap().to_owned();
    let too_long = log_in(&app, "lee", &format!("{long}x")).await;
    assert!(
        !too_long
            .assert(400, "INVALID_REQUEST")
            .error("password")
            .is_empty()
    );
    let change = |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        app.anonymous().post("/auth/password", body).bearer(&access)
    };
    let refused = change(&long, &short).await;
    let refused = refused.assert(400, "INVALID_REQUEST");
    assert!(!refused.error("new_password").is_empty());
    let changed = change(&long, "another long passphrase").await;
    changed.assert(200, "PASSWORD_CHANGED");
}

fn md5_of(salt: &str, password: &str) -> String {
    use md5::{Digest, Md5};
    let digest = Md5::new()
        .chain_update(salt)
        .chain_update(password)
        .finalize();
    data_encoding::HEXLOWER.encode(&digest)
}
