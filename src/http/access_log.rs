//! The access log: one line for each request, when its answer is complete.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    dev::ServiceResponse,
    http::{Method, StatusCode},
    web::{self, Bytes},
};
use tracing::field;

use crate::domain::principal::TokenOwner;
use crate::http::middleware::context::{RequestContext, standard_method};
use crate::services::Services;

/// The routes of health checks.
const HEALTH_CHECKS: [&str; 2] = ["/healthz", "/readyz"];

/// How much of a user agent is logged, in characters.
const MAX_USER_AGENT: usize = 256;

/// A request, until its line is written.
pub(super) struct LoggedRequest {
    pub services: web::Data<Services>,
    pub context: Arc<RequestContext>,
    pub method: Method,
    pub started: Instant,
}

impl LoggedRequest {
    /// Logs a streamed answer when its last part was sent.
    pub(super) fn log_when_sent(
        self,
        response: ServiceResponse<BoxBody>,
    ) -> ServiceResponse<BoxBody> {
        let status = response.status();
        let route = response.request().match_pattern().unwrap_or_default();
        response.map_body(|_, body| BoxBody::new(LoggedBody::new(body, self, route, status)))
    }

    /// Logs an answer. `route` is the pattern and not the path, because a path can contain personal data; it is empty if no
    /// route was found.
    pub(super) fn log(&self, route: &str, status: StatusCode, bytes: u64) {
        let config = &self.services.config.log;
        if !config.health_checks && HEALTH_CHECKS.contains(&route) {
            return;
        }
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let caller = self.context.caller();
        let address = self.context.address.filter(|_| config.client_address);
        let user_agent = self.context.user_agent.as_deref();
        let user_agent = user_agent.filter(|_| config.user_agent).map(shortened);
        let is_head = self.method == Method::HEAD;
        tracing::info!(
            target: "munjigi::request",
            request_id = self.context.id,
            method = standard_method(&self.method),
            route = if route.is_empty() { "-" } else { route },
            status = status.as_u16(),
            micros,
            bytes = config.response_bytes.then_some(if is_head { 0 } else { bytes }),
            address = address.map(field::display),
            user_agent,
            user_type = caller.map(TokenOwner::user_type),
            user_seq = caller.map(|caller| caller.user_seq().get()),
            "request"
        );
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
