//! After `login.bcrypt_cost` was raised: passwords are hashed again, and right ones stay right meanwhile.

use std::future::IntoFuture;

use futures_util::future::{join, join_all};
use munjigi::{config::Span, domain::account::Role};
use serde_json::json;

use crate::support::{Answer, App, password_of, wait_until};

/// A server with the accounts of a server with a lower cost.
async fn with_a_raised_cost() -> App {
    let app = App::start();
    app.make_user("ann", Role::ADMIN).await;
    app.restarted_with(|config| {
        config.login.bcrypt_cost = 10;
        // Each login hashes the password again: on a busy machine that takes long.
        config.login.hash_deadline = Span::minutes(1);
    })
}

async fn wait_for_new_hash(app: &App) {
    let hashed = "SELECT COUNT(*) AS number FROM users WHERE password_hash LIKE '%r=10$%'";
    wait_until("the new hash", async || {
        (app.number(hashed).await == 1).then_some(())
    })
    .await;
}

fn log_in(app: &App) -> impl Future<Output = Answer> + '_ {
    let body = json!({"username": "ann@example.org", "password": password_of("ann")});
    app.anonymous().post("/auth/login", body).into_future()
}

#[tokio::test]
async fn parallel_correct_logins_all_succeed() {
    let app = with_a_raised_cost().await;
    let login = || log_in(&app);
    let logins = join_all((0..6).map(|_| login()));
    let browsers = join_all((0..2).map(|_| async {
        app.browser().sign_in("ann").await;
    }));
    for answer in join(logins, browsers).await.0 {
        answer.assert(200, "LOGGED_IN");
    }
    wait_for_new_hash(&app).await;
    login().await.assert(200, "LOGGED_IN");
    let refused = "SELECT COUNT(*) AS number FROM audit_events WHERE outcome = 'refused'";
    assert_eq!(app.number(refused).await, 0);
}

#[tokio::test]
async fn the_current_password_is_right_during_logins() {
    let app = with_a_raised_cost().await;
    let login = || log_in(&app);
    let first = login().await.assert(200, "LOGGED_IN");
    let change =
        json!({"current_password": password_of("ann"), "new_password": "another long password"});
    let change = app.anonymous().post("/auth/password", change);
    let change = change.bearer(&first.text_of("access")).into_future();
    let changed = join(change, join_all((0..4).map(|_| login()))).await.0;
    changed.assert(200, "PASSWORD_CHANGED");
}

#[tokio::test]
async fn signing_in_to_the_panel_hashes_the_password_again() {
    let app = with_a_raised_cost().await;
    app.browser().sign_in("ann").await;
    wait_for_new_hash(&app).await;
}
