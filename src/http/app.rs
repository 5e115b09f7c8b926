//! The application: the routes of all interfaces, the middleware in order, and the server that they run in.

use std::net::TcpListener;

use actix_web::{
    App, HttpResponse,
    dev::Server,
    middleware::{NormalizePath, TrailingSlash, from_fn},
    web::{self, ServiceConfig},
};

use crate::http::admin::web::assets;
use crate::http::api::body::MAX_BODY;
use crate::http::api::errors::ApiError;
use crate::http::api::{self, fallback};
use crate::http::middleware::context::RequestContext;
use crate::http::middleware::headers;
use crate::http::middleware::origin::is_https;
use crate::http::server;
use crate::http::{admin, pipeline};
use crate::services::{Error, Services};

/// Every route of the server.
pub fn routes(config: &mut ServiceConfig) {
    config
        .configure(api::routes::routes)
        .configure(admin::routes::routes)
        .configure(assets::routes)
        .default_service(web::to(fallback::not_found));
}

/// The server on a bound listener. It answers as soon as it is polled; its handle stops it.
///
/// It holds as many connections as the configuration and the system's limit of open files allow. Further ones are answered
/// `503` `OVERLOADED` with `Retry-After` and closed.
///
/// # Errors
/// When the listener cannot be used.
pub fn build(services: web::Data<Services>, listener: TcpListener) -> std::io::Result<Server> {
    let config = services.config.server.clone();
    let pool_size = services.config.database.pool_size;
    let for_rejected = services.clone();
    let app = move || {
        App::new()
            .app_data(services.clone())
            .app_data(web::PayloadConfig::new(MAX_BODY))
            .configure(routes)
            // The last one wrapped is the first to see a request.
            .wrap(NormalizePath::new(TrailingSlash::Trim))
            .wrap(from_fn(pipeline::handle))
    };
    server::serve(listener, &config, pool_size, app, move || {
        overloaded(&for_rejected)
    })
}

/// The answer to a connection above the limit. Its request has not been read.
fn overloaded(services: &Services) -> HttpResponse {
    let language = services.config.language.default;
    let context = RequestContext::new(services.clock.now(), language);
    let mut answer = ApiError::from(Error::Overloaded).answer(&context);
    headers::add(answer.headers_mut(), &context, is_https(services));
    answer
}
