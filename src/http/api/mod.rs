//! The JSON door: every route on one screen, the envelope, the errors, and one file per noun.

mod account;
mod answer;
mod auth;
pub mod body;
use crate::http::api::errors::ApiError;
mod callers;
mod client_users;
pub mod errors;
#[cfg(any(test, fuzzing))]
pub(in crate::http) mod fuzzing;
mod health;
mod me;
mod messages;
mod otp;
mod query;
mod refresh_transport;
mod sessions;
mod users;

use actix_web::{HttpRequest, HttpResponse, Resource, Route, guard, http::Method, web};

/// The routes. A trailing slash is taken off before they are looked at.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/auth/login", [post(auth::log_in)]))
        .service(resource("/auth/refresh", [post(auth::refresh)]))
        .service(resource("/auth/logout", [post(auth::log_out)]))
        .service(resource("/auth/logout-all", [post(auth::log_out_all)]))
        .service(resource("/auth/verify", [post(auth::verify)]))
        .service(resource("/auth/sessions", [get(sessions::list)]))
        .service(resource("/auth/sessions/{id}", [delete(sessions::end)]))
        .service(resource("/auth/password", [post(account::change_password)]))
        .service(resource("/clients/otp/request", [post(otp::request)]))
        .service(resource("/clients/otp/verify", [post(otp::verify)]))
        .service(resource("/api/me", [get(me::show)]))
        .service(resource(
            "/api/users",
            [get(users::list), post(users::create)],
        ))
        .service(resource(
            "/api/users/{user_seq}",
            [
                get(users::show),
                patch(users::update),
                delete(users::delete),
            ],
        ))
        .service(resource(
            "/api/clients",
            [get(client_users::list), post(client_users::create)],
        ))
        .service(resource(
            "/api/clients/{user_seq}",
            [
                get(client_users::show),
                patch(client_users::update),
                delete(client_users::delete),
            ],
        ))
        .service(resource("/healthz", [get(health::alive)]))
        .service(resource("/readyz", [get(health::ready)]));
}

/// What answers where no route fits.
pub(super) async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}

type MethodRoute = (&'static [Method], Route);

/// A path with its methods; every other method is answered 405 with `Allow`, and `OPTIONS` with `Allow` alone.
fn resource<const N: usize>(path: &str, routes: [MethodRoute; N]) -> Resource {
    let mut allow: Vec<&str> = routes
        .iter()
        .flat_map(|(methods, _)| methods.iter().map(Method::as_str))
        .collect();
    allow.push("OPTIONS");
    let allow = allow.join(", ");
    let mut resource = web::resource(path);
    for (_, route) in routes {
        resource = resource.route(route);
    }
    resource.default_service(web::to(move |request: HttpRequest| {
        std::future::ready(other_method(&request, allow.clone()))
    }))
}

/// What answers where a path exists, but not with this method.
fn other_method(request: &HttpRequest, allow: String) -> Result<HttpResponse, ApiError> {
    if request.method() == Method::OPTIONS {
        Ok(HttpResponse::NoContent()
            .insert_header(("Allow", allow))
            .finish())
    } else {
        Err(ApiError::MethodNotAllowed { allow })
    }
}

/// What answers below a path that is only read, where nothing is found to be read or something else is asked for.
pub(super) async fn not_read(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    match *request.method() {
        Method::GET | Method::HEAD => Err(ApiError::NotFound),
        _ => other_method(&request, "GET, HEAD, OPTIONS".to_owned()),
    }
}

macro_rules! method {
    ($name:ident, [$($method:ident),+], $guard:expr) => {
        fn $name<F, Args>(handler: F) -> MethodRoute
        where
            F: actix_web::Handler<Args>,
            Args: actix_web::FromRequest + 'static,
            F::Output: actix_web::Responder + 'static,
        {
            (&[$(Method::$method),+], web::route().guard($guard).to(handler))
        }
    };
}

method!(get, [GET, HEAD], guard::Any(guard::Get()).or(guard::Head()));
method!(post, [POST], guard::Post());
method!(patch, [PATCH], guard::Patch());
method!(delete, [DELETE], guard::Delete());
