//! What pages of other origins may do with the JSON door (the CORS protocol of the Fetch standard): those that the operator lists
//! may call and read, with credentials; to all others it says nothing, and so browsers keep its answers from them.
//!
//! Written here and not by `actix-cors`, which refuses the preflights of origins that are not listed and answers `OPTIONS` of every
//! path by itself with one list of methods; and what the outermost middleware answers in the place of a handler that is too
//! slow, or panics, would pass it by.

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

use crate::{http::middleware::origin, services::Services};

/// The first parts of the paths that pages of other origins may call.
const OPEN: [&str; 3] = ["auth", "clients", "api"];

/// What a page may send besides what any page may.
const SENT: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, x-request-id, x-device-token, accept-language",
);

/// What a page may read besides what any page may.
const READ: HeaderValue =
    HeaderValue::from_static("x-request-id, x-device-token, retry-after, www-authenticate, allow");

/// How long a browser need not ask again, in seconds; Chromium believes no more.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// What is told to the browser about one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cors {
    /// The answer depends on the page that asks: it is told to caches.
    varies: bool,
    /// The allowed origin that asks.
    origin: Option<HeaderValue>,
    /// The browser asks for itself, before it sends what the page wants to send.
    is_preflight: bool,
}

impl Cors {
    /// Of a request whose path begins with this part.
    pub(crate) fn of(request: &ServiceRequest, part: Option<&str>, services: &Services) -> Self {
        let is_open = part.is_some_and(|part| OPEN.contains(&part));
        if !is_open || services.config.server.allowed_origins.is_empty() {
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

    /// Writes it into the head of an answer, whatever that is. A preflight is answered as `OPTIONS` always is: the route
    /// has told in `Allow` which methods it has.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        if !self.varies {
            return;
        }
        let asked = if self.is_preflight {
            "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
        } else {
            "Origin"
        };
        headers.append(VARY, HeaderValue::from_static(asked));
        let Some(origin) = &self.origin else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let yes = HeaderValue::from_static("true");
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        if !self.is_preflight {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, READ);
        } else if let Some(methods) = headers.get(ALLOW).cloned() {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, SENT);
            headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
    }
}
