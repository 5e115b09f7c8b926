//! What pages of other origins may do with the API (the CORS protocol of the Fetch standard). Pages of the origins in
//! `server.allowed_origins` may call it and read its answers, with credentials. Answers to other origins have no CORS headers,
//! so browsers keep them from the page.
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
            ALLOW, HeaderMap, HeaderValue, VARY,
        },
    },
};

use crate::http::middleware::origin;
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
            origin: origin::allowed(headers, services).cloned(),
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
