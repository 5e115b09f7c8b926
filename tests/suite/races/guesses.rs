//! Log-ins beside guesses at the same account's password, on two instances: no more guesses are heard than there are
//! tries, no right password is called wrong, and nobody keeps the owner out.

use std::{future::IntoFuture, time::Duration};

use futures_util::future::join_all;
use munjigi::domain::account::Role;
use serde_json::json;

use super::field::settings;
use crate::support::{App, Call, Random, password_of};

const EMAIL: &str = "ann@example.org";
/// Failures before an account has to wait.
const TRIES: usize = 5;

fn log_in(app: &App, password: &str) -> Call {
    let body = json!({"username": EMAIL, "password": password});
    app.anonymous().post("/auth/login", body)
}

/// Log-ins with the right password and with wrong ones at once, and the owner's own on a device that is known.
async fn round(apps: &[App; 2], device: &str, random: &mut Random) {
    let right = password_of("ann");
    let calls: Vec<(bool, Call)> = (0..12)
        .map(|_| {
            let app = &apps[usize::from(random.one_in(2))];
            let is_right = random.one_in(4);
            let password = if is_right {
                right.as_str()
            } else {
                "a guess at it"
            };
            (is_right, log_in(app, password))
        })
        .collect();
    let owner =
        log_in(&apps[usize::from(random.one_in(2))], &right).header("x-device-token", device);
    let owner = owner.into_future();
    let strangers = join_all(
        calls
            .into_iter()
            .map(async |(is_right, call)| (is_right, call.await)),
    );
    let (owner, strangers) = futures_util::future::join(owner, strangers).await;
    owner.assert(200, "LOGGED_IN");
    let (mut authenticate, mut heard) = (0, 0);
    for (is_right, answer) in strangers {
        match (is_right, answer.status) {
            (true, 200) => authenticate += 1,
            (false, 401) => heard += 1,
            (_, 429) => drop(answer.assert(429, "RATE_LIMITED")),
            _ => panic!("{is_right}: {}", answer.text),
        }
    }
    // Whoever is let in gives the account its tries back.
    assert!(
        heard <= TRIES * (authenticate + 1),
        "{heard} guesses were heard, {authenticate} authenticated"
    );
}

#[tokio::test]
async fn log_in_beside_lock() {
    let (seconds, mut random) = settings("login ∥ lock");
    let one = App::with(|config| {
        config.limits.failures_per_address = 0;
        config.tokens.sessions_per_account = 10_000;
    });
    let two = one.another_instance();
    let apps = [one, two];
    apps[0].make_user("ann", Role::Staff).await;
    let first = log_in(&apps[0], &password_of("ann"))
        .await
        .assert(200, "LOGGED_IN");
    let device = first.header("x-device-token").unwrap().to_owned();
    let begun = std::time::Instant::now();
    let mut rounds = 0;
    while begun.elapsed() < seconds {
        round(&apps, &device, &mut random).await;
        // The longest wait is over, and with the next success the failures are forgotten.
        apps[0].advance(Duration::from_mins(61));
        let own = log_in(&apps[1], &password_of("ann")).await;
        own.assert(200, "LOGGED_IN");
        rounds += 1;
    }
    println!("login ∥ lock: {rounds} rounds");
}
