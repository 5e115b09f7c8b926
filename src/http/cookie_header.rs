//! Parsing the header `Cookie`.

use actix_web::{HttpRequest, cookie::Cookie, http::header::COOKIE};

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
