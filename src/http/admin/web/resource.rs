//! A path of the panel with its methods.

use std::fmt::Display;

use actix_web::{FromRequest, Handler, Resource, Responder, Route, guard, web};

use crate::http::admin::paths;

/// A path of a scope, with its methods; any other method is 405.
pub(in crate::http::admin) fn resource<const N: usize>(
    path: impl Display,
    routes: [Route; N],
) -> Resource {
    let path = path.to_string();
    let in_panel = path.strip_prefix(paths::DASHBOARD);
    let in_scope = in_panel.or(path.strip_prefix(paths::OWNERS));
    let resource = web::resource(in_scope.unwrap_or(&path));
    routes.into_iter().fold(resource, Resource::route)
}

/// A handler of GET and HEAD.
pub(in crate::http::admin) fn get<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let read = guard::Any(guard::Get()).or(guard::Head());
    web::route().guard(read).to(handler)
}

/// A handler of POST.
pub(in crate::http::admin) fn post<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::post().to(handler)
}
