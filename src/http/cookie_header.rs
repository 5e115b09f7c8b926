//! Reading the header `Cookie`.

use actix_web::{HttpRequest, cookie::Cookie, http::header::COOKIE};

/// The value of the first cookie of this name.
///
/// The framework reads no cookie at all where a byte of the header is no UTF-8. But they come from every program of the host,
/// and of its parent domains: what one of those leaves in a browser must not hide ours.
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
