//! The `HttpOnly` cookie with a browser's refresh token. `middleware::origin` decides which requests may use it.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite},
};

use crate::config::ServerConfig;
use crate::http::cookie_header;

/// The cookie's name, and its path: `/auth` and everything below, as browsers see it. On https the name has the prefix
/// `__Secure-` (RFC 6265bis section 4.1.3.1): `__Host-` requires the path `/`.
fn name_and_path(server: &ServerConfig) -> (String, String) {
    let prefix = if server.is_https() { "__Secure-" } else { "" };
    (
        format!("{prefix}{}_refresh", server.effective_cookie_prefix()),
        format!("{}/auth", server.path_prefix()),
    )
}

/// A cookie with a refresh token, for the token's remaining `lifetime`.
pub(super) fn set(server: &ServerConfig, token: String, lifetime: Duration) -> Cookie<'static> {
    cookie_header::build(name_and_path(server), token, Some(lifetime), server)
        .same_site(SameSite::Strict)
        .finish()
}

/// A cookie that removes it from the browser.
pub(super) fn remove(server: &ServerConfig) -> Cookie<'static> {
    let mut cookie = set(server, String::new(), Duration::ZERO);
    cookie.make_removal();
    cookie
}

/// The refresh token in the cookie of a request.
pub(super) fn read(request: &HttpRequest, server: &ServerConfig) -> Option<String> {
    let value = cookie_header::value(request, &name_and_path(server).0)?;
    let token = value.trim();
    (!token.is_empty()).then(|| token.to_owned())
}
