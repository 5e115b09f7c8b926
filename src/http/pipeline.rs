//! The outermost middleware. It gives each request a context and a time limit, turns errors and panics into answers of the
//! API or the admin panel, adds the headers that every answer has, and writes the access log.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::pin,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    Error as ActixError, HttpMessage, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        StatusCode, Uri,
        header::{ACCEPT_LANGUAGE, HeaderMap, USER_AGENT},
    },
    middleware::Next,
};
use futures_util::{FutureExt, future::poll_immediate};
use tokio::time::{error::Elapsed, timeout};

use crate::config::ServerConfig;
use crate::domain::language::Language;
use crate::http::access_log::{LoggedRequest, length};
use crate::http::admin::web::cookies::chosen_language;
use crate::http::admin::web::error::AdminError;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::layout_of_error;
use crate::http::api::errors::ApiError;
use crate::http::api::oauth_error::OAuthError;
use crate::http::api::simplejwt::refusal;
use crate::http::middleware::accept::ErrorForm;
use crate::http::middleware::client_address::{client_address, ignored_proxy};
use crate::http::middleware::context::RequestContext;
use crate::http::middleware::headers::{self, REQUEST_ID};
use crate::http::middleware::origin::Cors;
use crate::http::middleware::refused_access;
use crate::http::request_trace;
use crate::http::self_service::panel_is_here;
use crate::http::server::connection::RequestGuard;
use crate::http::worker::Worker;
use crate::services::Services;
use crate::traces;

/// Handles a request within `server.request_timeout`.
///
/// # Errors
/// After a panic, a timeout or an error of an inner middleware there is no [`ServiceResponse`] to return: the error carries
/// the complete answer.
pub(super) async fn handle(
    worker: Rc<Worker>,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let started = Instant::now();
    let services = &worker.services;
    let context = Arc::new(context_of(&request, services));
    normalise_path(&mut request);
    request.extensions_mut().insert(Arc::clone(&context));
    let mut logged = LoggedRequest {
        worker: Rc::clone(&worker),
        context: Arc::clone(&context),
        method: request.method().clone(),
        started,
        trace: request_trace::begin(&request, services),
    };
    let server = &services.config.server;
    let guard = RequestGuard::begin(&request);
    worker.see_routes(&request);
    let uri = request.uri().clone();
    let limit = server.request_timeout.get();
    let handled = traces::within(logged.span(), next.call(request));
    match within(limit, catch_panic(handled)).await {
        Ok(Ok(Ok(response))) => {
            let mut response = in_envelope(response, &context, server);
            if response.status() == StatusCode::FORBIDDEN {
                refused_access::record(services, &context, response.request()).await;
            }
            headers::add(response.headers_mut(), &context, server);
            if response.response().body().size() == BodySize::Stream {
                return Ok(logged.log_when_sent(guard.until_sent(response, limit)));
            }
            let route = worker.pattern(response.request());
            let length = length(response.response().body());
            logged.log(&route, response.status(), length);
            Ok(response)
        }
        Ok(Ok(Err(error))) => {
            let answer = rendered(&error, &context, server, None);
            Err(completed(answer, &uri, &mut logged))
        }
        Ok(Err(panic)) => {
            let error = ApiError::Internal(panic).into();
            let answer = rendered(&error, &context, server, None);
            Err(completed(answer, &uri, &mut logged))
        }
        Err(_) => {
            guard.abandon();
            Err(completed(timed_out(&context, server), &uri, &mut logged))
        }
    }
}

fn context_of(request: &ServiceRequest, services: &Services) -> RequestContext {
    let headers = request.headers();
    let peer = request.peer_addr().map(|socket| socket.ip());
    let segment = first_segment(request.match_info().unprocessed());
    let in_panel = matches!(segment, Some("admin" | "docs" | "account"));
    let chosen = in_panel
        .then(|| chosen_language(request.request(), &services.config.server))
        .flatten();
    let language = chosen.unwrap_or_else(|| accepted_language(headers, services));
    let mut context = RequestContext::new(services.clock.now(), language);
    if let Some(id) = valid_request_id(headers) {
        context.id = id;
    }
    let current = services.current.load();
    context.address = client_address(peer, headers, &current.server);
    if let Some(peer) = ignored_proxy(peer, headers, &current.server) {
        services.ignored_proxies.note(peer);
    }
    context.user_agent = headers
        .get(USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    context.in_panel = in_panel;
    context.leads_to_panel =
        segment == Some("admin") || (segment == Some("docs") && panel_is_here(services));
    let path = request.match_info().unprocessed();
    context.error_form = if services.config.simplejwt.contains(path) {
        ErrorForm::RestFramework
    } else {
        ErrorForm::of(request, &services.config.server)
    };
    context.cors = Cors::of(request, segment, services);
    context
}

/// Leaves one slash between the segments of a path, and none at its end. This is what `NormalizePath` of actix does, which
/// runs a regular expression over every path.
fn normalise_path(request: &mut ServiceRequest) {
    let path = request.path();
    if path.len() < 2 || !(path.ends_with('/') || path.contains("//")) {
        return;
    }
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    let mut normal: String = segments.flat_map(|segment| ["/", segment]).collect();
    if normal.is_empty() {
        normal.push('/');
    }
    if let Some(query) = request.uri().query() {
        normal.extend(["?", query]);
    }
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = normal.try_into().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}

fn accepted_language(headers: &HeaderMap, services: &Services) -> Language {
    headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .and_then(Language::from_accept_language)
        .unwrap_or(services.config.language.default)
}

/// The first segment of a path as the routes match it: decoded, and with several slashes taken for one.
fn first_segment(decoded: &str) -> Option<&str> {
    decoded.split('/').find(|segment| !segment.is_empty())
}

/// The request's own id, if it is 8 to 64 of `[A-Za-z0-9_-]`: anything else could forge log lines.
fn valid_request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    ((8..=64).contains(&id.len()) && id.bytes().all(is_plain)).then(|| id.to_owned())
}

/// Runs a future for at most this long. A timer is made only for one that has to wait: most requests are answered at once.
async fn within<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    match poll_immediate(future.as_mut()).await {
        Some(output) => Ok(output),
        None => timeout(limit, future).await,
    }
}

/// Runs a future; a panic in it becomes an error with the panic's message.
async fn catch_panic<F: Future>(future: F) -> Result<F::Output, String> {
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

/// Replaces the answer of an error by the one that [`rendered`] makes.
fn in_envelope(
    response: ServiceResponse<BoxBody>,
    context: &RequestContext,
    server: &ServerConfig,
) -> ServiceResponse<BoxBody> {
    let Some(error) = response.response().error() else {
        return response;
    };
    let layout = context
        .in_panel
        .then(|| layout_of_error(response.request()))
        .flatten();
    let answer = rendered(error, context, server, layout);
    response.into_response(answer)
}

/// The answer to an error: the API's envelope or a page of the admin panel, in the request's language and with its id; an error
/// of OAuth 2.0, from a handler of such an endpoint; or one of Django REST framework, on the routes of SimpleJWT.
fn rendered(
    error: &ActixError,
    context: &RequestContext,
    server: &ServerConfig,
    layout: Option<Layout>,
) -> HttpResponse {
    if context.in_panel {
        return match error.as_error::<AdminError>() {
            Some(error) => error.answer(context, server, layout),
            None => AdminError::from_framework(error).answer(context, server, layout),
        };
    }
    if let Some(error) = error.as_error::<OAuthError>() {
        return error.answer(context);
    }
    let framework_error;
    let error = if let Some(error) = error.as_error::<ApiError>() {
        error
    } else {
        framework_error = ApiError::from_framework(error);
        &framework_error
    };
    in_form(error, context)
}

/// The answer outside of the panel.
fn in_form(error: &ApiError, context: &RequestContext) -> HttpResponse {
    match context.error_form {
        ErrorForm::RestFramework => refusal::answer_of(error, context),
        ErrorForm::Envelope | ErrorForm::Problem { .. } => error.answer(context),
    }
}

/// The answer to a request over its time limit. Its handler has been dropped.
fn timed_out(context: &RequestContext, server: &ServerConfig) -> HttpResponse {
    if context.in_panel {
        AdminError::TooSlow.answer(context, server, None)
    } else {
        in_form(&ApiError::TooSlow, context)
    }
}

/// Completes and logs an answer that has no [`ServiceResponse`], and wraps it as an error.
fn completed(mut answer: HttpResponse, uri: &Uri, request: &mut LoggedRequest) -> ActixError {
    let server = &request.worker.services.config.server;
    headers::add(answer.headers_mut(), &request.context, server);
    let route = request.worker.pattern_of(uri);
    request.log(&route, answer.status(), length(answer.body()));
    InternalError::from_response("answered", answer).into()
}
