//! Limits on requests for codes: per account and per address, and which address counts.

use std::time::Duration;

use munjigi::config::Span;
use serde_json::json;

use crate::support::{Answer, App};

async fn request_code_from(app: &App, username: &str, forwarded: &str) -> Answer {
    let call = app
        .anonymous()
        .post("/clients/otp/request", json!({"username": username}));
    call.header("x-forwarded-for", forwarded).await
}

async fn request_code(app: &App, username: &str) -> Answer {
    app.anonymous()
        .post("/clients/otp/request", json!({"username": username}))
        .await
}

#[tokio::test]
async fn an_account_must_wait_before_it_gets_another_code() {
    let app = App::start();
    request_code(&app, "acme").await.assert(200, "OTP_SENT");
    app.advance(Duration::from_millis(10_500));
    let body = json!({"username": "ACME"});
    let refused = app
        .anonymous()
        .post("/clients/otp/request", body)
        .korean()
        .await;
    let refused = refused.assert(429, "RATE_LIMITED");
    assert_eq!(refused.header("retry-after"), Some("50"));
    assert_eq!(
        refused.message(),
        "요청이 너무 많습니다. 50초 후 재시도하세요"
    );
    // A rejected request does not restart the pause.
    app.advance(Duration::from_millis(49_500));
    request_code(&app, "acme").await.assert(200, "OTP_SENT");
}

#[tokio::test]
async fn an_account_has_a_limit_of_codes_per_hour() {
    let app = App::with(|config| config.otp.requests_per_account = 3);
    for _ in 0..3 {
        request_code(&app, "acme").await.assert(200, "OTP_SENT");
        app.advance(Duration::from_mins(2));
    }
    let refused = request_code(&app, "acme").await.assert(429, "RATE_LIMITED");
    assert_eq!(refused.header("retry-after"), Some("3240"));
    request_code(&app, "other").await.assert(200, "OTP_SENT");
    app.advance(Duration::from_mins(54));
    request_code(&app, "acme").await.assert(200, "OTP_SENT");
}

#[tokio::test]
async fn twenty_requests_at_once_for_one_account_send_one_code() {
    let app = App::with_gateway(|_| ());
    app.make_client("acme").await;
    let answers = futures_util::future::join_all((0..20).map(|_| request_code(&app, "acme"))).await;
    let sent = answers.iter().filter(|answer| answer.code() == "OTP_SENT");
    let refused = answers
        .iter()
        .filter(|answer| answer.code() == "RATE_LIMITED");
    assert_eq!((sent.count(), refused.count()), (1, 19));
    assert_eq!(app.codes(1).await.len(), 1);
}

#[tokio::test]
async fn an_address_has_a_limit_of_codes_per_hour() {
    let app = App::with(|config| config.otp.requests_per_address = 3);
    for number in 0..3 {
        request_code(&app, &format!("client-{number}"))
            .await
            .assert(200, "OTP_SENT");
    }
    // The address cannot be forged with a header.
    let refused = request_code_from(&app, "client-4", "203.0.113.9").await;
    refused.assert(429, "RATE_LIMITED");
    app.advance(Duration::from_hours(1));
    request_code(&app, "client-4").await.assert(200, "OTP_SENT");
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_forwarded_address_is_counted() {
    let app = App::with(|config| {
        config.otp.requests_per_address = 1;
        config.otp.resend_after = Span::seconds(1);
        config.server.trusted_proxies = vec![
            "127.0.0.0/8".parse().unwrap(),
            "10.0.0.0/8".parse().unwrap(),
        ];
    });
    for (number, (forwarded, code)) in [
        ("203.0.113.1", "OTP_SENT"),
        ("203.0.113.1", "RATE_LIMITED"),
        ("203.0.113.2", "OTP_SENT"),
        // Everything left of the last address that is no trusted proxy may be forged by the sender.
        ("203.0.113.77, 203.0.113.2, 10.0.0.3", "RATE_LIMITED"),
        ("203.0.113.1, 203.0.113.3", "OTP_SENT"),
        // The addresses of a /64 count as one.
        ("2001:db8::1", "OTP_SENT"),
        ("2001:db8::2", "RATE_LIMITED"),
        ("2001:db8:0:1::1", "OTP_SENT"),
        ("::ffff:203.0.113.1", "RATE_LIMITED"),
        // An invalid header counts for the proxy itself.
        ("nonsense", "OTP_SENT"),
        ("other nonsense", "RATE_LIMITED"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = request_code_from(&app, &format!("client-{number}"), forwarded).await;
        assert_eq!(answer.code(), code, "{number}: {forwarded}");
    }
}

#[tokio::test]
async fn a_request_without_a_valid_name_is_rejected() {
    let app = App::start();
    for body in [
        json!({}),
        json!({"username": " "}),
        json!({"username": 7}),
        json!({"username": "\u{0}"}),
    ] {
        let answer = app.anonymous().post("/clients/otp/request", body).await;
        answer.assert(400, "INVALID_REQUEST");
    }
    let form = app.anonymous().call("POST", "/clients/otp/request/");
    form.form(&[("username", "acme")])
        .await
        .assert(200, "OTP_SENT");
}
