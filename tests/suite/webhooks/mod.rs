//! Webhooks for events, with a real receiver: what is sent, in which order, and where to.

mod endpoints;
mod events;
mod order;

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use munjigi::{
    config::Span,
    domain::{
        audit::Actor,
        principal::{Principal, UserSeq},
    },
    services::{accounts::lifecycle, webhooks::deliver},
};

use crate::support::{
    App,
    receiver::{Received, Receiver},
};

const DAY: Duration = Duration::from_hours(24);

/// A server that may call receivers on this machine over http.
fn app() -> App {
    App::with(|config| {
        config.event_webhooks.allowed_networks = vec!["127.0.0.0/8".parse().unwrap()];
        config.event_webhooks.http_hosts = vec!["127.0.0.1".to_owned()];
        config.event_webhooks.timeout = Span::seconds(30);
    })
}

/// Sends what is due.
async fn deliver(app: &App) {
    deliver::deliver_due(app.services()).await.unwrap();
}

/// Deactivates or activates a user.
async fn set_active(app: &App, number: i64, is_active: bool) {
    let owner = Principal::user(UserSeq::new(number).unwrap());
    let (services, actor) = (app.services(), Actor::operator());
    let changed = lifecycle::set_active(services, &actor, owner, is_active);
    changed.await.unwrap();
}

/// The types of the events that a receiver got, each with the number of its account (0 for none).
fn types(received: &[Received]) -> Vec<(String, i64)> {
    let of = |request: &Received| {
        let body = request.json();
        let number = body["data"]["account"]["user_seq"].as_i64();
        (
            body["type"].as_str().unwrap().to_owned(),
            number.unwrap_or(0),
        )
    };
    received.iter().map(of).collect()
}

fn is(received: &Receiver, expected: &[(&str, i64)]) {
    let expected: Vec<(String, i64)> = expected
        .iter()
        .map(|(kind, number)| ((*kind).to_owned(), *number))
        .collect();
    assert_eq!(types(&received.received()), expected);
}

/// The signature that a receiver with this secret computes.
fn signature(secret: &str, request: &Received) -> String {
    let bytes = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
    let signed = [
        request.headers["webhook-id"].as_bytes(),
        b".",
        request.headers["webhook-timestamp"].as_bytes(),
        b".",
        &request.body,
    ];
    format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed.concat())))
}

/// The number of rows of a state.
async fn rows(app: &App, state: &str) -> i64 {
    let query =
        format!("SELECT COUNT(*) AS number FROM webhook_deliveries WHERE state = '{state}'");
    app.number(&query).await
}
