//! Logins and wrong passwords for one account at the same time, on two instances: no more wrong passwords are verified
//! than the limit allows, no correct password is refused as wrong, and a known device can log in.

use std::{future::IntoFuture, time::Duration};

use futures_util::future::join_all;
use munjigi::domain::account::Role;
use serde_json::json;

use super::run::settings;
use crate::support::{App, Call, Random, password_of};

const EMAIL: &str = "ann@example.org";
/// The failures until an account is locked.
const TRIES: usize = 5;

fn log_in(app: &App, password: &str) -> Call {
    let body = json!({"username": EMAIL, "password": password});
    app.anonymous().post("/auth/login", body)
}

/// Simultaneous logins with the correct password and with wrong ones, and one with a device token.
async fn round(apps: &[App; 2], device: &str, random: &mut Random) {
    let correct = password_of("ann");
    // An account has five devices, and each of these logins is from a new one.
    let mut new_devices = 0;
    let calls: Vec<(bool, Call)> = (0..12)
        .map(|_| {
            let app = &apps[usize::from(random.one_in(2))];
            let is_correct = new_devices < 3 && random.one_in(4);
            new_devices += u32::from(is_correct);
            let password = if is_correct {
                correct.as_str()
            } else {
                "a guess at it"
            };
            (is_correct, log_in(app, password))
        })
        .collect();
    let owner =
        log_in(&apps[usize::from(random.one_in(2))], &correct).header("x-device-token", device);
    let owner = owner.into_future();
    let others = join_all(
        calls
            .into_iter()
            .map(async |(is_correct, call)| (is_correct, call.await)),
    );
    let (owner, others) = futures_util::future::join(owner, others).await;
    owner.assert(200, "LOGGED_IN");
    let (mut succeeded, mut verified) = (0, 0);
    for (is_correct, answer) in others {
        match (is_correct, answer.status) {
            (true, 200) => succeeded += 1,
            (false, 401) => verified += 1,
            (_, 429) => drop(answer.assert(429, "RATE_LIMITED")),
            _ => panic!("{is_correct}: {}", answer.text),
        }
    }
    // A successful login resets the counter of the account.
    assert!(
        verified <= TRIES * (succeeded + 1),
        "{verified} guesses were verified, {succeeded} logins succeeded"
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
    apps[0].make_user("ann", Role::STAFF).await;
    let first = log_in(&apps[0], &password_of("ann"))
        .await
        .assert(200, "LOGGED_IN");
    let device = first.header("x-device-token").unwrap().to_owned();
    let started = std::time::Instant::now();
    let mut rounds = 0;
    while started.elapsed() < seconds {
        round(&apps, &device, &mut random).await;
        // The longest lock has ended, and the next success resets the counter.
        apps[0].advance(Duration::from_mins(61));
        let own = log_in(&apps[1], &password_of("ann")).await;
        own.assert(200, "LOGGED_IN");
        // So that the device is the one that was used last.
        apps[0].advance(Duration::from_secs(1));
        let known = log_in(&apps[0], &password_of("ann")).header("x-device-token", &device);
        known.await.assert(200, "LOGGED_IN");
        rounds += 1;
    }
    println!("login ∥ lock: {rounds} rounds");
}
