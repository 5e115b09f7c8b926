//! What every request passes, outermost: it gets an id, a language and an address; a panic becomes an answer, an error
//! gets its envelope; its time is limited; and one line is logged.

use std::{
    future::Future,
    net::IpAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::Instant,
};

use actix_web::{
    Error as ActixError, HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method, StatusCode,
        header::{ACCEPT_LANGUAGE, HeaderMap, HeaderName, HeaderValue, USER_AGENT},
    },
    middleware::Next,
    web,
};
use futures_util::FutureExt;
use tokio::time::timeout;

use crate::{
    clock::Timestamp,
    domain::{
        language::Language,
        preferences::Theme,
        principal::Principal,
        session::{Device, Jti},
    },
    http::{
        admin::web::{cookies::chosen_language, error::AdminError},
        api::errors::ApiError,
        middleware::{
            client_address::client_address, cors::Cors, headers, origin::is_https, refusals,
        },
        server::connection::{RequestGuard, with_progress},
    },
    services::Services,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known of a request before anybody handles it.
#[derive(Debug)]
pub struct RequestContext {
    /// The caller's id for it, or a fresh one.
    pub id: String,
    /// The language of its answer.
    pub language: Language,
    /// When it came.
    pub received_at: Timestamp,
    /// From where, after trusted proxies are taken off.
    pub address: Option<IpAddr>,
    /// The program it came from.
    pub user_agent: Option<String>,
    caller: OnceLock<Principal>,
    /// It is for the panel: whatever becomes of it is a page.
    pub(crate) in_panel: bool,
    look: OnceLock<Look>,
    cors: Cors,
}

/// How the pages of the panel look to whoever asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Their language.
    pub language: Language,
    /// Their colours.
    pub theme: Theme,
}

impl RequestContext {
    fn new(request: &ServiceRequest, services: &Services) -> Self {
        let headers = request.headers();
        let received_at = services.clock.now();
        let language = headers
            .get(ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .and_then(Language::from_accept_language)
            .unwrap_or(services.config.language.default);
        let peer = request.peer_addr().map(|socket| socket.ip());
        let part = first_part(request.match_info().unprocessed());
        let in_panel = part == Some("admin");
        let chosen = in_panel
            .then(|| chosen_language(request.request(), services))
            .flatten();
        Self {
            id: given_id(headers).unwrap_or_else(|| Jti::new(received_at).to_string()),
            language: chosen.unwrap_or(language),
            received_at,
            address: client_address(peer, headers, &services.config.server),
            user_agent: headers
                .get(USER_AGENT)
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            caller: OnceLock::new(),
            in_panel,
            look: OnceLock::new(),
            cors: Cors::of(request, part, services),
        }
    }

    /// The context of a request. Every request that reaches a handler has one.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Arc<Self> {
        request
            .extensions()
            .get::<Arc<Self>>()
            .cloned()
            .unwrap_or_else(|| {
                debug_assert!(false, "a request without context");
                Arc::new(Self::unread(Timestamp::EPOCH, Language::default()))
            })
    }

    /// The context of an answer to somebody whose request is not read.
    pub(crate) fn unread(received_at: Timestamp, language: Language) -> Self {
        Self {
            id: Jti::new(received_at).to_string(),
            language,
            received_at,
            address: None,
            user_agent: None,
            caller: OnceLock::new(),
            in_panel: false,
            look: OnceLock::new(),
            cors: Cors::default(),
        }
    }

    /// Notes who calls, for the log.
    pub fn note_caller(&self, principal: Principal) {
        // Whoever was noted first stays: a request has one caller.
        let _ = self.caller.set(principal);
    }

    /// Who calls, as far as it is known.
    pub(crate) fn caller(&self) -> Option<Principal> {
        self.caller.get().copied()
    }

    /// Notes how pages look to whoever asks, once that is known.
    pub(crate) fn note_look(&self, look: Look) {
        // Whoever is signed in is known better than the visitor he would be without.
        let _ = self.look.set(look);
    }

    /// How pages look to whoever asks, as far as it is known.
    pub(crate) fn look(&self) -> Look {
        self.look.get().copied().unwrap_or(Look {
            language: self.language,
            theme: Theme::System,
        })
    }

    /// The device a session begins from.
    #[must_use]
    pub fn device(&self) -> Device {
        Device::new(self.address, self.user_agent.as_deref())
    }
}

impl actix_web::FromRequest for RequestContextRef {
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self(RequestContext::of(request))))
    }
}

/// The context as a handler asks for it.
pub struct RequestContextRef(pub Arc<RequestContext>);

impl std::ops::Deref for RequestContextRef {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.0
    }
}

/// The first part of a path, as the routes will see it: with its signs decoded, and several slashes as one.
fn first_part(decoded: &str) -> Option<&str> {
    decoded.split('/').find(|part| !part.is_empty())
}

/// The request's own id, when it is 8 to 64 of `[A-Za-z0-9_-]`: anything else could forge log lines.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    ((8..=64).contains(&id.len()) && id.bytes().all(plain)).then(|| id.to_owned())
}

/// The outermost middleware.
///
/// # Errors
/// Where no [`ServiceResponse`] can be made any more (a panic), the error carries the finished answer.
pub(crate) async fn request_context(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let started = Instant::now();
    let Some(services) = request.app_data::<web::Data<Services>>().cloned() else {
        return Err(InternalError::new("no services", StatusCode::INTERNAL_SERVER_ERROR).into());
    };
    let context = Arc::new(RequestContext::new(&request, &services));
    let is_https = is_https(&services);
    request.extensions_mut().insert(Arc::clone(&context));
    let method = request.method().clone();
    let finish = |answer| finished(answer, &context, is_https, known(&method), started);
    let turn = RequestGuard::of(&request);
    let limit = services.config.server.request_timeout.get();
    match timeout(limit, caught(next.call(request))).await {
        Ok(Ok(Ok(response))) => {
            let response = in_envelope(response.map_into_boxed_body(), &context);
            if response.status() == StatusCode::FORBIDDEN {
                refusals::note(&services, &context, response.request()).await;
            }
            let mut response = with_progress(response, limit, turn);
            mark(response.headers_mut(), &context, is_https);
            let route = response.request().match_pattern();
            log(
                &context,
                known(&method),
                route.as_deref().unwrap_or("-"),
                response.status(),
                started,
            );
            Ok(response)
        }
        Ok(Ok(Err(error))) => Err(finish(rendered(&error, &context))),
        Ok(Err(panic)) => Err(finish(rendered(
            &ApiError::Internal(panic).into(),
            &context,
        ))),
        Err(_) => {
            if let Some(turn) = turn {
                turn.give_up();
            }
            Err(finish(too_slow(&context)))
        }
    }
}

/// Runs a future; a panic in it becomes its message.
async fn caught<F: Future>(future: F) -> Result<F::Output, String> {
    AssertUnwindSafe(future)
        .catch_unwind()
        .await
        .map_err(|payload| {
            let message = payload.downcast_ref::<&str>().map(ToString::to_string);
            message
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "a panic".into())
        })
}

/// Puts an error's answer into the envelope, in the request's language and with its id.
fn in_envelope(
    response: ServiceResponse<BoxBody>,
    context: &RequestContext,
) -> ServiceResponse<BoxBody> {
    let Some(error) = response.response().error() else {
        return response;
    };
    let answer = rendered(error, context);
    response.into_response(answer)
}

fn rendered(error: &ActixError, context: &RequestContext) -> HttpResponse {
    if context.in_panel {
        return match error.as_error::<AdminError>() {
            Some(error) => error.answer(context),
            None => AdminError::from_framework(error).answer(context),
        };
    }
    match error.as_error::<ApiError>() {
        Some(error) => error.answer(context),
        None => ApiError::from_framework(error).answer(context),
    }
}

/// The answer to a request whose time is up; what it was doing is dropped.
fn too_slow(context: &RequestContext) -> HttpResponse {
    if context.in_panel {
        AdminError::TooSlow.answer(context)
    } else {
        ApiError::TooSlow.answer(context)
    }
}

fn finished(
    mut answer: HttpResponse,
    context: &RequestContext,
    is_https: bool,
    method: &str,
    started: Instant,
) -> ActixError {
    mark(answer.headers_mut(), context, is_https);
    log(context, method, "-", answer.status(), started);
    InternalError::from_response("answered", answer).into()
}

/// Adds what every answer says, and the request's id.
pub(crate) fn mark(headers: &mut HeaderMap, context: &RequestContext, is_https: bool) {
    headers::secure(headers, context.in_panel, is_https);
    context.cors.mark(headers);
    if let Ok(id) = HeaderValue::from_str(&context.id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// A method that HTTP names, else a dash: HTTP lets a caller invent any word.
pub(crate) fn known(method: &Method) -> &str {
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

/// The one line of each request. Its route is the pattern, not the path: a path may hold what somebody typed.
fn log(context: &RequestContext, method: &str, route: &str, status: StatusCode, started: Instant) {
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (user_type, user_seq) = match context.caller() {
        Some(principal) => (
            Some(principal.user_type.as_str()),
            Some(principal.user_seq.get()),
        ),
        None => (None, None),
    };
    tracing::info!(
        target: "munjigi::request",
        request_id = context.id,
        method,
        route,
        status = status.as_u16(),
        micros,
        user_type,
        user_seq,
        "request"
    );
}
