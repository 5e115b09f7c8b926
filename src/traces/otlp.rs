//! Spans as OTLP in JSON (opentelemetry-proto 1.x, `ExportTraceServiceRequest`).

use serde_json::{Value as Json, json};

use crate::traces::data::{SpanData, Value};

/// `STATUS_CODE_ERROR`
const ERROR: u8 = 2;

/// The body of a request that exports these spans.
pub(super) fn body(spans: &[SpanData]) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let resource = [
        attribute("service.name", &"munjigi".into()),
        attribute("service.version", &version.into()),
    ];
    let spans: Vec<Json> = spans.iter().map(span).collect();
    let request = json!({
        "resourceSpans": [{
            "resource": { "attributes": resource },
            "scopeSpans": [{
                "scope": { "name": "munjigi", "version": version },
                "spans": spans,
            }],
        }],
    });
    request.to_string().into_bytes()
}

fn span(span: &SpanData) -> Json {
    let start = i128::from(span.started_at.unix_micros()) * 1_000;
    let end = start + i128::try_from(span.took.as_nanos()).unwrap_or(0);
    let attributes = span.attributes.iter();
    let attributes: Vec<Json> = attributes
        .map(|(name, value)| attribute(name, value))
        .collect();
    let mut json = json!({
        "traceId": span.trace.to_string(),
        "spanId": span.id.to_string(),
        "name": span.name,
        "kind": span.kind as u8,
        // 64-bit numbers are texts in the JSON of protobuf.
        "startTimeUnixNano": start.to_string(),
        "endTimeUnixNano": end.to_string(),
        "attributes": attributes,
    });
    if let Some(parent) = span.parent {
        json["parentSpanId"] = parent.to_string().into();
    }
    if span.has_failed {
        json["status"] = json!({ "code": ERROR });
    }
    json
}

fn attribute(name: &str, value: &Value) -> Json {
    let value = match value {
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": name, "value": value })
}
