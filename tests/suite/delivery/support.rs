//! Helpers of the delivery tests: notices, captured log, mail server, HTTP receiver.

pub mod logs;
pub mod smtp_server;

use std::time::Duration;

use munjigi::{
    delivery::{Counts, Delivery, OtpNotice},
    domain::{language::Language, otp::OtpCode, principal::UserSeq},
};

use crate::support::wait_until;
pub use crate::support::{TIMEOUT, receiver};

/// A notice with this request id, by which its log lines can be found.
pub fn notice(request_id: &str, code: &str) -> OtpNotice {
    logs::capture();
    OtpNotice {
        id: format!("challenge-{request_id}"),
        client: UserSeq::new(1).unwrap(),
        username: "acme-01".to_owned(),
        email: Some("ann.lee@example.org".to_owned()),
        phone: Some("+82 10-1234-5678".to_owned()),
        code: OtpCode::parse(code).unwrap(),
        expires_in: Duration::from_mins(5),
        language: Language::En,
        request_id: request_id.to_owned(),
    }
}

/// Waits until `total` notices have an outcome.
pub async fn wait_for_outcomes(delivery: &Delivery, total: u64) -> Counts {
    wait_until("outcomes", async || {
        let counts = delivery.counts();
        (counts.sent + counts.failed >= total).then_some(counts)
    })
    .await
}

/// Counts with an empty queue.
pub fn counts(sent: u64, failed: u64) -> Counts {
    Counts {
        queued: 0,
        sent,
        failed,
    }
}
