//! One-time codes: asking for one, and logging in by it. The code comes from the gateway, as a client gets it.

use std::{future::IntoFuture, time::Duration};

use futures_util::future::join_all;
use munjigi::config::{Config, Span};
use serde_json::{Value, json};

use crate::support::{Answer, App, claims_of};

async fn ask(app: &App, username: &str) -> String {
    let answer = app
        .anonymous()
        .post("/clients/otp/request", json!({"username": username}));
    answer.await.assert(200, "OTP_SENT").text_of("challenge_id")
}

fn show(app: &App, challenge: &str, code: &str) -> crate::support::Call {
    let body = json!({"challenge_id": challenge, "code": code});
    app.anonymous().post("/clients/otp/verify", body)
}

/// A code of the same length that is not the right one, another for each number.
fn wrong(code: &str, number: u32) -> String {
    let right: u32 = code.parse().unwrap();
    format!("{:06}", (right + number) % 1_000_000)
}

/// Whatever the account's limit is: a challenge's tries are bounded by themselves.
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
async fn a_client_logs_in_by_the_code_that_it_was_sent() {
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
    let pair = show(&app, &answer.text_of("challenge_id"), code).await;
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
    ask(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    let plain = format!(
        "SELECT COUNT(*) AS number FROM otp_challenges WHERE code_hash LIKE '%{code}%' OR id LIKE '%{code}'"
    );
    let stored = "SELECT COUNT(*) AS number FROM otp_challenges WHERE length(code_hash) = 44";
    assert_eq!((app.number(&plain).await, app.number(stored).await), (0, 1));
}

#[tokio::test]
async fn a_client_that_does_not_exist_or_is_inactive_gets_the_same_answer_and_no_code() {
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
            let refused = show(&app, &challenge, "123456").await;
            refused.assert(401, "INVALID_OTP");
        }
        // Asking again too soon is refused in the same way for all three.
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
    // The gateway is told in order: had the other two been sent anything, it would be here by the next one's code.
    app.advance(Duration::from_mins(2));
    ask(&app, "acme").await;
    assert_eq!(app.codes(2).await.len(), 2);
    assert_eq!(app.services().delivery.counts().failed, 0);
}

#[tokio::test]
async fn after_five_wrong_codes_the_right_one_is_refused() {
    let app = App::with_gateway(many_failures);
    app.make_client("acme").await;
    let challenge = ask(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    for number in 1..=5 {
        let refused = show(&app, &challenge, &wrong(&code, number)).await;
        let refused = refused.assert(401, "INVALID_OTP");
        assert_eq!(
            refused.header("www-authenticate"),
            Some(r#"Bearer realm="api""#)
        );
    }
    show(&app, &challenge, &code)
        .await
        .assert(401, "INVALID_OTP");
}

#[tokio::test]
async fn four_wrong_codes_leave_the_fifth_try() {
    let app = App::with_gateway(|_| ());
    app.make_client("acme").await;
    let challenge = ask(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    for number in 1..=4 {
        show(&app, &challenge, &wrong(&code, number))
            .await
            .assert(401, "INVALID_OTP");
    }
    show(&app, &challenge, &code).await.assert(200, "LOGGED_IN");
}

#[tokio::test]
async fn asking_for_a_new_code_buys_no_new_tries() {
    let app = App::with_gateway(many_failures);
    app.make_client("acme").await;
    let first = ask(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    for number in 1..=3 {
        show(&app, &first, &wrong(&code, number))
            .await
            .assert(401, "INVALID_OTP");
    }
    app.advance(Duration::from_mins(1));
    let second = ask(&app, "acme").await;
    let code = app.codes(2).await.remove(1);
    for number in 1..=2 {
        show(&app, &second, &wrong(&code, number))
            .await
            .assert(401, "INVALID_OTP");
    }
    show(&app, &second, &code).await.assert(401, "INVALID_OTP");
    // Not for good: the tries come back when their window has passed.
    app.advance(Duration::from_mins(5));
    let third = ask(&app, "acme").await;
    let code = app.codes(3).await.remove(2);
    show(&app, &third, &code).await.assert(200, "LOGGED_IN");
}

#[tokio::test]
async fn twenty_guesses_at_once_are_five_tries() {
    let app = App::with_gateway(many_failures);
    app.make_client("acme").await;
    let challenge = ask(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    let guesses: Vec<String> = (1..=20).map(|number| wrong(&code, number)).collect();
    let calls = guesses
        .iter()
        .map(|guess| show(&app, &challenge, guess).into_future());
    for answer in join_all(calls).await {
        answer.assert(401, "INVALID_OTP");
    }
    let tries = "SELECT attempts AS number FROM otp_challenges";
    assert_eq!(app.number(tries).await, 5);
    let tries = "SELECT hits AS number FROM rate_limits WHERE bucket = 'otp:tries:acme'";
    assert_eq!(app.number(tries).await, 5);
    show(&app, &challenge, &code)
        .await
        .assert(401, "INVALID_OTP");
}

#[tokio::test]
async fn of_twenty_right_codes_at_once_one_is_let_in() {
    let app = App::with_gateway(many_failures);
    app.make_client("acme").await;
    let challenge = ask(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    let calls = (0..20).map(|_| show(&app, &challenge, &code).into_future());
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
    show(&app, &challenge, &code)
        .await
        .assert(401, "INVALID_OTP");
}

#[tokio::test]
async fn a_code_is_good_until_its_time_has_passed() {
    let app = App::with_gateway(|config| {
        config.otp.lifetime = Span::minutes(2);
        config.otp.length = 8;
    });
    app.make_client("acme").await;
    let challenge = ask(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    assert_eq!(code.len(), 8);
    app.advance(Duration::from_mins(2));
    show(&app, &challenge, &code)
        .await
        .assert(401, "INVALID_OTP");
    let challenge = ask(&app, "acme").await;
    let code = app.codes(2).await.remove(1);
    app.advance(Duration::from_secs(119));
    show(&app, &challenge, &code).await.assert(200, "LOGGED_IN");
}

#[tokio::test]
async fn only_the_newest_code_is_good_and_only_with_its_own_challenge() {
    let app = App::with_gateway(|_| ());
    app.make_client("acme").await;
    app.make_client("beta").await;
    let first = ask(&app, "acme").await;
    let old = app.codes(1).await.remove(0);
    app.advance(Duration::from_mins(1));
    let second = ask(&app, "acme").await;
    let new = app.codes(2).await.remove(1);
    let others = ask(&app, "beta").await;
    app.codes(3).await;
    show(&app, &first, &old).await.assert(401, "INVALID_OTP");
    // By chance the two codes may be equal, one time in a million.
    show(&app, &others, &new).await.assert(401, "INVALID_OTP");
    let unknown = show(&app, &"0".repeat(32), &new).await;
    unknown.assert(401, "INVALID_OTP");
    for odd in ["x", "' OR 1=1", "00000000-0000-0000-0000-000000000000"] {
        show(&app, odd, &new).await.assert(401, "INVALID_OTP");
    }
    show(&app, &second, &new).await.assert(200, "LOGGED_IN");
}

#[tokio::test]
async fn a_client_that_is_deactivated_meanwhile_is_not_let_in() {
    let app = App::with_gateway(|_| ());
    let root = app.admin("root").await;
    let seq = app.make_client("acme").await;
    let challenge = ask(&app, "acme").await;
    let code = app.codes(1).await.remove(0);
    let off = root
        .patch(&format!("/api/clients/{seq}"), json!({"is_active": false}))
        .await;
    off.assert(200, "CLIENT_UPDATED");
    show(&app, &challenge, &code)
        .await
        .assert(401, "INVALID_OTP");
}

#[tokio::test]
async fn a_code_may_be_typed_with_spaces_and_hyphens_but_must_be_there() {
    let app = App::with_gateway(|_| ());
    app.make_client("acme").await;
    let challenge = ask(&app, "acme").await;
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
    show(&app, &challenge, &spaced)
        .await
        .assert(200, "LOGGED_IN");
}
