//! Delivery with real servers: queue and console here, mail and webhook in their own files.

mod hello;
mod smtp;
pub mod support;
mod webhook;

use std::time::{Duration, Instant};

use munjigi::{
    clock::Clock,
    delivery::{CONSOLE_TARGET, Channel, Delivery, DeliveryError},
};

use support::{
    TIMEOUT, counts, logs, notice,
    receiver::{Answer, Receiver},
    wait_for_outcomes,
};

#[tokio::test]
async fn the_console_prints_one_line_with_the_code() {
    let delivery = Delivery::start(Channel::Console, None, None, 8, Clock::System).unwrap();
    delivery.send(notice("console", "1100000001"));
    assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(1, 0));
    let lines = logs::lines("1100000001");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(&format!(
        "{CONSOLE_TARGET}: one-time code username=\"acme-01\" code=\"1100000001\" expires_in=300"
    )));
    assert!(logs::outcome("console").contains("INFO"));
}

#[test]
fn delivery_cannot_start_outside_a_runtime() {
    let started = Delivery::start(Channel::Console, None, None, 8, Clock::System);
    assert!(matches!(started, Err(DeliveryError::NoRuntime)));
}

#[actix_web::test]
async fn a_full_queue_fails_at_once_without_blocking() {
    let server = Receiver::start(&[Answer::late(Duration::from_secs(3))]);
    let channel = webhook::channel(&server, Duration::from_secs(5), 0);
    let delivery = Delivery::start(channel, None, None, 2, Clock::System).unwrap();
    for _ in 0..50 {
        delivery.send(notice("full", "1100000002"));
    }
    // None waited for the receiver.
    let now = delivery.counts();
    assert_eq!((now.queued, now.sent, now.failed), (2, 0, 48));
    let lines = logs::lines("the queue is full");
    assert_eq!(lines.len(), 48);
    assert!(lines[0].contains("WARN") && lines[0].contains("attempts=0"));
    assert!(lines[47].contains("queued=2 sent=0 failed=48"));
    assert_eq!(wait_for_outcomes(&delivery, 50).await, counts(2, 48));
    server.stop().await;
}

#[actix_web::test]
async fn draining_sends_queued_notices_and_rejects_new_ones() {
    let server = Receiver::start(&[Answer::late(Duration::from_millis(50))]);
    let channel = webhook::channel(&server, Duration::from_secs(5), 0);
    let delivery = Delivery::start(channel, None, None, 100, Clock::System).unwrap();
    for _ in 0..10 {
        delivery.send(notice("drain", "1100000003"));
    }
    assert_eq!(delivery.drain(TIMEOUT).await, counts(10, 0));
    delivery.clone().send(notice("drained", "1100000003"));
    assert_eq!(delivery.counts(), counts(10, 1));
    assert!(logs::outcome("drained").contains("the server is stopping"));
    assert_eq!(delivery.drain(Duration::ZERO).await, counts(10, 1));
    assert_eq!(server.received().len(), 10);
    server.stop().await;
}

#[actix_web::test]
async fn notices_that_remain_after_draining_fail() {
    let server = Receiver::start(&[Answer::late(Duration::from_mins(1))]);
    let channel = webhook::channel(&server, Duration::from_mins(1), 0);
    let delivery = Delivery::start(channel, None, None, 100, Clock::System).unwrap();
    for number in 0..7 {
        delivery.send(notice(&format!("cut-{number}"), "1100000004"));
    }
    let start = Instant::now();
    let limit = Duration::from_millis(300);
    assert_eq!(delivery.drain(limit).await, counts(0, 7));
    assert!(start.elapsed() < Duration::from_secs(30));
    for number in 0..7 {
        assert!(logs::outcome(&format!("cut-{number}")).contains("delivery was aborted"));
    }
    server.stop().await;
}
