//! Helpers of the delivery tests: notices, captured log, mail server, HTTP receiver.

pub mod logs;
pub mod smtp_server;

use std::time::{Duration, Instant};

use munjigi::{
    delivery::{Counts, Delivery, OtpNotice},
    domain::{language::Language, otp::OtpCode, principal::UserSeq},
};

pub use crate::support::receiver::{self, PATIENCE};

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
    let start = Instant::now();
    loop {
        let counts = delivery.counts();
        if counts.sent + counts.failed >= total {
            return counts;
        }
        assert!(start.elapsed() < PATIENCE, "still waiting: {counts:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Counts with an empty queue.
pub fn counts(sent: u64, failed: u64) -> Counts {
    Counts {
        queued: 0,
        sent,
        failed,
    }
}
