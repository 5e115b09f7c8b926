//! The server: middleware order, mounts, and how it stops.

use std::{net::TcpListener, time::Duration};

use actix_web::{
    App, HttpServer,
    dev::Server,
    middleware::{NormalizePath, TrailingSlash, from_fn},
    web,
};

use super::{
    admin::{self, assets},
    api,
    api::MAX_BODY,
    context::request_context,
};
use crate::services::Services;

/// How many connections a worker holds at the same time.
const MAX_CONNECTIONS: usize = 10_000;
/// How long a client may take to send its request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection waits for its next request.
const KEEP_ALIVE: Duration = Duration::from_mins(1);

/// A server on a bound listener. It answers as soon as it is polled; its handle stops it.
///
/// # Errors
/// When the listener cannot be used, or the static files cannot be laid down in the data directory nor in a temporary one.
pub fn build(services: web::Data<Services>, listener: TcpListener) -> std::io::Result<Server> {
    let settings = services.config.server.clone();
    let workers = match settings.workers {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        workers => workers,
    };
    let root = assets::lay_down(&settings.data_dir)
        // A machine that lets nothing be written there has at least a place for what is temporary.
        .or_else(|_| assets::lay_down(&assets::temporary_directory()?))?;
    let app = move || {
        App::new()
            .app_data(services.clone())
            .app_data(web::PayloadConfig::new(MAX_BODY))
            .configure(api::routes)
            .configure(admin::routes)
            .configure(assets::routes(&root))
            .default_service(web::to(api::not_found))
            // The last one wrapped is the first to see a request.
            .wrap(NormalizePath::new(TrailingSlash::Trim))
            .wrap(from_fn(request_context))
    };
    let server = HttpServer::new(app)
        .workers(workers)
        .max_connections(MAX_CONNECTIONS)
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(settings.shutdown_timeout.get().as_secs())
        // The command line decides what a signal means.
        .disable_signals()
        .listen(listener)?
        .run();
    Ok(server)
}
