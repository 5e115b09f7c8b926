//! The HTTP server: it accepts connections, limits their number and their time, and stops gracefully. It knows nothing of the
//! application that it serves. [`serve`] is its only entry; [`connection::RequestGuard`] is what the application's
//! outermost middleware reports to it.
//!
//! It is built from the parts of actix-web's own `HttpServer`, which keeps no deadline for later heads of a connection nor for
//! clients that do not read their answer, and does not answer connections above its limit.

pub(in crate::http) mod connection;
mod connection_limit;
mod connection_state;
pub(in crate::http) mod fd_limit;
mod received;
mod reject;
mod stall;
mod stream;

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
use tokio::{net::TcpStream, task::spawn_local};

use crate::http::server::connection::{Connection, Timeouts};
use crate::http::server::connection_limit::{ConnectionLimit, WorkerConnections};
use crate::http::server::reject::reject;
use crate::http::server::stream::Stream;
use crate::http::tls::Tls;

/// How long a client may take to close a connection that the server has closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The resolution of actix's clock for deadlines: they expire up to this much too early.
const TICK: Duration = Duration::from_millis(500);
/// How many connections above the limit a worker answers at the same time. Further ones wait in the system's queue.
const REJECTED_AT_ONCE: usize = 64;

/// The limits of a server.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Limits {
    /// Worker threads.
    pub workers: usize,
    /// Connections at the same time.
    pub max_connections: usize,
    /// Files that are kept for other uses than connections.
    pub reserved_files: usize,
    /// How long a head may take, from its first byte.
    pub head_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub keep_alive: Duration,
    /// How long a client may read too little of its answer.
    pub answer_timeout: Duration,
    /// How long running requests may take after the stop.
    pub shutdown_timeout: Duration,
}

/// A server on a bound listener, with TLS or without. It answers as soon as it is polled; its handle stops it.
///
/// It holds as many connections as its limits allow, or fewer where the system's limit of open files permits only those.
/// `app` makes the application of a worker. When there are more, connections that wait for their client are closed; when
/// every one has a request in progress, the new one is answered with `overloaded` and closed.
///
/// # Errors
/// When the listener cannot be used.
pub(in crate::http) fn serve<F, I, S, B>(
    listener: TcpListener,
    tls: Option<Tls>,
    limits: Limits,
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
    let workers = limits.workers;
    let reserve = limits.reserved_files + REJECTED_AT_ONCE * workers;
    let connections = ConnectionLimit::new(fd_limit::raise(limits.max_connections, reserve));
    let per_worker = connections.max().div_ceil(workers) + REJECTED_AT_ONCE;
    let head_timeout = limits.head_timeout + TICK;
    let timeouts = Timeouts {
        // Later than actix's own deadlines: it answers 408 to the first head of a connection.
        head: head_timeout + Duration::from_millis(100),
        idle: limits.keep_alive,
        answer: limits.answer_timeout,
    };
    let builder = Server::build();
    let stopping = builder.graceful_shutdown_signal();
    let worker = move || {
        let connections = WorkerConnections::new(connections.clone());
        let (stopping, of_worker) = (stopping.clone(), connections.clone());
        spawn_local(async move {
            stopping.notified().await;
            of_worker.stop();
        });
        let of_worker = connections.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || of_worker.stopping())
            // [`Connection`] closes idle ones: actix would set a timer after each answer and remove it for the next request.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(head_timeout)
            .client_disconnect_timeout(CLOSE_TIMEOUT)
            .on_connect_ext(|connection: &Connection, data| {
                data.insert(connection.state());
            })
            .h1(map_config(
                app().into_factory().map_err(|error| error.error_response()),
                |()| AppConfig::default(),
            ));
        accept(connections, tls.clone(), timeouts, overloaded.clone()).and_then(http)
    };
    let server = builder
        .workers(workers)
        .max_concurrent_connections(per_worker)
        .shutdown_timeout(limits.shutdown_timeout.as_secs())
        // `munjigi serve` handles the signals.
        .disable_signals()
        .listen("munjigi", listener, worker)?
        .run();
    Ok(server)
}

/// Takes a slot for an accepted connection and completes its TLS handshake, or answers and closes it.
fn accept(
    connections: WorkerConnections,
    tls: Option<Tls>,
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
        let (connections, overloaded) = (connections.clone(), overloaded.clone());
        let tls = tls.clone();
        async move {
            let Some(slot) = connections.acquire().await else {
                // Without a handshake a client of TLS reads no answer.
                if tls.is_none() {
                    reject(stream, overloaded(), CLOSE_TIMEOUT).await;
                }
                return Err(DispatchError::InternalError);
            };
            let peer = stream.peer_addr().ok();
            // With Nagle's algorithm the end of a long answer waits for the acknowledgement of its beginning.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY cannot be set");
            }
            let stream = match &tls {
                None => Stream::Plain(stream),
                Some(tls) => Stream::after_handshake(stream, tls, slot.state(), timeouts.head)
                    .await
                    .map_err(DispatchError::Io)?,
            };
            Ok((Connection::new(stream, timeouts, slot), peer))
        }
    })
}
