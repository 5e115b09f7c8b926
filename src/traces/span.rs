//! Spans that have begun, and how work below a request finds its span.

use std::{
    borrow::Cow,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task_local;

use crate::traces::context::{SpanId, TraceId};
use crate::traces::data::{Kind, SpanData, Value};
use crate::traces::queue::SpanQueue;

task_local! {
    static CURRENT: SpanContext;
}

/// A span that has begun. It ends when it is dropped. It is small, because futures keep it.
#[derive(Debug)]
pub struct Span(Box<Begun>);

#[derive(Debug)]
struct Begun {
    /// `None` after its end.
    data: Option<SpanData>,
    started: Instant,
    context: SpanContext,
}

/// What a further span of the same trace needs to know. Clones share it.
#[derive(Clone, Debug)]
pub struct SpanContext {
    queue: Arc<SpanQueue>,
    trace: TraceId,
    span: SpanId,
}

impl Span {
    /// Begins a span; `None` if the system has no random bytes for its id.
    pub(super) fn begin(
        queue: &Arc<SpanQueue>,
        trace: TraceId,
        parent: Option<SpanId>,
        name: &'static str,
        kind: Kind,
    ) -> Option<Self> {
        let id = SpanId::random()?;
        Some(Self(Box::new(Begun {
            data: Some(SpanData {
                trace,
                id,
                parent,
                name: name.into(),
                kind,
                started_at: queue.clock.now(),
                took: Duration::ZERO,
                attributes: Vec::new(),
                has_failed: false,
            }),
            started: Instant::now(),
            context: SpanContext {
                queue: Arc::clone(queue),
                trace,
                span: id,
            },
        })))
    }

    /// Gives it another name.
    pub fn rename(&mut self, name: impl Into<Cow<'static, str>>) {
        if let Some(data) = &mut self.0.data {
            data.name = name.into();
        }
    }

    /// Adds an attribute. It must not be personal data.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(data) = &mut self.0.data {
            data.attributes.push((name, value.into()));
        }
    }

    /// Marks it as failed.
    pub fn fail(&mut self) {
        if let Some(data) = &mut self.0.data {
            data.has_failed = true;
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(mut data) = self.0.data.take() {
            data.took = self.0.started.elapsed();
            self.0.context.queue.push(data);
        }
    }
}

impl SpanContext {
    /// Begins a span below this one.
    #[must_use]
    pub fn child(&self, name: &'static str, kind: Kind) -> Option<Span> {
        Span::begin(&self.queue, self.trace, Some(self.span), name, kind)
    }
}

/// The span that the present task runs in.
#[must_use]
pub fn current() -> Option<SpanContext> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Begins a span below the one that the present task runs in; `None` if there is none.
#[must_use]
pub fn child(name: &'static str, kind: Kind) -> Option<Span> {
    CURRENT
        .try_with(|context| context.child(name, kind))
        .ok()
        .flatten()
}

/// Runs a future in a span. Tasks that it spawns are not in the span.
pub async fn within<F: Future>(span: Option<&Span>, future: F) -> F::Output {
    match span {
        None => future.await,
        Some(span) => CURRENT.scope(span.0.context.clone(), future).await,
    }
}
