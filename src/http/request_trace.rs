//! The trace of a request: where it begins, and what its span says at the end (OpenTelemetry semantic conventions for HTTP). The
//! path is left out, because it can contain personal data.

use actix_web::{dev::ServiceRequest, http::StatusCode};

use crate::http::middleware::client_address::is_trusted;
use crate::services::Services;
use crate::traces::{RequestTrace, Span};

/// The header with the span of the caller.
const TRACEPARENT: &str = "traceparent";

/// The routes of probes, which are not traced.
pub(super) const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Begins the trace of a request, or continues that of the caller; `None` if traces are off or this one is not sampled.
pub(super) fn begin(request: &ServiceRequest, services: &Services) -> Option<RequestTrace> {
    let tracer = services.traces.as_ref()?;
    if PROBES.contains(&request.path()) {
        return None;
    }
    let header = request.headers().get(TRACEPARENT);
    let header = header.and_then(|value| value.to_str().ok());
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let current = services.current.load();
    let is_trusted = peer.is_some_and(|peer| is_trusted(&peer, &current.server));
    tracer.begin(header, is_trusted)
}

/// Says what the answer was. `route` is empty if none was found.
pub(super) fn complete(span: &mut Span, method: &'static str, route: &str, status: StatusCode) {
    let is_known = method != "-";
    let shown = if is_known { method } else { "HTTP" };
    if route.is_empty() {
        span.rename(shown);
    } else {
        span.rename(format!("{shown} {route}"));
        span.set("http.route", route.to_owned());
    }
    let method = if is_known { method } else { "_OTHER" };
    span.set("http.request.method", method);
    span.set("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.set("error.type", status.as_u16().to_string());
        span.fail();
    }
}
