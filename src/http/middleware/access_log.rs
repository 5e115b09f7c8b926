//! The access log: one line for each request.

use std::time::Instant;

use actix_web::http::{Method, StatusCode};

use crate::http::middleware::context::RequestContext;

/// Writes the line of a request. `route` is the pattern and not the path, because a path can contain personal data.
pub(crate) fn write(
    context: &RequestContext,
    method: &str,
    route: &str,
    status: StatusCode,
    started: Instant,
) {
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let caller = context.caller();
    tracing::info!(
        target: "munjigi::request",
        request_id = context.id,
        method,
        route,
        status = status.as_u16(),
        micros,
        user_type = caller.map(|principal| principal.user_type.as_str()),
        user_seq = caller.map(|principal| principal.user_seq.get()),
        "request"
    );
}

/// A method that HTTP defines, otherwise `-`: a caller can invent any other word.
pub(crate) fn standard_method(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS
        | Method::TRACE
        | Method::CONNECT => method.as_str(),
        _ => "-",
    }
}
