//! Standard Webhooks 1.0.0: the signature of a request, and why a request failed.

use std::error::Error as _;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};

/// The value of `webhook-signature` for one key: `v1,` and the HMAC-SHA-256 of id, time and body, with dots in between.
pub(super) fn signature(key: &hmac::Key, id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        context.update(part);
    }
    format!("v1,{}", STANDARD.encode(context.sign()))
}

/// The failure reason with its causes, without the URL, which may contain a key.
pub(super) fn reason(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "the webhook did not respond in time".to_owned();
    }
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason = format!("{reason}: {error}");
        cause = error.source();
    }
    reason
}
