//! The HTTP server: it accepts connections, limits their number and their time, and stops gracefully. It knows nothing of the
//! application that it serves. [`serve`] is its only entry; [`connection::RequestGuard`] is what the application's
//! outermost middleware reports to it.
//!
//! It is built from the parts of actix-web's own `HttpServer`, which keeps no deadline for later heads of a connection nor for
//! clients that do not read their answer, and does not answer connections above its limit.

pub(in crate::http) mod connection;
mod connection_limit;
mod fd_limit;
mod reject;
mod stall;

use std::{
    fmt::Debug,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_http::{HttpService, KeepAlive, Request, error::DispatchError};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_web::{
    Error as ActixError, HttpResponse,
    body::MessageBody,
    dev::{AppConfig, Server, ServiceResponse},
};
use tokio::net::TcpStream;

use crate::config::ServerConfig;
use crate::http::server::connection::{Connection, Timeouts};
use crate::http::server::connection_limit::ConnectionLimit;
use crate::http::server::reject::reject;

/// How long an idle connection is kept open for its next request.
const KEEP_ALIVE: Duration = Duration::from_mins(1);
/// How long a client may take to close a connection that the server has closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The resolution of actix's clock for deadlines: they expire up to this much too early.
const TICK: Duration = Duration::from_millis(500);
/// How many connections above the limit a worker answers at the same time. Further ones wait in the system's queue.
const REJECTED_AT_ONCE: usize = 64;

/// A server on a bound listener. It answers as soon as it is polled; its handle stops it.
///
/// It holds `server.max_connections`, or fewer where the system's limit of open files permits only those, after as many files
/// as the database connections need. `app` makes the application of a worker. A connection above the limit is answered with
/// `overloaded` and closed.
///
/// # Errors
/// When the listener cannot be used.
pub(in crate::http) fn serve<F, I, S, B>(
    listener: TcpListener,
    config: &ServerConfig,
    database_pool_size: u32,
    app: F,
    overloaded: impl Fn() -> HttpResponse + Clone + Send + 'static,
) -> std::io::Result<Server>
where
    F: Fn() -> I + Clone + Send + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = ActixError,
        > + 'static,
    S::Service: 'static,
    S::InitError: Debug,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let workers = workers(config);
    let reserve = fd_limit::reserve(database_pool_size) + REJECTED_AT_ONCE * workers;
    let connections = ConnectionLimit::new(fd_limit::raise(config.max_connections, reserve));
    let per_worker = connections.max().div_ceil(workers) + REJECTED_AT_ONCE;
    let head_timeout = config.head_timeout.get() + TICK;
    let timeouts = Timeouts {
        // Later than actix's own deadline: it answers 408 to the first head of a connection.
        head: head_timeout + Duration::from_millis(100),
        answer: config.request_timeout.get(),
    };
    let builder = Server::build();
    let stopping = builder.graceful_shutdown_signal();
    let worker = move || {
        let stopping = stopping.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
            .client_request_timeout(head_timeout)
            .client_disconnect_timeout(CLOSE_TIMEOUT)
            .on_connect_ext(|connection: &Connection, data| {
                data.insert(connection.state());
            })
            .h1(map_config(
                app().into_factory().map_err(|error| error.error_response()),
                |()| AppConfig::default(),
            ));
        accept(connections.clone(), timeouts, overloaded.clone()).and_then(http)
    };
    let server = builder
        .workers(workers)
        .max_concurrent_connections(per_worker)
        .shutdown_timeout(config.shutdown_timeout.get().as_secs())
        // `munjigi serve` handles the signals.
        .disable_signals()
        .listen("munjigi", listener, worker)?
        .run();
    Ok(server)
}

/// Worker threads: as configured, or one for each processor core.
fn workers(config: &ServerConfig) -> usize {
    match config.workers {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        workers => workers,
    }
}

/// Takes a slot for an accepted connection, or answers and closes it.
fn accept(
    limit: ConnectionLimit,
    timeouts: Timeouts,
    overloaded: impl Fn() -> HttpResponse + Clone + 'static,
) -> impl ServiceFactory<
    TcpStream,
    Config = (),
    Response = (Connection, Option<SocketAddr>),
    Error = DispatchError,
    InitError = (),
> {
    fn_service(move |stream: TcpStream| {
        let (slot, overloaded) = (limit.acquire(), overloaded.clone());
        async move {
            let Some(slot) = slot else {
                reject(stream, overloaded(), CLOSE_TIMEOUT).await;
                return Err(DispatchError::InternalError);
            };
            let peer = stream.peer_addr().ok();
            Ok((Connection::new(stream, timeouts, slot), peer))
        }
    })
}
