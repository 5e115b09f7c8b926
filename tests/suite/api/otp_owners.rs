//! One-time codes of an owner: what strangers cannot take from them, and what ends them.

use std::{future::IntoFuture, time::Duration};

use futures_util::future::{join, join_all};
use munjigi::{config::Config, domain::account::Role};
use serde_json::{Value, json};

use crate::support::{App, Call, Person, on_postgres, wait_until};

fn behind_a_proxy(config: &mut Config) {
    config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
}

fn request_code(app: &App, from: &str) -> Call {
    app.anonymous()
        .post("/clients/otp/request", json!({"username": "acme"}))
        .header("x-forwarded-for", from)
}

fn submit_code(app: &App, challenge: &str, code: &str) -> Call {
    let body = json!({"challenge_id": challenge, "code": code});
    app.anonymous().post("/clients/otp/verify", body)
}

#[tokio::test]
async fn a_stranger_cannot_void_the_code_of_an_owner() {
    let app = App::with_gateway(|config| {
        behind_a_proxy(config);
        config.otp.resend_after = munjigi::config::Span::seconds(1);
    });
    app.make_client("acme").await;
    let owner = request_code(&app, "192.0.2.1")
        .await
        .assert(200, "OTP_SENT");
    let code = app.codes(1).await.remove(0);
    for number in 0..10 {
        let from = format!("198.51.100.{}", number / 5);
        request_code(&app, &from).await.assert(200, "OTP_SENT");
        app.codes(number + 2).await;
        app.advance(Duration::from_secs(1));
    }
    let challenge = owner.text_of("challenge_id");
    submit_code(&app, &challenge, &code)
        .await
        .assert(200, "LOGGED_IN");
}

#[tokio::test]
async fn a_stranger_cannot_use_up_the_codes_of_an_owner() {
    let app = App::with_gateway(behind_a_proxy);
    app.make_client("acme").await;
    for number in 0..5 {
        request_code(&app, "192.0.2.1")
            .await
            .assert(200, "OTP_SENT");
        // The owner's requests need not wait for those of others.
        app.codes(number + usize::from(number > 0) + 1).await;
        if number == 0 {
            request_code(&app, "198.51.100.1")
                .await
                .assert(200, "OTP_SENT");
        }
        app.advance(Duration::from_mins(1));
    }
    request_code(&app, "192.0.2.1")
        .await
        .assert(429, "RATE_LIMITED");
    let owner = request_code(&app, "198.51.100.1")
        .await
        .assert(200, "OTP_SENT");
    let code = app.codes(7).await.remove(6);
    let challenge = owner.text_of("challenge_id");
    submit_code(&app, &challenge, &code)
        .await
        .assert(200, "LOGGED_IN");
}

#[tokio::test]
async fn the_total_of_an_account_is_shared_by_instances_and_can_be_lifted() {
    let app = App::with_gateway(|config| {
        behind_a_proxy(config);
        config.otp.requests_per_account = 1;
    });
    let root = app.admin("root").await;
    let seq = app.make_client("acme").await;
    let other = app.another_instance();
    for (number, instance) in [&app, &other, &app, &other].iter().enumerate() {
        let answer = request_code(instance, &format!("192.0.2.{number}")).await;
        answer.assert(200, "OTP_SENT");
        let codes = "SELECT COUNT(*) AS number FROM otp_challenges";
        wait_until("the challenge", async || {
            (app.number(codes).await == i64::try_from(number).unwrap() + 1).then_some(())
        })
        .await;
    }
    // The answer is that of a name without an account, but no code is sent.
    request_code(&app, "192.0.2.9")
        .await
        .assert(200, "OTP_SENT");
    let locked = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'locked' AND subject_name = 'acme'";
    wait_until("the lock", async || {
        (app.number(locked).await == 1).then_some(())
    })
    .await;
    let codes = "SELECT COUNT(*) AS number FROM otp_challenges";
    assert_eq!(app.number(codes).await, 4);
    let change = root.confirmed(json!({"password": "another long password"}));
    let lifted = root.patch(&format!("/api/clients/{seq}"), change).await;
    lifted.assert(200, "CLIENT_UPDATED");
    request_code(&app, "192.0.2.10")
        .await
        .assert(200, "OTP_SENT");
}

/// Requests a code, makes a change, and returns whether the code is still valid.
async fn survives(app: &App, root: &Person, seq: i64, sent: usize, change: Value) -> bool {
    let asked = request_code(app, "192.0.2.1").await.assert(200, "OTP_SENT");
    let code = app.codes(sent).await.remove(sent - 1);
    let change = root.confirmed(change);
    let changed = root.patch(&format!("/api/clients/{seq}"), change).await;
    changed.assert(200, "CLIENT_UPDATED");
    let active = root
        .patch(&format!("/api/clients/{seq}"), json!({"is_active": true}))
        .await;
    active.assert(200, "CLIENT_UPDATED");
    let answer = submit_code(app, &asked.text_of("challenge_id"), &code).await;
    app.advance(Duration::from_hours(1));
    answer.status == 200
}

#[tokio::test]
async fn a_code_ends_with_any_change_of_its_client() {
    let app = App::with_gateway(behind_a_proxy);
    let seq = app.make_client("acme").await;
    for (number, change) in [
        json!({"email": "another@example.org"}),
        json!({"phone": "+82 10-9999-9999"}),
        json!({"name": "Another name"}),
        json!({"password": "correct horse battery"}),
        json!({"is_active": false}),
    ]
    .into_iter()
    .enumerate()
    {
        let root = match number {
            0 => app.admin("root").await,
            _ => app.internal(&format!("root{number}"), Role::ADMIN).await,
        };
        let survived = survives(&app, &root, seq, number + 1, change.clone()).await;
        assert!(!survived, "{change}");
    }
}

#[tokio::test]
async fn a_code_ends_with_a_new_name_a_new_password_or_the_account() {
    let app = App::with_gateway(behind_a_proxy);
    let root = app.admin("root").await;
    let acme = app.client("acme").await;
    let path = format!("/api/clients/{}", acme.seq);
    for number in 1..=3 {
        let asked = request_code(&app, "192.0.2.1")
            .await
            .assert(200, "OTP_SENT");
        let code = app.codes(number).await.remove(number - 1);
        match number {
            1 => {
                let body = json!({"current_password": acme.password, "new_password": "another long password"});
                let changed = app.anonymous().post("/auth/password", body);
                changed
                    .bearer(&acme.access)
                    .await
                    .assert(200, "PASSWORD_CHANGED");
            }
            2 => {
                for name in ["emca", "acme"] {
                    let renamed = root.patch(&path, json!({"username": name})).await;
                    renamed.assert(200, "CLIENT_UPDATED");
                }
            }
            _ => {
                let deleted = root.delete(&path).await;
                deleted.assert(200, "CLIENT_DELETED");
            }
        }
        let answer = submit_code(&app, &asked.text_of("challenge_id"), &code).await;
        answer.assert(401, "INVALID_OTP");
        app.advance(Duration::from_mins(1));
    }
}

/// Requests a code for each client, and submits all of them while all clients are changed.
async fn verify_during_changes(app: &App, root: &Person, clients: &[String], round: usize) {
    let from = format!("192.0.2.{round}");
    let requests = clients.iter().map(|client| {
        let call = app
            .anonymous()
            .post("/clients/otp/request", json!({"username": client}));
        call.header("x-forwarded-for", &from).into_future()
    });
    for answer in join_all(requests).await {
        answer.assert(200, "OTP_SENT");
    }
    let gateway = app.gateway.as_ref().unwrap();
    let sent = gateway.wait_for(clients.len() * (round + 1)).await;
    let verifications = sent[clients.len() * round..].iter().map(|call| {
        let data = &call.json()["data"];
        let text = |field| data[field].as_str().unwrap();
        submit_code(app, text("challenge_id"), text("code")).into_future()
    });
    let changes = (1..=clients.len()).map(|seq| {
        let change = json!({"name": format!("Name {round}")});
        root.patch(&format!("/api/clients/{seq}"), change)
            .into_future()
    });
    let (verified, updated) = join(join_all(verifications), join_all(changes)).await;
    for answer in updated {
        answer.assert(200, "CLIENT_UPDATED");
    }
    for answer in verified {
        // A change that came first has ended the code.
        assert!([200, 401].contains(&answer.status), "{}", answer.text);
    }
}

/// How many deadlocks Postgres has ended. Its sessions report theirs at their end, so the server is restarted.
async fn deadlocks(app: App) -> i64 {
    let now = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT AS number";
    let now = app.number(now).await;
    let app = app.restarted_with(|_| ());
    let older = format!(
        "SELECT COUNT(*) AS number FROM pg_stat_activity WHERE datname = current_database() \
         AND backend_start < to_timestamp({now} / 1000000.0)"
    );
    wait_until("the end of the older sessions", async || {
        (app.number(&older).await == 0).then_some(())
    })
    .await;
    let ended =
        "SELECT deadlocks AS number FROM pg_stat_database WHERE datname = current_database()";
    app.number(ended).await
}

#[tokio::test]
#[ignore = "tests/run"]
async fn codes_that_are_used_during_changes_cause_no_deadlock_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let app = App::with_gateway(|config| {
        behind_a_proxy(config);
        config.otp.requests_per_account = 1_000;
        config.limits.failures = 100;
        config.limits.failures_per_address = 0;
        config.database.pool_size = 8;
    });
    let root = app.admin("root").await;
    let clients: Vec<String> = (1..=8).map(|number| format!("client-{number}")).collect();
    for client in &clients {
        app.make_client(client).await;
    }
    for round in 0..15 {
        verify_during_changes(&app, &root, &clients, round).await;
    }
    assert_eq!(deadlocks(app).await, 0);
}

#[tokio::test]
async fn a_code_ends_with_a_bulk_change_of_its_client() {
    let app = App::with_gateway(behind_a_proxy);
    let root = app.signed_in("root", Role::ADMIN).await;
    let seq = app.make_client("acme").await.to_string();
    for (number, (before, action)) in [("TRUE", "deactivate"), ("FALSE", "activate")]
        .into_iter()
        .enumerate()
    {
        let asked = request_code(&app, "192.0.2.1")
            .await
            .assert(200, "OTP_SENT");
        let code = app.codes(number + 1).await.remove(number);
        app.execute(&format!("UPDATE client_users SET is_active = {before}"))
            .await;
        let fields = [("action", action), ("selected", &seq), ("confirmed", "1")];
        root.post("/admin/clients/actions", &fields)
            .await
            .assert(303);
        let changed =
            format!("SELECT COUNT(*) AS number FROM client_users WHERE is_active <> {before}");
        wait_until("the change", async || {
            (app.number(&changed).await == 1).then_some(())
        })
        .await;
        app.execute("UPDATE client_users SET is_active = TRUE")
            .await;
        let answer = submit_code(&app, &asked.text_of("challenge_id"), &code).await;
        answer.assert(401, "INVALID_OTP");
        app.advance(Duration::from_mins(1));
    }
}
