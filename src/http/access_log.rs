//! The access log: one line for each request, when its answer is complete.

use std::{
    cell::RefCell,
    fmt::Write,
    net::IpAddr,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    dev::ServiceResponse,
    http::{Method, StatusCode},
    web::Bytes,
};
use tracing::{Level, field};

use crate::clock::Timestamp;
use crate::domain::principal::TokenOwner;
use crate::http::middleware::context::{RequestContext, standard_method};
use crate::http::request_trace::{self, PROBES};
use crate::http::worker::Worker;
use crate::log_writer::LogWriter;
use crate::traces::{RequestTrace, Span, TraceId};

/// How much of a user agent is logged, in characters.
const MAX_USER_AGENT: usize = 256;

thread_local! {
    static LINE: RefCell<JsonLine> = RefCell::default();
}

/// A request, until its line is written.
pub(super) struct LoggedRequest {
    pub worker: Rc<Worker>,
    pub context: Arc<RequestContext>,
    pub method: Method,
    pub started: Instant,
    pub trace: Option<RequestTrace>,
}

impl LoggedRequest {
    /// Its span, if it is traced.
    pub(super) fn span(&self) -> Option<&Span> {
        self.trace.as_ref()?.span.as_ref()
    }

    /// Logs a streamed answer when its last part was sent.
    pub(super) fn log_when_sent(
        self,
        response: ServiceResponse<BoxBody>,
    ) -> ServiceResponse<BoxBody> {
        let status = response.status();
        let route = response.request().match_pattern().unwrap_or_default();
        response.map_body(|_, body| BoxBody::new(LoggedBody::new(body, self, route, status)))
    }

    /// Logs and counts an answer, and completes the span. `route` is the pattern and not the path, because a path can contain
    /// personal data; it is empty if no route was found.
    pub(super) fn log(&mut self, route: &str, status: StatusCode, bytes: u64) {
        let took = self.started.elapsed();
        let method = standard_method(&self.method);
        let services = &self.worker.services;
        let counted = (route, method, status.as_u16());
        let requests = &services.metrics.requests;
        self.worker.requests.record(requests, counted, took);
        if let Some(RequestTrace {
            span: Some(span), ..
        }) = &mut self.trace
        {
            request_trace::complete(span, method, route, status);
        }
        let config = &services.config.log;
        if !config.health_checks && PROBES.contains(&route) {
            return;
        }
        let context = &self.context;
        let user_agent = context.user_agent.as_deref();
        let line = Line {
            at: context.received_at + took,
            request_id: &context.id,
            method,
            route: if route.is_empty() { "-" } else { route },
            status,
            micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            bytes: config.response_bytes.then_some(match self.method {
                Method::HEAD => 0,
                _ => bytes,
            }),
            address: context.address.filter(|_| config.client_address),
            user_agent: user_agent.filter(|_| config.user_agent).map(shortened),
            caller: context.caller(),
            trace_id: self.trace.as_ref().map(|trace| trace.id),
        };
        match LogWriter::of_json() {
            None => line.trace(),
            Some(writer) if tracing::enabled!(target: "munjigi::request", Level::INFO) => {
                LINE.with_borrow_mut(|text| writer.push(text.of(&line).as_bytes()));
            }
            Some(_) => {}
        }
    }
}

/// What the line of a request says.
struct Line<'a> {
    at: Timestamp,
    request_id: &'a str,
    method: &'a str,
    route: &'a str,
    status: StatusCode,
    micros: u64,
    bytes: Option<u64>,
    address: Option<IpAddr>,
    user_agent: Option<&'a str>,
    caller: Option<TokenOwner>,
    trace_id: Option<TraceId>,
}

impl Line<'_> {
    /// Writes it like every other line.
    fn trace(&self) {
        tracing::info!(
            target: "munjigi::request",
            request_id = self.request_id,
            method = self.method,
            route = self.route,
            status = self.status.as_u16(),
            micros = self.micros,
            bytes = self.bytes,
            address = self.address.map(field::display),
            user_agent = self.user_agent,
            user_type = self.caller.map(TokenOwner::user_type),
            user_seq = self.caller.map(|caller| caller.user_seq().get()),
            trace_id = self.trace_id.map(field::display),
            "request"
        );
    }
}

/// A line as JSON, as `tracing` would write it, which takes several times as long. The buffer is used again for each line.
#[derive(Default)]
struct JsonLine {
    text: String,
    number: itoa::Buffer,
    /// The address of the last line that had one, and its text.
    address: Option<(IpAddr, String)>,
    /// A time up to its whole seconds, which many lines share.
    seconds: String,
    /// Of which second it is.
    second: Option<i64>,
}

impl JsonLine {
    fn of(&mut self, line: &Line) -> &str {
        self.text.clear();
        self.text.push_str(r#"{"timestamp":""#);
        self.push_time(line.at);
        self.text
            .push_str(r#"","level":"INFO","message":"request""#);
        self.text_field("request_id", line.request_id);
        self.text_field("method", line.method);
        self.text_field("route", line.route);
        self.field("status", line.status.as_u16());
        self.field("micros", line.micros);
        if let Some(bytes) = line.bytes {
            self.field("bytes", bytes);
        }
        if let Some(address) = line.address {
            self.push_address(address);
        }
        if let Some(user_agent) = line.user_agent {
            self.text_field("user_agent", user_agent);
        }
        if let Some(caller) = line.caller {
            self.text_field("user_type", caller.user_type());
            self.field("user_seq", caller.user_seq().get());
        }
        if let Some(trace_id) = line.trace_id {
            // Writing to a string cannot fail.
            let _ = write!(self.text, r#","trace_id":"{trace_id}""#);
        }
        self.text.push_str(",\"target\":\"munjigi::request\"}\n");
        &self.text
    }

    /// In UTC with microseconds: `2026-02-14T12:30:45.123456Z`.
    fn push_time(&mut self, at: Timestamp) {
        let (second, micros) = (at.unix_seconds(), at.unix_micros().rem_euclid(1_000_000));
        if self.second != Some(second) {
            self.second = Some(second);
            self.seconds = format!("{:?}", at.whole_seconds());
            self.seconds.truncate("2026-02-14T12:30:45.".len());
        }
        self.text.push_str(&self.seconds);
        // Six digits behind one that is left out.
        self.text
            .push_str(&self.number.format(1_000_000 + micros)[1..]);
        self.text.push('Z');
    }

    fn push_address(&mut self, address: IpAddr) {
        let known = self.address.take().filter(|(last, _)| *last == address);
        let known = known.unwrap_or_else(|| (address, address.to_string()));
        self.text_field("address", &known.1);
        self.address = Some(known);
    }

    fn field(&mut self, name: &str, value: impl itoa::Integer) {
        for part in [",\"", name, "\":", self.number.format(value)] {
            self.text.push_str(part);
        }
    }

    fn text_field(&mut self, name: &str, value: &str) {
        let text = &mut self.text;
        for part in [",\"", name, "\":\""] {
            text.push_str(part);
        }
        let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
        if value.bytes().all(is_plain) {
            text.push_str(value);
        } else {
            push_escaped(text, value);
        }
        text.push('"');
    }
}

/// Appends the inside of a JSON string (RFC 8259 section 7).
fn push_escaped(text: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            ..' ' => _ = write!(text, "\\u{:04x}", u32::from(c)),
            _ => text.push(c),
        }
    }
}

/// The length of a body that is not streamed.
pub(super) fn length(body: &BoxBody) -> u64 {
    match body.size() {
        BodySize::Sized(bytes) => bytes,
        BodySize::None | BodySize::Stream => 0,
    }
}

fn shortened(user_agent: &str) -> &str {
    let end = user_agent.char_indices().nth(MAX_USER_AGENT);
    &user_agent[..end.map_or(user_agent.len(), |(end, _)| end)]
}

/// A streamed body. When it is dropped, complete or cut off, the line of its request is written.
struct LoggedBody {
    body: BoxBody,
    request: LoggedRequest,
    route: String,
    status: StatusCode,
    bytes: u64,
}

impl LoggedBody {
    fn new(body: BoxBody, request: LoggedRequest, route: String, status: StatusCode) -> Self {
        Self {
            body,
            request,
            route,
            status,
            bytes: 0,
        }
    }
}

impl MessageBody for LoggedBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let part = Pin::new(&mut this.body).poll_next(cx);
        if let Poll::Ready(Some(Ok(bytes))) = &part {
            this.bytes += bytes.len() as u64;
        }
        part
    }
}

impl Drop for LoggedBody {
    fn drop(&mut self) {
        self.request.log(&self.route, self.status, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::principal::{Principal, UserSeq};
    use crate::traces::Parent;

    #[test]
    fn a_line_is_one_json_object_in_one_line_of_text() {
        let mut text = JsonLine::default();
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = Parent::parse(parent).unwrap();
        let line = |micros, user_agent| Line {
            at: Timestamp::from_unix_micros(micros),
            request_id: "019c5c21cfae70dca2e2adad97cfb732",
            method: "GET",
            route: "/api/me",
            status: StatusCode::OK,
            micros: 17,
            bytes: Some(297),
            address: Some(IpAddr::from([127, 0, 0, 1])),
            user_agent: Some(user_agent),
            caller: Some(Principal::user(UserSeq::new(5).unwrap()).into()),
            trace_id: Some(parent.trace),
        };
        let ugly = "a\"b\\c\u{1}\t\r\n\u{7f}\u{2028}가🔑";
        for (micros, time) in [
            (1_771_072_245_000_007, "2026-02-14T12:30:45.000007Z"),
            (1_771_072_245_999_999, "2026-02-14T12:30:45.999999Z"),
            (1_771_072_246_120_000, "2026-02-14T12:30:46.120000Z"),
        ] {
            let written = text.of(&line(micros, ugly));
            assert_eq!(written.find('\n'), Some(written.len() - 1));
            let read: Value = serde_json::from_str(written).unwrap();
            let expected = json!({
                "timestamp": time, "level": "INFO", "message": "request",
                "request_id": "019c5c21cfae70dca2e2adad97cfb732", "method": "GET", "route": "/api/me",
                "status": 200, "micros": 17, "bytes": 297, "address": "127.0.0.1", "user_agent": ugly,
                "user_type": "user", "user_seq": 5, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "target": "munjigi::request",
            });
            assert_eq!(read, expected);
        }
        let nothing = Line {
            bytes: None,
            address: None,
            user_agent: None,
            caller: None,
            trace_id: None,
            ..line(0, "")
        };
        assert_eq!(
            text.of(&nothing),
            "{\"timestamp\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"INFO\",\"message\":\"request\",\
             \"request_id\":\"019c5c21cfae70dca2e2adad97cfb732\",\"method\":\"GET\",\"route\":\"/api/me\",\
             \"status\":200,\"micros\":17,\"target\":\"munjigi::request\"}\n"
        );
    }
}
