//! From which page a request says it comes, and how browsers reach the server. What follows from it is each door's own.

use actix_web::http::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use url::Url;

use crate::services::Services;

/// Whether browsers reach the server over https, as far as the operator told.
pub(crate) fn is_https(services: &Services) -> bool {
    let url = services.config.server.public_url.as_ref();
    url.is_some_and(|url| url.scheme() == "https")
}

/// Whether a request says itself that it comes from a page of ours, or says nothing about it.
pub(crate) fn is_from_here(headers: &HeaderMap, services: &Services) -> bool {
    said_by_us_or_nobody(headers) && is_own_origin_or_none(headers, services)
}

/// Whether a request may use the refresh cookie: it comes from a page of ours or of an allowed origin, or says nothing of
/// where it comes from.
///
/// A browser sends the cookie with whatever request a page makes, so the page must be known (OWASP's cheat sheet on CSRF:
/// standard headers and Fetch Metadata; ASVS 5.0 3.5). No script can write `Origin` or `Sec-Fetch-Site`, and a
/// browser sends at least one of them with every `POST` and `DELETE`: who sends neither is no browser, and nobody rides on
/// him. `null` is the origin of a page that hides where it is from.
pub(crate) fn may_use_cookie(headers: &HeaderMap, services: &Services) -> bool {
    allowed(headers, services).is_some() || is_from_here(headers, services)
}

/// The origin that a request names, when it is one of `server.allowed_origins`.
pub(crate) fn allowed<'a>(headers: &'a HeaderMap, services: &Services) -> Option<&'a HeaderValue> {
    let origin = only(headers)?;
    let listed = &services.config.server.allowed_origins;
    listed
        .iter()
        .any(|listed| listed.as_str().as_bytes() == origin.as_bytes())
        .then_some(origin)
}

/// The `Origin` of a request; none where there are several.
fn only(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut origins = headers.get_all(ORIGIN);
    let first = origins.next()?;
    origins.next().is_none().then_some(first)
}

fn said_by_us_or_nobody(headers: &HeaderMap) -> bool {
    let Some(site) = headers.get("sec-fetch-site") else {
        return true;
    };
    matches!(site.as_bytes(), b"same-origin" | b"none")
}

fn is_own_origin_or_none(headers: &HeaderMap, services: &Services) -> bool {
    if !headers.contains_key(ORIGIN) {
        return true;
    }
    let Some(origin) = only(headers)
        .and_then(|origin| origin.to_str().ok())
        .and_then(|origin| Url::parse(origin).ok())
    else {
        return false;
    };
    let public = services.config.server.public_url.as_ref();
    if public.is_some_and(|public| public.origin() == origin.origin()) {
        return true;
    }
    // What is reached by https has no pages on the unprotected line, where anybody can put one; and no other scheme has any.
    let is_public_host = public.is_some_and(|public| public.host() == origin.host());
    let wants_https = is_public_host && public.is_some_and(|public| public.scheme() == "https");
    if !(origin.scheme() == "https" || (origin.scheme() == "http" && !wants_https)) {
        return false;
    }
    // Asked under another name than the public one, such as the loopback address.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = origin.host_str().map(|name| match origin.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    });
    matches!((host, authority), (Some(host), Some(authority)) if host.eq_ignore_ascii_case(&authority))
}
