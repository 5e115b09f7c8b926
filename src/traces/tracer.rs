//! The tracer: decides which requests are traced, and begins their spans.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::{
    Client, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect, retry,
};
use tokio::{runtime::Handle, sync::watch, task::JoinHandle};

use crate::clock::Clock;
use crate::traces::context::{Parent, TraceId};
use crate::traces::data::Kind;
use crate::traces::exporter::Exporter;
use crate::traces::queue::{SpanCounts, SpanQueue};
use crate::traces::span::Span;

/// How long the collector may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// 2^64 divided by the golden ratio: multiples of it, modulo 2^64, are spread evenly.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Where spans are sent, and how many.
pub struct TracerSettings {
    /// The URL of the collector, with its path.
    pub endpoint: Url,
    /// Headers of each request, such as `Authorization`.
    pub headers: Vec<(String, String)>,
    /// The share of the requests that are traced, from 0 to 1.
    pub sample_ratio: f64,
}

/// Why no spans can be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracerError {
    /// There is no Tokio runtime.
    #[error("traces need a Tokio runtime")]
    NoRuntime,
    /// A name or value is no header.
    #[error("traces.headers has a name or a value that no header can have")]
    Header,
    /// The HTTP client cannot be created.
    #[error("the client of traces.endpoint cannot be created: {0}")]
    Client(#[source] reqwest::Error),
}

/// Begins traces, and sends their spans from a background task.
pub struct Tracer {
    queue: Arc<SpanQueue>,
    sample_ratio: f64,
    /// Advances with each request that it decides on.
    position: AtomicU64,
    stopping: watch::Sender<bool>,
    exporter: Mutex<Option<JoinHandle<()>>>,
}

/// The trace of a request.
#[derive(Debug)]
pub struct RequestTrace {
    /// Its id.
    pub id: TraceId,
    /// The span of the request, if it is sampled.
    pub span: Option<Span>,
}

impl Tracer {
    /// Starts the task that sends spans, on the current Tokio runtime. Does not connect.
    ///
    /// # Errors
    /// [`TracerError`].
    pub fn start(settings: TracerSettings, clock: Clock) -> Result<Self, TracerError> {
        let runtime = Handle::try_current().map_err(|_| TracerError::NoRuntime)?;
        let client = Client::builder()
            .user_agent(concat!("munjigi/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .connection_verbose(false)
            .build()
            .map_err(TracerError::Client)?;
        let (queue, spans) = SpanQueue::new(clock);
        let (stopping, has_stopped) = watch::channel(false);
        let exporter = Exporter {
            client,
            endpoint: settings.endpoint,
            headers: headers(&settings.headers)?,
            spans,
            queue: Arc::downgrade(&queue),
            stopping: has_stopped,
            is_accepting: true,
        };
        Ok(Self {
            queue,
            sample_ratio: settings.sample_ratio,
            position: AtomicU64::new(0),
            stopping,
            exporter: Mutex::new(Some(runtime.spawn(exporter.run()))),
        })
    }

    /// Begins the trace of a request, or continues that of its header `traceparent`. `None` if there is nothing to continue
    /// and the request is not sampled.
    ///
    /// Whether the caller samples its own span counts if the header is one of a trusted proxy. Otherwise anyone could have
    /// all of their requests traced.
    #[must_use]
    pub fn begin(&self, traceparent: Option<&str>, is_trusted: bool) -> Option<RequestTrace> {
        let parent = traceparent.and_then(Parent::parse);
        let is_sampled = match &parent {
            Some(parent) if is_trusted => parent.is_sampled,
            _ => self.samples_next(),
        };
        let id = match &parent {
            Some(parent) => parent.trace,
            None if is_sampled => TraceId::random()?,
            None => return None,
        };
        let span = is_sampled.then(|| {
            let parent = parent.map(|parent| parent.span);
            Span::begin(&self.queue, id, parent, "request", Kind::Server)
        });
        Some(RequestTrace {
            id,
            span: span.flatten(),
        })
    }

    fn samples_next(&self) -> bool {
        let position = self.position.fetch_add(STEP, Ordering::Relaxed);
        // The upper half is exact as a float.
        let upper = u32::try_from(position >> 32).unwrap_or(u32::MAX);
        f64::from(upper) < self.sample_ratio * 4_294_967_296.0
    }

    /// The number of spans since the start.
    #[must_use]
    pub fn counts(&self) -> SpanCounts {
        self.queue.totals.counts()
    }

    /// Sends the spans that are left, for at most this time. Later spans are dropped.
    pub async fn drain(&self, limit: Duration) {
        self.stopping.send_replace(true);
        let exporter = self.exporter.lock();
        let exporter = exporter.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut exporter) = exporter
            && tokio::time::timeout(limit, &mut exporter).await.is_err()
        {
            exporter.abort();
        }
    }
}

fn headers(settings: &[(String, String)]) -> Result<HeaderMap, TracerError> {
    let header = |(name, value): &(String, String)| {
        let name = HeaderName::try_from(name).ok()?;
        let mut value = HeaderValue::try_from(value).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    };
    let headers: Option<HeaderMap> = settings.iter().map(header).collect();
    headers.ok_or(TracerError::Header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracer(sample_ratio: f64) -> Tracer {
        let settings = TracerSettings {
            endpoint: "http://127.0.0.1:1/".parse().unwrap(),
            headers: Vec::new(),
            sample_ratio,
        };
        Tracer::start(settings, Clock::System).unwrap()
    }

    fn sampled(tracer: &Tracer, header: Option<&str>, is_trusted: bool) -> usize {
        let begun = (0..1_000).filter_map(|_| tracer.begin(header, is_trusted));
        begun.filter(|trace| trace.span.is_some()).count()
    }

    #[tokio::test]
    async fn the_configured_share_of_requests_is_sampled() {
        for (ratio, expected) in [(0.0, 0), (0.1, 100), (0.5, 500), (1.0, 1_000)] {
            let found = sampled(&tracer(ratio), None, false);
            assert!(found.abs_diff(expected) <= 2, "{ratio}: {found}");
        }
    }

    #[tokio::test]
    async fn the_decision_of_a_trusted_caller_counts() {
        let header =
            |flags| format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
        let (yes, no) = (header("01"), header("00"));
        assert_eq!(sampled(&tracer(0.0), Some(&yes), true), 1_000);
        assert_eq!(sampled(&tracer(1.0), Some(&no), true), 0);
        assert_eq!(sampled(&tracer(0.0), Some(&yes), false), 0);
        assert_eq!(sampled(&tracer(1.0), Some(&no), false), 1_000);
        let trace = tracer(0.0).begin(Some(&yes), false).unwrap();
        assert_eq!(trace.id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[tokio::test]
    async fn spans_beyond_the_queue_are_dropped_and_counted() {
        let tracer = tracer(1.0);
        for _ in 0..6_000 {
            drop(tracer.begin(None, false));
        }
        // The task that sends has not run yet.
        assert_eq!(tracer.counts().dropped, 6_000 - 4_096);
    }
}
