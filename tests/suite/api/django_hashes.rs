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
