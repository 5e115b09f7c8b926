//! The application: the routes of all interfaces, the middleware in order, and the server that they run in.

use std::{io, net::TcpListener, path::Path, rc::Rc};

use actix_service::{IntoServiceFactory, ServiceFactory};
use actix_web::{
    App, Error as ActixError, HttpResponse,
    body::{BoxBody, EitherBody},
    dev::{Server, ServiceRequest, ServiceResponse},
    middleware::{Condition, from_fn},
    web::{self, ServiceConfig},
};

use crate::config::Config;
use crate::http::admin::web::{assets, entry};
use crate::http::api::errors::ApiError;
use crate::http::api::routes::{ENDPOINTS, fixed_routes, is_fixed_path};
use crate::http::api::{self, fallback};
use crate::http::lazy_routes::LazyRoutes;
use crate::http::middleware::context::RequestContext;
use crate::http::middleware::{headers, path_prefix};
use crate::http::openapi::served::Served;
use crate::http::self_service::panel_is_here;
use crate::http::server::fd_limit::reserve;
use crate::http::server::{self, Limits};
use crate::http::tls::Tls;
use crate::http::worker::Worker;
use crate::http::{admin, pipeline};
use crate::services::{Error, Services};

/// The most connections at the same time to a listener of the panel.
const PANEL_CONNECTIONS: usize = 1_000;

/// Every route of the main listener, with the static files of this directory (`server.static_dir`); the panel may be elsewhere.
pub fn routes(static_dir: Option<&Path>, has_panel: bool) -> impl Fn(&mut ServiceConfig) + use<> {
    let assets = assets::routes(static_dir);
    let description = web::Data::new(Served::new(ENDPOINTS));
    move |config: &mut ServiceConfig| {
        config
            .app_data(description.clone())
            .configure(api::routes::routes)
            .configure(admin::routes::owner_routes)
            .configure(entry::api_reference);
        if has_panel {
            config
                .configure(admin::routes::routes)
                .configure(entry::with_panel);
        } else {
            config.configure(entry::without_panel);
        }
        config
            .configure(&assets)
            .default_service(web::to(fallback::not_found));
    }
}

/// The main server on a bound listener, with TLS or without. It answers as soon as it is polled; its handle stops it.
///
/// It holds as many connections as the configuration and the system's limit of open files allow. When every one has a request
/// in progress, further ones are answered `503` `OVERLOADED` with `Retry-After` and closed.
///
/// # Errors
/// When the listener cannot be used, or `server.static_dir` is not a directory.
pub fn build(
    services: web::Data<Services>,
    listener: TcpListener,
    tls: Option<Tls>,
) -> io::Result<Server> {
    let static_dir = services.config.server.static_dir.clone();
    check_static_dir(static_dir.as_deref())?;
    let has_panel = panel_is_here(&services);
    let simplejwt = services.clone();
    let description = web::Data::new(Served::new(ENDPOINTS));
    let first = move |config: &mut ServiceConfig| {
        let description = description.clone();
        config.app_data(description).configure(fixed_routes);
    };
    serve(services, (listener, tls), false, first, move |config| {
        let prefix = &simplejwt.config.simplejwt;
        config
            .configure(api::simplejwt::routes::routes(prefix))
            .configure(routes(static_dir.as_deref(), has_panel));
    })
}

/// The server of the panel on a listener of its own (`admin.listen`): the panel and its static files, nothing else.
///
/// # Errors
/// As [`build`].
pub fn build_panel(
    services: web::Data<Services>,
    listener: TcpListener,
    tls: Option<Tls>,
) -> io::Result<Server> {
    let static_dir = services.config.server.static_dir.clone();
    check_static_dir(static_dir.as_deref())?;
    serve(
        services,
        (listener, tls),
        true,
        |_| (),
        move |config| {
            config
                .configure(admin::routes::routes)
                .configure(entry::with_panel)
                .configure(assets::routes(static_dir.as_deref()))
                .default_service(web::to(fallback::not_found));
        },
    )
}

/// Serves an application with these routes, of which a worker builds at the start only those of `first`: those of the API
/// without parameters, or none for the panel.
fn serve(
    services: web::Data<Services>,
    (listener, tls): (TcpListener, Option<Tls>),
    is_panel: bool,
    first: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> io::Result<Server> {
    let limits = limits(&services.config, is_panel);
    let for_rejected = services.clone();
    let is_first = if is_panel {
        |_: &str| false
    } else {
        is_fixed_path
    };
    let app = move || {
        let (services, routes) = (services.clone(), routes.clone());
        LazyRoutes {
            first: application(Worker::new(services.clone(), true), is_panel, &first)
                .into_factory(),
            is_first,
            all: move || application(Worker::new(services.clone(), false), is_panel, &routes),
        }
    };
    server::serve(listener, tls, limits, app, move || {
        overloaded(&for_rejected)
    })
}

/// The application of a worker with these routes.
fn application(
    of_worker: Worker,
    is_panel: bool,
    routes: &dyn Fn(&mut ServiceConfig),
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<EitherBody<BoxBody>>,
        Error = ActixError,
        InitError = (),
    > + use<>,
> {
    let of_worker = Rc::new(of_worker);
    App::new()
        .app_data(of_worker.services.clone())
        .configure(routes)
        // The last one wrapped is the first to see a request.
        .wrap(from_fn(move |request, next| {
            pipeline::handle(Rc::clone(&of_worker), request, next)
        }))
        .wrap(Condition::new(is_panel, from_fn(path_prefix::remove)))
}

fn check_static_dir(static_dir: Option<&Path>) -> io::Result<()> {
    let Some(missing) = static_dir.filter(|directory| !directory.is_dir()) else {
        return Ok(());
    };
    let (text, path) = ("server.static_dir is not a directory", missing.display());
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!("{text}: {path}"),
    ))
}

fn limits(config: &Config, is_panel: bool) -> Limits {
    let server = &config.server;
    let of_panel = server.max_connections.min(PANEL_CONNECTIONS);
    let reserved_files = reserve(config.database.pool_size);
    let (max_connections, reserved_files) = if is_panel {
        (of_panel, reserved_files + server.max_connections)
    } else if config.admin.listen.is_some() {
        (server.max_connections, reserved_files + of_panel)
    } else {
        (server.max_connections, reserved_files)
    };
    Limits {
        workers: server.worker_threads(),
        max_connections,
        reserved_files,
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
