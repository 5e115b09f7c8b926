//! Cookies: parsing the header `Cookie`, and what all cookies of the server have in common.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, CookieBuilder, SameSite, time},
    http::header::COOKIE,
};

use crate::config::ServerConfig;

/// The value of the first cookie of this name.
///
/// actix ignores all cookies of a header that is not valid UTF-8. A browser also sends cookies that other programs on the
/// host and its parent domains have set; an invalid one must not hide the others.
pub(super) fn value(request: &HttpRequest, name: &str) -> Option<String> {
    let mut pairs = request
        .headers()
        .get_all(COOKIE)
        .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    pairs.find_map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        let (found, _) = pair.split_once('=')?;
        if found.trim() != name {
            return None;
        }
        let cookie = Cookie::parse_encoded(pair).ok()?;
        Some(cookie.value().to_owned())
    })
}

/// The name of a cookie, and the path that browsers send it to.
///
/// On https the name has a prefix (RFC 6265bis section 4.1.3), so that no attacker on an unencrypted connection can set the
/// cookie. `__Host-` excludes other hosts of the domain as well, but requires the path `/`: where `server.public_url` has a
/// path, the host belongs to other programs too, and the cookie is limited to the path with `__Secure-` instead.
pub(super) fn name_and_path(server: &ServerConfig, name: &str) -> (String, String) {
    let (prefix, path) = match (server.is_https(), server.path_prefix()) {
        (true, "") => ("__Host-", "/"),
        (true, path) => ("__Secure-", path),
        (false, "") => ("", "/"),
        (false, path) => ("", path),
    };
    let name = format!("{prefix}{}_{name}", server.effective_cookie_prefix());
    (name, path.to_owned())
}

/// The value of a cookie of [`name_and_path`].
pub(super) fn read(request: &HttpRequest, server: &ServerConfig, name: &str) -> Option<String> {
    value(request, &name_and_path(server, name).0)
}

/// A cookie that no script can read, sent with the navigation from other sites (`Lax`) but with none of their requests.
/// Without a lifetime it ends with the browser session.
pub(super) fn build(
    (name, path): (String, String),
    value: String,
    lifetime: Option<Duration>,
    server: &ServerConfig,
) -> CookieBuilder<'static> {
    let cookie = Cookie::build(name, value)
        .path(path)
        .http_only(true)
        .secure(server.is_https())
        .same_site(SameSite::Lax);
    let Some(lifetime) = lifetime else {
        return cookie;
    };
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    cookie.max_age(time::Duration::seconds(seconds))
}
