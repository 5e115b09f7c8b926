//! Metrics, on an address of their own (`metrics.listen`): they are not served where the API is.

use std::{net::TcpListener, time::Duration};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::{Server, Service as _},
    web,
};
use futures_util::TryFutureExt as _;

use crate::http::middleware::headers;
use crate::services::Services;

/// The most connections at the same time. One or two monitoring systems poll now and then.
const MAX_CONNECTIONS: usize = 64;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// A server on a bound listener that answers `GET /metrics`.
///
/// # Errors
/// When the listener cannot be used.
pub fn build(services: web::Data<Services>, listener: TcpListener) -> std::io::Result<Server> {
    let app = move || {
        App::new()
            .app_data(services.clone())
            .route("/metrics", web::get().to(show))
            .wrap_fn(|request, service| {
                service.call(request).map_ok(|mut response| {
                    headers::secure(response.headers_mut(), false, false);
                    response
                })
            })
    };
    let server = HttpServer::new(app)
        .workers(1)
        .max_connections(MAX_CONNECTIONS)
        .client_request_timeout(HEAD_TIMEOUT)
        .shutdown_timeout(1)
        .disable_signals()
        .listen(listener)?
        .run();
    Ok(server)
}

/// `GET /metrics`: all metrics in the OpenMetrics text format. **Permissions**: anyone who can reach the address. `200`.
async fn show(services: web::Data<Services>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(
            services
                .metrics
                .text(&services.revocations, &services.audit_chain),
        )
}
