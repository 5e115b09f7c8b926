//! What is known of a span when it ends.

use std::{borrow::Cow, time::Duration};

use crate::clock::Timestamp;
use crate::traces::context::{SpanId, TraceId};

/// The role of a span, as OpenTelemetry numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Work within this program.
    Internal = 1,
    /// A request that this program answers.
    Server = 2,
    /// A request to another program.
    Client = 3,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(Cow<'static, str>),
    /// A whole number.
    Number(i64),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

/// A time, in microseconds.
impl From<Duration> for Value {
    fn from(time: Duration) -> Self {
        Self::Number(i64::try_from(time.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A span.
#[derive(Clone, Debug)]
pub(super) struct SpanData {
    pub(super) trace: TraceId,
    pub(super) id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) name: Cow<'static, str>,
    pub(super) kind: Kind,
    pub(super) started_at: Timestamp,
    pub(super) took: Duration,
    pub(super) attributes: Vec<(&'static str, Value)>,
    pub(super) has_failed: bool,
}
