//! Traces: what a request did and how long each part took, sent to a collector by OTLP (OpenTelemetry protocol 1.x, JSON over
//! HTTP).
//!
//! A [`Tracer`] begins the span of a request. While the request runs in [`within`], work below finds it by [`child`] and adds
//! spans of its own. Without a tracer, and for requests that are not sampled, there is no span anywhere. Spans go into a
//! bounded queue and never wait; see [`SpanCounts`]. They contain no personal data: no names, addresses, paths or tokens.

mod context;
mod data;
mod exporter;
mod otlp;
mod queue;
mod span;
mod tracer;

pub use crate::traces::{
    context::{Parent, SpanId, TraceId},
    data::{Kind, Value},
    queue::SpanCounts,
    span::{Span, SpanContext, child, current, within},
    tracer::{RequestTrace, Tracer, TracerError, TracerSettings},
};
