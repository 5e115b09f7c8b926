//! The server: middleware order, mounts, how many connections it holds, and how it stops.

pub mod connection;
pub mod connection_limit;
pub mod fd_limit;
use std::{net::TcpListener, path::Path, time::Duration};

use actix_http::{HttpService, KeepAlive, error::DispatchError};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{
    App,
    dev::{AppConfig, Server},
    middleware::{NormalizePath, TrailingSlash, from_fn},
    web::{self, ServiceConfig},
};
use tokio::net::TcpStream;

use crate::{
    http::{
        admin::{self, web::assets},
        api::{self, body::MAX_BODY},
        middleware::context::request_context,
        server::{
            connection::{Connection, Timeouts},
            connection_limit::{ConnectionLimit, turn_away},
        },
    },
    services::Services,
};

/// How long a connection waits for its next request.
const KEEP_ALIVE: Duration = Duration::from_mins(1);
/// How long a client may take to close a connection that the server has closed.
const CLOSING: Duration = Duration::from_secs(1);
/// The framework's clock for deadlines ticks so often: its deadlines come up to that much too early.
const TICK: Duration = Duration::from_millis(500);
/// How many connections above the limit a worker tells so at the same time. Further ones wait in the system's queue.
const TURNED_AWAY: usize = 64;

/// Every route of the server; its static files lie in `root`.
pub fn routes(root: &Path) -> impl Fn(&mut ServiceConfig) + use<> {
    let assets = assets::routes(root);
    move |config: &mut ServiceConfig| {
        config
            .configure(api::routes)
            .configure(admin::routes::routes)
            .configure(&assets)
            .default_service(web::to(api::not_found));
    }
}

/// The routes and what each request passes. A macro, because the type of an application has no name.
macro_rules! app {
    ($services:expr, $root:expr) => {
        App::new()
            .app_data($services)
            .app_data(web::PayloadConfig::new(MAX_BODY))
            .configure(routes(&$root))
            // The last one wrapped is the first to see a request.
            .wrap(NormalizePath::new(TrailingSlash::Trim))
            .wrap(from_fn(request_context))
            .into_factory()
    };
}

/// A server on a bound listener. It answers as soon as it is polled; its handle stops it.
///
/// It holds as many connections as the configuration and the system's limit of open files allow. Whoever comes then is
/// answered `503` `OVERLOADED` with `Retry-After` and closed.
///
/// # Errors
/// When the listener cannot be used, or the static files cannot be laid down in the data directory nor in a temporary one.
pub fn build(services: web::Data<Services>, listener: TcpListener) -> std::io::Result<Server> {
    let settings = services.config.server.clone();
    let workers = match settings.workers {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        workers => workers,
    };
    let root = assets::install(&settings.data_dir)
        // A machine that lets nothing be written there has at least a place for what is temporary.
        .or_else(|_| assets::install(&assets::temporary_directory()?))?;
    let places = ConnectionLimit::new(fd_limit::allow(
        settings.max_connections,
        fd_limit::kept_back(services.config.database.pool_size) + TURNED_AWAY * workers,
    ));
    let most_of_a_worker = places.most().div_ceil(workers) + TURNED_AWAY;
    let building = Server::build();
    let stopping = building.graceful_shutdown_signal();
    let patience = Timeouts {
        // The framework knows how to say 408, so it gets to say it first where it can.
        head: settings.head_timeout.get() + TICK + Duration::from_millis(100),
        answer: settings.request_timeout.get(),
    };
    // What the framework's own server does, but over connections that keep our deadlines.
    let door = move || {
        let stopping = stopping.clone();
        let (places, of_app) = (places.clone(), services.clone());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
            .client_request_timeout(settings.head_timeout.get() + TICK)
            .client_disconnect_timeout(CLOSING)
            .on_connect_ext(|connection: &Connection, data| {
                data.insert(connection.traffic());
            })
            .h1(map_config(
                app!(of_app, root).map_err(|error: actix_web::Error| error.error_response()),
                |()| AppConfig::default(),
            ));
        let services = services.clone();
        fn_service(move |stream: TcpStream| {
            let (place, services) = (places.take(), services.clone());
            async move {
                let Some(place) = place else {
                    turn_away(stream, &services, CLOSING).await;
                    return Err(DispatchError::InternalError);
                };
                let peer = stream.peer_addr().ok();
                Ok((Connection::new(stream, patience, place), peer))
            }
        })
        .and_then(http)
    };
    let server = building
        .workers(workers)
        .max_concurrent_connections(most_of_a_worker)
        .shutdown_timeout(settings.shutdown_timeout.get().as_secs())
        // The command line decides what a signal means.
        .disable_signals()
        .listen("munjigi", listener, door)?
        .run();
    Ok(server)
}
