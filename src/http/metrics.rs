//! Metrics, on an address of their own (`metrics.listen`): they are not served where the API is.

use std::{net::TcpListener, time::Duration};

use actix_web::{
    App, Error as ActixError, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Server, ServiceRequest, ServiceResponse},
    http::header::{Accept, Header, Quality, VARY},
    middleware::{Next, from_fn},
    web,
};

use crate::http::middleware::headers;
use crate::http::server::connection::RequestGuard;
use crate::http::server::{self, Limits};
use crate::http::tls::Tls;
use crate::services::Services;
use crate::services::metrics::exposition::Format;
use crate::services::metrics::figures::Figures;

/// The most connections at the same time. One or two monitoring systems poll now and then.
const MAX_CONNECTIONS: usize = 64;
/// The media type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text";
/// How long a running request may take after the stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// A server on a bound listener that answers `GET /metrics`, with the time limits of `[server]`. `tls` is that of the other
/// listeners.
///
/// # Errors
/// When the listener cannot be used.
pub fn build(
    services: web::Data<Services>,
    listener: TcpListener,
    tls: Option<Tls>,
) -> std::io::Result<Server> {
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
    let (figures, tls) = (web::Data::new(Figures::default()), web::Data::new(tls));
    let app = move || {
        App::new()
            .app_data(services.clone())
            .app_data(figures.clone())
            .app_data(tls.clone())
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

/// `GET /metrics`: all metrics, in the OpenMetrics text format if the header `Accept` prefers it, otherwise in the text format
/// of Prometheus. **Permissions**: anyone who can reach the address. `200`.
async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
    figures: web::Data<Figures>,
    tls: web::Data<Option<Tls>>,
) -> HttpResponse {
    let format = preferred(&request);
    let content_type = match format {
        Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
    };
    let certificate_expiry = tls.get_ref().as_ref().and_then(Tls::expires_at);
    let text = figures.text(&services, format, certificate_expiry).await;
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((VARY, "accept"))
        .body(text)
}

/// OpenMetrics if the header names it in a version that is known, and ranks plain text no higher.
fn preferred(request: &HttpRequest) -> Format {
    let Ok(accept) = Accept::parse(request) else {
        return Format::Prometheus;
    };
    let quality = |name: &str| {
        let ranges = accept.iter().filter(|one| {
            let version = one
                .item
                .get_param("version")
                .map(|version| version.as_str());
            one.item.essence_str() == name
                && (name != OPEN_METRICS || matches!(version, None | Some("1.0.0")))
        });
        ranges.map(|one| one.quality).max()
    };
    let plain = ["text/plain", "text/*", "*/*"];
    let plain = plain.into_iter().find_map(quality).unwrap_or(Quality::ZERO);
    match quality(OPEN_METRICS) {
        Some(open) if open > Quality::ZERO && open >= plain => Format::OpenMetrics,
        _ => Format::Prometheus,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{http::header::ACCEPT, test::TestRequest};

    use super::*;

    #[test]
    fn the_format_is_the_one_that_the_client_prefers() {
        for (accept, expected) in [
            // Prometheus 2 and 3.
            (
                "application/openmetrics-text;version=1.0.0;q=0.75,application/openmetrics-text;version=0.0.1;q=0.5,\
                 text/plain;version=0.0.4;q=0.25,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2",
                Format::OpenMetrics,
            ),
            ("application/openmetrics-text", Format::OpenMetrics),
            (
                "application/openmetrics-text;version=2.0.0",
                Format::Prometheus,
            ),
            ("application/openmetrics-text;q=0", Format::Prometheus),
            (
                "application/openmetrics-text;q=0.2,text/plain",
                Format::Prometheus,
            ),
            ("text/plain;version=0.0.4", Format::Prometheus),
            ("application/json", Format::Prometheus),
            ("*/*", Format::Prometheus),
            (";;q", Format::Prometheus),
            ("", Format::Prometheus),
        ] {
            let request = TestRequest::default().insert_header((ACCEPT, accept));
            assert_eq!(preferred(&request.to_http_request()), expected, "{accept}");
        }
        let request = TestRequest::default().to_http_request();
        assert_eq!(preferred(&request), Format::Prometheus);
    }
}
