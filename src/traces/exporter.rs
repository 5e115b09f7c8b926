//! The task that sends spans to the collector, and sends a request again as OTLP/HTTP says: when the collector cannot be
//! reached, or answers 429, 502, 503 or 504. Meanwhile spans wait in the bounded queue.

use std::{
    sync::{Weak, atomic::Ordering},
    time::Duration,
};

use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};

use crate::clock::retry_after;
use crate::traces::context::SpanId;
use crate::traces::data::SpanData;
use crate::traces::otlp;
use crate::traces::queue::SpanQueue;

/// How long spans are collected before they are sent.
const COLLECT_FOR: Duration = Duration::from_secs(1);
/// How many spans one request has at most.
const MAX_BATCH: usize = 512;
/// How long a request is sent again and again.
const RETRY_FOR: Duration = Duration::from_mins(1);
/// The pause after the first attempt. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, unless the collector asks for a longer one.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that a collector can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

/// Sends spans until the queue is closed or the task is stopped.
pub(super) struct Exporter {
    pub(super) client: Client,
    pub(super) endpoint: Url,
    pub(super) headers: HeaderMap,
    pub(super) spans: mpsc::Receiver<SpanData>,
    /// For the counts. It does not keep the queue open.
    pub(super) queue: Weak<SpanQueue>,
    /// Becomes `true` when what is left is to be sent.
    pub(super) stopping: watch::Receiver<bool>,
    /// Whether the last request was accepted, or none was sent yet.
    pub(super) is_accepting: bool,
}

impl Exporter {
    /// Runs until all spans were sent.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while self.collect(&mut batch).await {
            if batch.is_empty() {
                continue;
            }
            let is_accepted = self.send(&batch).await;
            self.count(batch.len() as u64, is_accepted);
            batch.clear();
        }
    }

    /// Waits for the spans of the next request; `false` at the end.
    async fn collect(&mut self, batch: &mut Vec<SpanData>) -> bool {
        let stopping = &mut self.stopping;
        let spans = &mut self.spans;
        tokio::select! {
            biased;
            received = spans.recv_many(batch, MAX_BATCH) => {
                if received == 0 {
                    return false;
                }
            }
            () = stopped(stopping) => spans.close(),
        }
        let full = async {
            while batch.len() < MAX_BATCH {
                let free = MAX_BATCH - batch.len();
                if spans.recv_many(batch, free).await == 0 {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            () = full => {}
            () = tokio::time::sleep(COLLECT_FOR) => {}
            () = stopped(stopping) => spans.close(),
        }
        !batch.is_empty() || !spans.is_empty()
    }

    /// Sends spans, again and again if need be. Returns whether the collector has accepted them.
    async fn send(&mut self, batch: &[SpanData]) -> bool {
        let give_up_at = Instant::now() + RETRY_FOR;
        let mut pause = FIRST_PAUSE;
        loop {
            let is_last = *self.stopping.borrow();
            let retry = match self.attempt(batch).await {
                Attempt::Accepted => {
                    self.report(true);
                    return true;
                }
                Attempt::Refused => None,
                Attempt::Retry(asked) => Some(asked.unwrap_or_else(|| shortened(pause))),
            };
            self.report(false);
            let Some(wait) = retry.filter(|_| !is_last) else {
                return false;
            };
            tokio::select! {
                () = sleep(wait) => {}
                () = stopped(&mut self.stopping) => continue,
            }
            if Instant::now() >= give_up_at {
                return false;
            }
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    async fn attempt(&self, batch: &[SpanData]) -> Attempt {
        let request = self
            .client
            .post(self.endpoint.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(otlp::body(batch));
        match request.send().await {
            Ok(response) if response.status().is_success() => Attempt::Accepted,
            Ok(response) if is_temporary(response.status()) => {
                Attempt::Retry(self.asked_pause(&response))
            }
            Ok(_) => Attempt::Refused,
            Err(_) => Attempt::Retry(None),
        }
    }

    /// The pause that the collector asks for.
    fn asked_pause(&self, response: &Response) -> Option<Duration> {
        let header = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
        let now = self.queue.upgrade()?.clock.now();
        Some(retry_after(header, now)?.min(MAX_RETRY_AFTER))
    }

    /// Logs when the collector begins or ceases to accept spans.
    fn report(&mut self, is_accepted: bool) {
        if self.is_accepting && !is_accepted {
            tracing::warn!("the collector of traces does not accept spans");
        } else if is_accepted && !self.is_accepting {
            tracing::info!("the collector of traces accepts spans again");
        }
        self.is_accepting = is_accepted;
    }

    fn count(&self, spans: u64, is_accepted: bool) {
        if let Some(queue) = self.queue.upgrade() {
            let totals = &queue.totals;
            let total = if is_accepted {
                &totals.exported
            } else {
                &totals.failed
            };
            total.fetch_add(spans, Ordering::Relaxed);
        }
    }
}

/// What became of a request.
enum Attempt {
    Accepted,
    /// The collector does not accept these spans.
    Refused,
    /// It may accept them later: after this pause, if it has said so.
    Retry(Option<Duration>),
}

/// Whether the same request may be accepted later (OTLP/HTTP, "Retryable Response Codes").
fn is_temporary(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// A random part of a pause, at least half of it, so that several instances do not come back at the same moment.
fn shortened(pause: Duration) -> Duration {
    let [random, ..] = SpanId::random().map_or([u8::MAX; 8], SpanId::bytes);
    pause / 2 + pause * u32::from(random) / 510
}

/// Waits until the server stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error says that the tracer is gone, which is a stop as well.
    let _ = stopping.wait_for(|stops| *stops).await;
}
