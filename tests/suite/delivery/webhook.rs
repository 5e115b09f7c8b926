//! The webhook with a real HTTP server.

use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use munjigi::{
    clock::{Clock, Timestamp},
    config::{Secret, WebhookConfig},
    delivery::{Channel, Delivery},
    domain::language::Language,
};
use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpListener, time::timeout};

use super::support::{
    counts, logs, notice,
    receiver::{Answer, Received, Receiver},
    wait_for_outcomes,
};

const SECRET: &str = "a secret of at least 24 bytes";
/// The time for one request. Only the test of a late response reaches it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A channel to `server` with [`SECRET`].
pub fn channel(server: &Receiver, timeout: Duration, retries: u32) -> Channel {
    let settings = WebhookConfig {
        url: Some(server.url.parse().unwrap()),
        secret: Some(Secret::new(SECRET)),
        timeout: timeout.into(),
        retries,
        ..WebhookConfig::default()
    };
    Channel::Webhook(settings, None)
}

fn start(server: &Receiver, retries: u32) -> Delivery {
    Delivery::start(
        channel(server, TIMEOUT, retries),
        None,
        None,
        8,
        Clock::System,
    )
    .unwrap()
}

/// Verifies the signature as defined by the specification, independently of the implementation.
fn assert_signed(request: &Received, secret: &[u8]) {
    let header = |name: &str| request.headers[name].as_str();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let (version, signature) = header("webhook-signature").split_once(',').unwrap();
    assert_eq!(version, "v1");
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(&request.body);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::verify(&key, &signed, &STANDARD.decode(signature).unwrap()).unwrap();
}

#[actix_web::test]
async fn a_request_is_signed_and_contains_all_fields() {
    let server = Receiver::start(&[Answer::status(202)]);
    let now = Timestamp::from_unix_seconds(1_771_072_245).unwrap();
    let settings = WebhookConfig {
        url: Some(server.url.parse().unwrap()),
        secret: Some(Secret::new(format!("whsec_{}", STANDARD.encode(SECRET)))),
        timeout: TIMEOUT.into(),
        retries: 0,
        ..WebhookConfig::default()
    };
    let channel = Channel::Webhook(settings, None);
    let delivery = Delivery::start(channel, None, None, 8, Clock::fixed(now)).unwrap();
    let mut korean = notice("hook-ko", "2200000001");
    korean.language = Language::Ko;
    korean.email = None;
    delivery.send(korean);
    assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(1, 0));
    let request = server.received().remove(0);
    assert_signed(&request, SECRET.as_bytes());
    assert_eq!(request.headers["webhook-id"], "challenge-hook-ko");
    assert_eq!(request.headers["webhook-timestamp"], "1771072245");
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(
        request.json(),
        json!({
            "type": "otp.requested",
            "timestamp": "2026-02-14T12:30:45+00:00",
            "data": {
                "challenge_id": "challenge-hook-ko",
                "username": "acme-01",
                "phone": "+82 10-1234-5678",
                "phone_e164": "+821012345678",
                "email": null,
                "code": "2200000001",
                "expires_in": 300,
                "language": "ko",
                "message": "인증번호는 [2200000001]입니다. 5분 안에 입력하세요. 타인에게 알려주지 마세요.",
            },
        })
    );
    let line = logs::outcome("hook-ko");
    assert!(
        line.contains("INFO") && line.contains("attempts=1"),
        "{line}"
    );
    assert!(line.contains("phone=\"+82********78\""), "{line}");
    logs::assert_never_logged("2200000001");
    server.stop().await;
}

#[actix_web::test]
async fn a_number_is_sent_as_entered_and_in_international_form() {
    let region = "KR".parse().unwrap();
    for (id, phone, region, e164) in [
        (
            "hook-kr",
            "010-1234-5678",
            Some(region),
            json!("+821012345678"),
        ),
        (
            "hook-00",
            "00821012345678",
            Some(region),
            json!("+821012345678"),
        ),
        ("hook-anywhere", "010-1234-5678", None, json!(null)),
    ] {
        let server = Receiver::start(&[]);
        let Channel::Webhook(settings, _) = channel(&server, TIMEOUT, 0) else {
            panic!("not a webhook");
        };
        let channel = Channel::Webhook(settings, region);
        let delivery = Delivery::start(channel, None, None, 8, Clock::System).unwrap();
        let mut notice = notice(id, "2200000011");
        notice.phone = Some(phone.to_owned());
        delivery.send(notice);
        assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(1, 0));
        let data = &server.received()[0].json()["data"];
        assert_eq!(
            (&data["phone"], &data["phone_e164"]),
            (&json!(phone), &e164)
        );
        server.stop().await;
    }
}

/// The head of the first request that a proxy gets.
async fn head_at_proxy(url: &str) -> String {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let settings = WebhookConfig {
        url: Some(url.parse().unwrap()),
        proxy: Some(address.parse().unwrap()),
        secret: Some(Secret::new(SECRET)),
        timeout: TIMEOUT.into(),
        retries: 0,
        ..WebhookConfig::default()
    };
    let channel = Channel::Webhook(settings, None);
    let delivery = Delivery::start(channel, None, None, 8, Clock::System).unwrap();
    delivery.send(notice("hook-proxy", "2200000012"));
    let (mut stream, _) = timeout(TIMEOUT, proxy.accept()).await.unwrap().unwrap();
    let mut head = vec![0; 4096];
    let length = stream.read(&mut head).await.unwrap();
    String::from_utf8_lossy(&head[..length]).into_owned()
}

#[actix_web::test]
async fn the_webhook_is_called_through_the_configured_proxy() {
    let head = head_at_proxy("https://hooks.example.invalid/codes?key=hidden").await;
    assert!(
        head.starts_with("CONNECT hooks.example.invalid:443 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(!head.contains("hidden"), "{head}");
    let head = head_at_proxy("http://hooks.example.invalid/codes").await;
    assert!(
        head.starts_with("POST http://hooks.example.invalid/codes HTTP/1.1\r\n"),
        "{head}"
    );
}

#[actix_web::test]
async fn a_temporary_failure_is_retried_with_the_same_id_and_body() {
    let script = [408, 425, 503, 200].map(Answer::status);
    let server = Receiver::start(&script);
    let delivery = start(&server, 3);
    delivery.send(notice("hook-again", "2200000002"));
    assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(1, 0));
    let received = server.received();
    assert_eq!(received.len(), 4);
    for request in &received {
        assert_signed(request, SECRET.as_bytes());
        assert_eq!(request.headers["webhook-id"], "challenge-hook-again");
        assert_eq!(request.body, received[0].body);
    }
    assert!(logs::outcome("hook-again").contains("attempts=4"));
    server.stop().await;
}

#[actix_web::test]
async fn a_notice_fails_after_the_last_retry() {
    let server = Receiver::start(&[Answer::status(500)]);
    let delivery = start(&server, 1);
    delivery.send(notice("hook-down", "2200000003"));
    assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(0, 1));
    assert_eq!(server.received().len(), 2);
    let line = logs::outcome("hook-down");
    assert!(
        line.contains("WARN") && line.contains("attempts=2"),
        "{line}"
    );
    assert!(line.contains("the webhook responded with 500"), "{line}");
    server.stop().await;
}

#[actix_web::test]
async fn retry_after_is_respected() {
    let server = Receiver::start(&[Answer::with(429, "retry-after", "2"), Answer::status(204)]);
    let delivery = start(&server, 1);
    let start = Instant::now();
    delivery.send(notice("hook-wait", "2200000004"));
    assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(1, 0));
    assert!(start.elapsed() >= Duration::from_secs(2));
    server.stop().await;
}

#[actix_web::test]
async fn a_permanent_failure_is_not_retried() {
    for status in [400, 401, 404, 410, 422] {
        let server = Receiver::start(&[Answer::status(status)]);
        let delivery = start(&server, 3);
        let request_id = format!("hook-{status}");
        delivery.send(notice(&request_id, "2200000005"));
        assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(0, 1));
        assert_eq!(server.received().len(), 1);
        let line = logs::outcome(&request_id);
        assert!(
            line.contains(&format!("the webhook responded with {status}")),
            "{line}"
        );
        server.stop().await;
    }
}

#[actix_web::test]
async fn a_redirect_is_not_followed() {
    let server = Receiver::start(&[Answer::with(307, "location", "/elsewhere")]);
    let delivery = start(&server, 3);
    delivery.send(notice("hook-moved", "2200000006"));
    assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(0, 1));
    let paths: Vec<_> = server.received().into_iter().map(|it| it.path).collect();
    assert_eq!(paths, ["/hook"]);
    server.stop().await;
}

#[actix_web::test]
async fn a_timeout_is_retried() {
    let server = Receiver::start(&[Answer::late(Duration::from_mins(1)), Answer::status(200)]);
    let delivery = start(&server, 1);
    delivery.send(notice("hook-slow", "2200000007"));
    assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(1, 0));
    assert!(logs::outcome("hook-slow").contains("attempts=2"));
    server.stop().await;
}

#[actix_web::test]
async fn an_unreachable_server_is_a_failure_logged_without_its_url() {
    let settings = WebhookConfig {
        url: Some("http://127.0.0.1:1/hidden?key=hidden".parse().unwrap()),
        secret: Some(Secret::new(SECRET)),
        timeout: TIMEOUT.into(),
        retries: 1,
        ..WebhookConfig::default()
    };
    let channel = Channel::Webhook(settings, None);
    let delivery = Delivery::start(channel, None, None, 8, Clock::System).unwrap();
    delivery.send(notice("hook-gone", "2200000008"));
    assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(0, 1));
    let line = logs::outcome("hook-gone");
    assert!(
        line.contains("attempts=2") && line.contains("refused"),
        "{line}"
    );
    assert!(!line.contains("hidden"), "{line}");
}

#[actix_web::test]
async fn an_expired_code_is_not_sent() {
    let server = Receiver::start(&[Answer::status(503)]);
    let clock = Clock::fixed(Timestamp::EPOCH);
    let channel = channel(&server, TIMEOUT, 9);
    let delivery = Delivery::start(channel, None, None, 8, clock.clone()).unwrap();
    delivery.send(notice("hook-late", "2200000009"));
    while server.received().is_empty() {
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
    clock.advance(Duration::from_mins(5));
    assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(0, 1));
    assert_eq!(server.received().len(), 1);
    let line = logs::outcome("hook-late");
    let reason = "the webhook responded with 503; then it expired before it could be sent";
    assert!(line.contains(reason), "{line}");
    server.stop().await;
}
