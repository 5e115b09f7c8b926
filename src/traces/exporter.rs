//! The task that sends spans to the collector.

use std::{
    sync::{Weak, atomic::Ordering},
    time::Duration,
};

use reqwest::{
    Client, Url,
    header::{CONTENT_TYPE, HeaderMap},
};
use tokio::sync::{mpsc, watch};

use crate::traces::data::SpanData;
use crate::traces::otlp;
use crate::traces::queue::SpanQueue;

/// How long spans are collected before they are sent.
const COLLECT_FOR: Duration = Duration::from_secs(1);
/// How many spans one request has at most.
const MAX_BATCH: usize = 512;

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
}

impl Exporter {
    /// Runs until all spans were sent.
    pub(super) async fn run(mut self) {
        let (mut batch, mut was_accepted) = (Vec::with_capacity(MAX_BATCH), true);
        while self.collect(&mut batch).await {
            if batch.is_empty() {
                continue;
            }
            let is_accepted = self.send(&batch).await;
            if was_accepted && !is_accepted {
                tracing::warn!("the collector of traces does not accept spans; they are lost");
            } else if is_accepted && !was_accepted {
                tracing::info!("the collector of traces accepts spans again");
            }
            was_accepted = is_accepted;
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

    /// Whether the collector has accepted them. They are not sent again.
    async fn send(&self, batch: &[SpanData]) -> bool {
        let request = self
            .client
            .post(self.endpoint.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(otlp::body(batch));
        let response = request.send().await;
        let is_accepted = match &response {
            Ok(response) => response.status().is_success(),
            Err(_) => false,
        };
        if let Some(queue) = self.queue.upgrade() {
            let totals = &queue.totals;
            let total = if is_accepted {
                &totals.exported
            } else {
                &totals.failed
            };
            total.fetch_add(batch.len() as u64, Ordering::Relaxed);
        }
        is_accepted
    }
}

/// Waits until the server stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error says that the tracer is gone, which is a stop as well.
    let _ = stopping.wait_for(|stops| *stops).await;
}
