//! One-time codes: requesting one, and logging in with it. The test reads the code from the webhook receiver.

use std::{future::IntoFuture, time::Duration};

use futures_util::future::join_all;
use munjigi::config::{Config, Span};
use serde_json::{Value, json};

use crate::support::{Answer, App, claims_of};

async fn request_code(app: &App, username: &str) -> String {
    let answer = app
        .anonymous()
        .post("/clients/otp/request", json!({"username": username}));
    answer.await.assert(200, "OTP_SENT").text_of("challenge_id")
}

fn submit_code(app: &App, challenge: &str, code: &str) -> crate::support::Call {
    let body = json!({"challenge_id": challenge, "code": code});
    app.anonymous().post("/clients/otp/verify", body)
}

/// A wrong code of the same length, a different one for each number.
fn wrong(code: &str, number: u32) -> String {
    let right: u32 = code.parse().unwrap();
    format!("{:06}", (right + number) % 1_000_000)
}

/// A high limit for the account, because the attempts at a challenge have a limit of their own.
fn many_failures(config: &mut Config) {
    config.limits.failures = 100;
}

fn without_its_own(mut answer: Answer) -> Value {
    let id = answer.body["data"]["challenge_id"].take();
    assert_eq!(id.as_str().unwrap().len(), 32);
    answer.body["meta"].take();
    answer.body
}

#[tokio::test]
async fn a_client_logs_in_with_the_code_it_received() {
    let app = App::with_gateway(|_| ());
    app.make_client("acme").await;
    let answer = app
        .anonymous()
        .post("/clients/otp/request", json!({"username": " ACME "}));
    let answer = answer.korean().await.assert(200, "OTP_SENT");
    assert_eq!(
        (&answer["expires_in"], &answer["resend_after"]),
        (&json!(300), &json!(60))
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let sent = app.gateway.as_ref().unwrap().wait_for(1).await;
    let data = &sent[0].json()["data"];
    assert_eq!(
        (&data["username"], &data["language"]),
        (&json!("acme"), &json!("ko"))
    );
    assert_eq!(data["challenge_id"], answer["challenge_id"]);
    let code = data["code"].as_str().unwrap();
    assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()));
    assert!(!answer.text.contains(code));
    let pair = submit_code(&app, &answer.text_of("challenge_id"), code).await;
    let pair = pair.assert(200, "LOGGED_IN");
    assert_eq!(pair["user"]["user_type"], "client");
    assert_eq!(claims_of(&pair.text_of("access"))["user_type"], "client");
    let me = app
        .anonymous()
        .get("/api/me")
        .bearer(&pair.text_of("access"))
        .await;
    assert_eq!(me.assert(200, "ME")["username"], "acme");
    let next = app.anonymous().refresh(&pair.text_of("refresh")).await;
    next.assert(200, "REFRESHED");
    let noted = "SELECT COUNT(*) AS number FROM client_users WHERE last_login_at IS NOT NULL";
    assert_eq!(app.number(noted).await, 1);
}

#[tokio::test]
async fn a_code_is_stored_as_a_keyed_hash_only() {
    let app = App::with_gateway(|_| ());
    app.make_client("acme").await;
    request_code(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    let plain = format!(
        "SELECT COUNT(*) AS number FROM otp_challenges WHERE code_hash LIKE '%{code}%' OR id LIKE '%{code}'"
    );
    let stored = "SELECT COUNT(*) AS number FROM otp_challenges WHERE length(code_hash) = 44";
    assert_eq!((app.number(&plain).await, app.number(stored).await), (0, 1));
}

#[tokio::test]
async fn an_unknown_or_inactive_client_gets_the_same_response_and_no_code() {
    let app = App::with_gateway(|_| ());
    app.make_client("acme").await;
    app.make_client("gone").await;
    app.execute("UPDATE client_users SET is_active = FALSE WHERE username = 'gone'")
        .await;
    let mut bodies = Vec::new();
    for username in ["acme", "nobody", "gone"] {
        let answer = app
            .anonymous()
            .post("/clients/otp/request", json!({"username": username}))
            .await;
        let answer = answer.assert(200, "OTP_SENT");
        let challenge = answer.text_of("challenge_id");
        bodies.push(without_its_own(answer));
        if username != "acme" {
            let refused = submit_code(&app, &challenge, "123456").await;
            refused.assert(401, "INVALID_OTP");
        }
        // A second request that is too early is rejected in the same way for all three.
        let again = app
            .anonymous()
            .post("/clients/otp/request", json!({"username": username}))
            .await;
        again.assert(429, "RATE_LIMITED");
    }
    assert!(
        bodies.windows(2).all(|pair| pair[0] == pair[1]),
        "{bodies:?}"
    );
    // Deliveries are in order: codes for the other two would have arrived before the next one.
    app.advance(Duration::from_mins(2));
    request_code(&app, "acme").await;
    assert_eq!(app.codes(2).await.len(), 2);
    assert_eq!(app.services().delivery.counts().failed, 0);
}

#[tokio::test]
async fn after_five_wrong_codes_the_correct_one_is_rejected() {
    let app = App::with_gateway(many_failures);
    app.make_client("acme").await;
    let challenge = request_code(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    for number in 1..=5 {
        let refused = submit_code(&app, &challenge, &wrong(&code, number)).await;
        let refused = refused.assert(401, "INVALID_OTP");
        assert_eq!(
            refused.header("www-authenticate"),
            Some(r#"Bearer realm="api""#)
        );
    }
    submit_code(&app, &challenge, &code)
        .await
        .assert(401, "INVALID_OTP");
}

#[tokio::test]
async fn after_four_wrong_codes_the_fifth_attempt_is_allowed() {
    let app = App::with_gateway(|_| ());
    app.make_client("acme").await;
    let challenge = request_code(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    for number in 1..=4 {
        submit_code(&app, &challenge, &wrong(&code, number))
            .await
            .assert(401, "INVALID_OTP");
    }
    submit_code(&app, &challenge, &code)
        .await
        .assert(200, "LOGGED_IN");
}

#[tokio::test]
async fn requesting_a_new_code_gives_no_new_attempts() {
    let app = App::with_gateway(many_failures);
    app.make_client("acme").await;
    let first = request_code(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    for number in 1..=3 {
        submit_code(&app, &first, &wrong(&code, number))
            .await
            .assert(401, "INVALID_OTP");
    }
    app.advance(Duration::from_mins(1));
    let second = request_code(&app, "acme").await;
    let code = app.codes(2).await.remove(1);
    for number in 1..=2 {
        submit_code(&app, &second, &wrong(&code, number))
            .await
            .assert(401, "INVALID_OTP");
    }
    submit_code(&app, &second, &code)
        .await
        .assert(401, "INVALID_OTP");
    // Not permanently: new attempts are allowed after the window.
    app.advance(Duration::from_mins(5));
    let third = request_code(&app, "acme").await;
    let code = app.codes(3).await.remove(2);
    submit_code(&app, &third, &code)
        .await
        .assert(200, "LOGGED_IN");
}

#[tokio::test]
async fn twenty_attempts_at_once_count_as_five() {
    let app = App::with_gateway(many_failures);
    app.make_client("acme").await;
    let challenge = request_code(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    let guesses: Vec<String> = (1..=20).map(|number| wrong(&code, number)).collect();
    let calls = guesses
        .iter()
        .map(|code| submit_code(&app, &challenge, code).into_future());
    for answer in join_all(calls).await {
        answer.assert(401, "INVALID_OTP");
    }
    let query = "SELECT attempts AS number FROM otp_challenges";
    assert_eq!(app.number(query).await, 5);
    let query = "SELECT hits AS number FROM rate_limits WHERE bucket = 'otp:tries:acme'";
    assert_eq!(app.number(query).await, 5);
    submit_code(&app, &challenge, &code)
        .await
        .assert(401, "INVALID_OTP");
}

#[tokio::test]
async fn of_twenty_logins_at_once_with_the_correct_code_one_succeeds() {
    let app = App::with_gateway(many_failures);
    app.make_client("acme").await;
    let challenge = request_code(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    let calls = (0..20).map(|_| submit_code(&app, &challenge, &code).into_future());
    let answers = join_all(calls).await;
    let (won, lost): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 19));
    for answer in lost {
        answer.assert(401, "INVALID_OTP");
    }
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM sessions").await,
        1
    );
    submit_code(&app, &challenge, &code)
        .await
        .assert(401, "INVALID_OTP");
}

#[tokio::test]
async fn a_code_is_valid_until_it_expires() {
    let app = App::with_gateway(|config| {
        config.otp.lifetime = Span::minutes(2);
        config.otp.length = 8;
    });
    app.make_client("acme").await;
    let challenge = request_code(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    assert_eq!(code.len(), 8);
    app.advance(Duration::from_mins(2));
    submit_code(&app, &challenge, &code)
        .await
        .assert(401, "INVALID_OTP");
    let challenge = request_code(&app, "acme").await;
    let code = app.codes(2).await.remove(1);
    app.advance(Duration::from_secs(119));
    submit_code(&app, &challenge, &code)
        .await
        .assert(200, "LOGGED_IN");
}

#[tokio::test]
async fn the_last_three_codes_are_valid_each_with_its_own_challenge() {
    let app = App::with_gateway(|_| ());
    app.make_client("acme").await;
    app.make_client("beta").await;
    let mut challenges = Vec::new();
    for _ in 0..4 {
        challenges.push(request_code(&app, "acme").await);
        app.codes(challenges.len()).await;
        app.advance(Duration::from_mins(1));
    }
    let others = request_code(&app, "beta").await;
    let codes = app.codes(5).await;
    submit_code(&app, &challenges[0], &codes[0])
        .await
        .assert(401, "INVALID_OTP");
    // The codes are equal by chance once in a million times.
    submit_code(&app, &others, &codes[3])
        .await
        .assert(401, "INVALID_OTP");
    let unknown = submit_code(&app, &"0".repeat(32), &codes[3]).await;
    unknown.assert(401, "INVALID_OTP");
    for odd in ["x", "' OR 1=1", "00000000-0000-0000-0000-000000000000"] {
        submit_code(&app, odd, &codes[3])
            .await
            .assert(401, "INVALID_OTP");
    }
    submit_code(&app, &challenges[1], &codes[1])
        .await
        .assert(200, "LOGGED_IN");
    // A used code ends the others.
    for at in [2, 3] {
        submit_code(&app, &challenges[at], &codes[at])
            .await
            .assert(401, "INVALID_OTP");
    }
}

#[tokio::test]
async fn a_client_that_is_deactivated_meanwhile_cannot_log_in() {
    let app = App::with_gateway(|_| ());
    let root = app.admin("root").await;
    let seq = app.make_client("acme").await;
    let challenge = request_code(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    let off = root
        .patch(&format!("/api/clients/{seq}"), json!({"is_active": false}))
        .await;
    off.assert(200, "CLIENT_UPDATED");
    submit_code(&app, &challenge, &code)
        .await
        .assert(401, "INVALID_OTP");
}

#[tokio::test]
async fn a_code_may_contain_spaces_and_hyphens_but_is_required() {
    let app = App::with_gateway(|_| ());
    app.make_client("acme").await;
    let challenge = request_code(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    for (body, field, sentence) in [
        (json!({}), "code", "This field is required."),
        (
            json!({"code": code}),
            "challenge_id",
            "This field is required.",
        ),
        (
            json!({"challenge_id": challenge, "code": "  "}),
            "code",
            "This field may not be empty.",
        ),
        (
            json!({"challenge_id": challenge, "code": 123_456}),
            "code",
            "This must be a string.",
        ),
        (
            json!({"challenge_id": [challenge], "code": code}),
            "challenge_id",
            "This must be a string.",
        ),
        (
            json!({"challenge_id": challenge, "code": "1".repeat(65)}),
            "code",
            "At most 10 characters are allowed.",
        ),
    ] {
        let answer = app.anonymous().post("/clients/otp/verify", body).await;
        let answer = answer.assert(400, "INVALID_REQUEST");
        assert_eq!(answer.error(field), sentence);
    }
    let spaced = format!(" {} - {} ", &code[..3], &code[3..]);
    submit_code(&app, &challenge, &spaced)
        .await
        .assert(200, "LOGGED_IN");
}
