//! Cookies: parsing the header `Cookie`, and what all cookies of the server have in common.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, CookieBuilder, SameSite, time},
    http::header::COOKIE,
};

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

/// A cookie that no script can read, sent with the navigation from other sites (`Lax`) but with none of their requests.
/// Without a lifetime it ends with the browser session.
pub(super) fn build(
    name: &'static str,
    value: String,
    lifetime: Option<Duration>,
    is_https: bool,
) -> CookieBuilder<'static> {
    let cookie = Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .secure(is_https)
        .same_site(SameSite::Lax);
    let Some(lifetime) = lifetime else {
        return cookie;
    };
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    cookie.max_age(time::Duration::seconds(seconds))
}
