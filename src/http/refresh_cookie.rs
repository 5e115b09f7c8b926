//! The `HttpOnly` cookie with a browser's refresh token. `middleware::origin` decides which requests may use it.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite},
};

use crate::http::cookie_header;
use crate::http::middleware::origin::is_https;
use crate::services::Services;

/// The cookie's name. The `__Secure-` prefix (RFC 6265bis section 4.1.3.1) prevents that an attacker on the network sets it
/// over http. `__Host-` would also exclude other hosts of the domain, but requires the path `/`.
fn name(is_https: bool) -> &'static str {
    if is_https {
        "__Secure-munjigi_refresh"
    } else {
        "munjigi_refresh"
    }
}

/// The path that browsers send it to: `/auth` and everything below, as they see it. A path in the public address is removed by
/// the proxy before the request arrives here.
fn path(services: &Services) -> String {
    let public = services.config.server.public_url.as_ref();
    let before = public.map_or("", |url| url.path().trim_end_matches('/'));
    format!("{before}/auth")
}

/// A cookie with a refresh token, for the token's remaining `lifetime`.
pub(super) fn set(services: &Services, token: String, lifetime: Duration) -> Cookie<'static> {
    let is_https = is_https(services);
    cookie_header::build(name(is_https), token, Some(lifetime), is_https)
        .path(path(services))
        .same_site(SameSite::Strict)
        .finish()
}

/// A cookie that removes it from the browser.
pub(super) fn remove(services: &Services) -> Cookie<'static> {
    let mut cookie = set(services, String::new(), Duration::ZERO);
    cookie.make_removal();
    cookie
}

/// The refresh token in the cookie of a request.
pub(super) fn read(request: &HttpRequest, services: &Services) -> Option<String> {
    let value = cookie_header::value(request, name(is_https(services)))?;
    let token = value.trim();
    (!token.is_empty()).then(|| token.to_owned())
}
