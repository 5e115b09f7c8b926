//! The ids of traces and spans, and the header `traceparent` (W3C Trace Context).

use std::fmt;

use aws_lc_rs::rand;
use data_encoding::HEXLOWER;

/// The longest header that is read. That of version 00 has 55 characters.
const MAX_HEADER: usize = 256;

/// The flag of a span that is recorded.
const SAMPLED: u8 = 1;

/// The id of a trace, which is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

/// The id of a span, which is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanId([u8; 8]);

/// The span of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its trace.
    pub trace: TraceId,
    /// Its id.
    pub span: SpanId,
    /// Whether the caller records it.
    pub is_sampled: bool,
}

impl TraceId {
    /// A new one; `None` if the system has no random bytes.
    pub(super) fn random() -> Option<Self> {
        random().map(Self)
    }
}

impl SpanId {
    /// A new one; `None` if the system has no random bytes.
    pub(super) fn random() -> Option<Self> {
        random().map(Self)
    }

    pub(super) fn bytes(self) -> [u8; 8] {
        self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

impl Parent {
    /// Reads a header `traceparent`. `None` if it is not valid: a new trace begins then.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        if header.len() > MAX_HEADER {
            return None;
        }
        let mut parts = header.split('-');
        let [version] = bytes(parts.next()?)?;
        let (trace, span) = (bytes(parts.next()?)?, bytes(parts.next()?)?);
        let [flags] = bytes(parts.next()?)?;
        // Later versions may have more parts.
        let is_valid = version != 0xff && (version != 0 || parts.next().is_none());
        (is_valid && trace != [0; 16] && span != [0; 8]).then_some(Self {
            trace: TraceId(trace),
            span: SpanId(span),
            is_sampled: flags & SAMPLED != 0,
        })
    }
}

/// The bytes of this many pairs of lower-case hexadecimal digits.
fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()
}

fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).ok()?;
    (bytes != [0; N]).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_header_is_read_as_the_specification_says() {
        let parsed = |flags: &str| {
            let header = format!("00-{TRACE}-00f067aa0ba902b7-{flags}");
            Parent::parse(&header).unwrap()
        };
        let parent = parsed("01");
        assert_eq!(parent.trace.to_string(), TRACE);
        assert_eq!(parent.span.to_string(), "00f067aa0ba902b7");
        assert!(parent.is_sampled && parsed("03").is_sampled);
        assert!(!parsed("00").is_sampled && !parsed("02").is_sampled);
        let later = format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes");
        assert_eq!(Parent::parse(&later), Some(parent));
    }

    #[test]
    fn an_invalid_header_is_ignored() {
        let zero = "0".repeat(32);
        let long = format!("cc-{TRACE}-00f067aa0ba902b7-01-{}", "x".repeat(256));
        for header in [
            "",
            "00",
            "junk",
            &format!("00-{TRACE}-00f067aa0ba902b7"),
            &format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            &format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            &format!("0-{TRACE}-00f067aa0ba902b7-01"),
            &format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            &format!("00-{zero}-00f067aa0ba902b7-01"),
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("00-{TRACE}-00f067aa0ba902b7-1"),
            &format!("00-{TRACE}-00f067aa0ba902b7-가"),
            &long,
        ] {
            assert_eq!(Parent::parse(header), None, "{header}");
        }
    }
}
