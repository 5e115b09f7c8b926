//! Which origin sent a request, by the headers that browsers set, and what pages of other origins may do with the API (the
//! CORS protocol of the Fetch standard). Pages of the origins in `server.allowed_origins` may call it and read its answers,
//! with credentials. Answers to other origins have no CORS headers, so browsers keep them from the page.
//!
//! Not `actix-cors`: it answers `OPTIONS` of every path with one list of methods, and it does not reach the answers that the
//! outermost middleware makes after a timeout or a panic.

use actix_web::{
    dev::ServiceRequest,
    http::{
        Method,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
            ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
            ALLOW, HOST, HeaderMap, HeaderValue, ORIGIN, VARY,
        },
    },
};
use url::Url;

use crate::services::Services;

/// The first segments of the paths that pages of other origins may call.
const SHARED_SEGMENTS: [&str; 3] = ["auth", "clients", "api"];

/// Request headers that a page may send in addition to the safelisted ones.
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, x-request-id, x-device-token, accept-language",
);

/// Response headers that a page may read in addition to the safelisted ones.
const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("x-request-id, x-device-token, retry-after, www-authenticate, allow");

/// How long a browser may reuse the answer to a preflight, in seconds. Chromium caps it at this value.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// What CORS says about one request. By default nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cors {
    /// Whether the answer depends on the origin, so that caches must distinguish them.
    varies: bool,
    /// The request's origin, if it is allowed.
    origin: Option<HeaderValue>,
    /// Whether it is a preflight: the browser asks before it sends the request of the page.
    is_preflight: bool,
}

impl Cors {
    /// For a request with this first path segment.
    pub(crate) fn of(request: &ServiceRequest, segment: Option<&str>, services: &Services) -> Self {
        let is_shared = segment.is_some_and(|segment| SHARED_SEGMENTS.contains(&segment));
        if !is_shared || services.config.server.allowed_origins.is_empty() {
            return Self::default();
        }
        let headers = request.headers();
        Self {
            varies: true,
            origin: allowed(headers, services).cloned(),
            is_preflight: request.method() == Method::OPTIONS
                && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD),
        }
    }

    /// Adds the headers to any answer. A preflight is answered like every `OPTIONS` request: the methods are those that the
    /// route has set in `Allow`.
    pub(crate) fn add(&self, headers: &mut HeaderMap) {
        if !self.varies {
            return;
        }
        let varying = if self.is_preflight {
            "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
        } else {
            "Origin"
        };
        headers.append(VARY, HeaderValue::from_static(varying));
        let Some(origin) = &self.origin else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let allowed = HeaderValue::from_static("true");
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, allowed);
        if !self.is_preflight {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        } else if let Some(methods) = headers.get(ALLOW).cloned() {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
    }
}

/// Whether browsers reach the server over https, according to `server.public_url`.
pub(crate) fn is_https(services: &Services) -> bool {
    let url = services.config.server.public_url.as_ref();
    url.is_some_and(|url| url.scheme() == "https")
}

/// Whether a request comes from a page of this server, or has no header about its origin.
pub(crate) fn is_from_here(headers: &HeaderMap, services: &Services) -> bool {
    is_same_site_or_unknown(headers) && is_own_origin_or_none(headers, services)
}

/// Whether a request may use the refresh cookie: it comes from a page of this server or of an allowed origin, or has no header
/// about its origin.
///
/// A browser sends the cookie with every request to the server, so the page must be checked (OWASP's cheat sheet on CSRF:
/// standard headers and Fetch Metadata; ASVS 5.0 3.5). No script can set `Origin` or `Sec-Fetch-Site`, and a browser sends at
/// least one of them with every `POST` and `DELETE`: without either header the client is not a browser, so CSRF does not
/// apply. `Origin: null`, from a page that hides its origin, is refused.
pub(crate) fn may_use_cookie(headers: &HeaderMap, services: &Services) -> bool {
    allowed(headers, services).is_some() || is_from_here(headers, services)
}

/// The `Origin` of a request, if it is in `server.allowed_origins`.
pub(crate) fn allowed<'a>(headers: &'a HeaderMap, services: &Services) -> Option<&'a HeaderValue> {
    let origin = only(headers)?;
    let listed = &services.config.server.allowed_origins;
    listed
        .iter()
        .any(|listed| listed.as_str().as_bytes() == origin.as_bytes())
        .then_some(origin)
}

/// The `Origin` of a request; `None` if there are several.
fn only(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut origins = headers.get_all(ORIGIN);
    let first = origins.next()?;
    origins.next().is_none().then_some(first)
}

/// Whether `Sec-Fetch-Site` is `same-origin` or `none`, or missing.
fn is_same_site_or_unknown(headers: &HeaderMap) -> bool {
    let Some(site) = headers.get("sec-fetch-site") else {
        return true;
    };
    matches!(site.as_bytes(), b"same-origin" | b"none")
}

/// Whether `Origin` is that of this server: the public one, or the `Host` of the request; or missing.
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
    // With a public https address, a page of the same host over http is foreign: an attacker on the network can forge one.
    let is_public_host = public.is_some_and(|public| public.host() == origin.host());
    let requires_https = is_public_host && public.is_some_and(|public| public.scheme() == "https");
    if !(origin.scheme() == "https" || (origin.scheme() == "http" && !requires_https)) {
        return false;
    }
    // The request may use another name than the public one, such as the loopback address.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = origin.host_str().map(|name| match origin.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    });
    matches!((host, authority), (Some(host), Some(authority)) if host.eq_ignore_ascii_case(&authority))
}
