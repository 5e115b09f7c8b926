//! The cookie that keeps a browser's refresh token, out of reach of every script. Who may use it is `origin`'s to say.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time},
};

use crate::{
    http::{cookie_header, middleware::origin::is_https},
    services::Services,
};

/// The cookie's name. The `__Secure-` prefix (RFC 6265bis section 4.1.3.1) keeps whoever has an unprotected line from
/// putting one of his own in its place; `__Host-` would do more, but asks for the path `/`.
fn name(is_https: bool) -> &'static str {
    if is_https {
        "__Secure-munjigi_refresh"
    } else {
        "munjigi_refresh"
    }
}

/// Where browsers send it: to `/auth` and what is below, as they see it. A path in the public address is a proxy's, which
/// takes it off before we see the request.
fn path(services: &Services) -> String {
    let public = services.config.server.public_url.as_ref();
    let before = public.map_or("", |url| url.path().trim_end_matches('/'));
    format!("{before}/auth")
}

/// The cookie that keeps a refresh token for the rest of its life.
pub(super) fn keep(services: &Services, token: String, life: Duration) -> Cookie<'static> {
    let seconds = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
    let is_https = is_https(services);
    Cookie::build(name(is_https), token)
        .path(path(services))
        .http_only(true)
        .secure(is_https)
        .same_site(SameSite::Strict)
        .max_age(time::Duration::seconds(seconds))
        .finish()
}

/// The same cookie, taken away.
pub(super) fn remove(services: &Services) -> Cookie<'static> {
    let mut cookie = keep(services, String::new(), Duration::ZERO);
    cookie.make_removal();
    cookie
}

/// The refresh token that a browser keeps.
pub(super) fn read(request: &HttpRequest, services: &Services) -> Option<String> {
    let value = cookie_header::value(request, name(is_https(services)))?;
    let token = value.trim();
    (!token.is_empty()).then(|| token.to_owned())
}
