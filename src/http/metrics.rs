//! Metrics, on an address of their own (`metrics.listen`): they are not served where the API is.

use std::{net::TcpListener, time::Duration};

use actix_web::{
    App, Error as ActixError, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Server, ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    web,
};

use crate::http::middleware::headers;
use crate::http::server::connection::RequestGuard;
use crate::http::server::{self, Limits};
use crate::services::Services;

/// The most connections at the same time. One or two monitoring systems poll now and then.
const MAX_CONNECTIONS: usize = 64;
/// How long a running request may take after the stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// A server on a bound listener that answers `GET /metrics`, with the time limits of `[server]`.
///
/// # Errors
/// When the listener cannot be used.
pub fn build(services: web::Data<Services>, listener: TcpListener) -> std::io::Result<Server> {
    let server = &services.config.server;
    let limits = Limits {
        workers: 1,
        max_connections: MAX_CONNECTIONS,
        reserved_files: 0,
        head_timeout: server.head_timeout.get(),
        keep_alive: server.keep_alive.get(),
        answer_timeout: server.request_timeout.get(),
        shutdown_timeout: SHUTDOWN_TIMEOUT,
    };
    let app = move || {
        App::new()
            .app_data(services.clone())
            .route("/metrics", web::get().to(show))
            .wrap(from_fn(handle))
    };
    let overloaded = || HttpResponse::ServiceUnavailable().finish();
    server::serve(listener, None, limits, app, overloaded)
}

/// Adds the headers of every answer, and tells the connection when the request begins and ends.
async fn handle(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let _guard = RequestGuard::begin(&request);
    let mut response = next.call(request).await?.map_into_boxed_body();
    headers::secure(response.headers_mut(), false);
    Ok(response)
}

/// `GET /metrics`: all metrics in the OpenMetrics text format. **Permissions**: anyone who can reach the address. `200`.
async fn show(services: web::Data<Services>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(services.metrics.text(
            &services.revocations,
            services.delivery.counts(),
            &services.audit_chain,
            (services.webhooks.counts(), services.clock.now()),
        ))
}
