//! The application: the routes of all interfaces, the middleware in order, and the server that they run in.

use std::{io, net::TcpListener, path::Path};

use actix_web::{
    App, HttpResponse,
    dev::Server,
    middleware::{NormalizePath, TrailingSlash, from_fn},
    web::{self, ServiceConfig},
};

use crate::config::Config;
use crate::http::admin::web::{assets, entry};
use crate::http::api::errors::ApiError;
use crate::http::api::routes::ENDPOINTS;
use crate::http::api::{self, fallback};
use crate::http::middleware::context::RequestContext;
use crate::http::middleware::headers;
use crate::http::openapi::served::Served;
use crate::http::server::fd_limit::reserve;
use crate::http::server::{self, Limits};
use crate::http::{admin, pipeline};
use crate::services::{Error, Services};

/// Every route of the server, with the static files of this directory (`server.static_dir`).
pub fn routes(static_dir: Option<&Path>) -> impl Fn(&mut ServiceConfig) + use<> {
    let assets = assets::routes(static_dir);
    let description = web::Data::new(Served::new(ENDPOINTS));
    move |config: &mut ServiceConfig| {
        config
            .app_data(description.clone())
            .configure(api::routes::routes)
            .configure(admin::routes::routes)
            .configure(entry::routes)
            .configure(&assets)
            .default_service(web::to(fallback::not_found));
    }
}

/// The server on a bound listener. It answers as soon as it is polled; its handle stops it.
///
/// It holds as many connections as the configuration and the system's limit of open files allow. When every one has a request
/// in progress, further ones are answered `503` `OVERLOADED` with `Retry-After` and closed.
///
/// # Errors
/// When the listener cannot be used, or `server.static_dir` is not a directory.
pub fn build(services: web::Data<Services>, listener: TcpListener) -> io::Result<Server> {
    let limits = limits(&services.config);
    let for_rejected = services.clone();
    let static_dir = services.config.server.static_dir.clone();
    if let Some(missing) = static_dir
        .as_deref()
        .filter(|directory| !directory.is_dir())
    {
        let (text, path) = ("server.static_dir is not a directory", missing.display());
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("{text}: {path}"),
        ));
    }
    let app = move || {
        App::new()
            .app_data(services.clone())
            .configure(api::simplejwt::routes::routes(&services.config.simplejwt))
            .configure(routes(static_dir.as_deref()))
            // The last one wrapped is the first to see a request.
            .wrap(NormalizePath::new(TrailingSlash::Trim))
            .wrap(from_fn(pipeline::handle))
    };
    server::serve(listener, limits, app, move || overloaded(&for_rejected))
}

fn limits(config: &Config) -> Limits {
    let server = &config.server;
    Limits {
        workers: server.workers,
        max_connections: server.max_connections,
        reserved_files: reserve(config.database.pool_size),
        head_timeout: server.head_timeout.get(),
        keep_alive: server.keep_alive.get(),
        answer_timeout: server.request_timeout.get(),
        shutdown_timeout: server.shutdown_timeout.get(),
    }
}

/// The answer to a connection above the limit. Its request has not been read.
fn overloaded(services: &Services) -> HttpResponse {
    let language = services.config.language.default;
    let context = RequestContext::new(services.clock.now(), language);
    let mut answer = ApiError::from(Error::Overloaded).answer(&context);
    headers::add(answer.headers_mut(), &context, &services.config.server);
    answer
}
