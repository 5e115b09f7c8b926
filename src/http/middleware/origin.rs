//! Which origin sent a request, by the headers that browsers set, and what pages of other origins may do with the API (the
//! CORS protocol of the Fetch standard). Pages of the origins in `server.allowed_origins` may call it and read its answers,
//! with credentials. Answers to other origins have no CORS headers, so browsers keep them from the page. Public documents are
//! open to every origin.
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
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
            ACCESS_CONTROL_REQUEST_METHOD, ALLOW, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
            VARY,
        },
    },
};
use url::Url;

use crate::config::ServerConfig;
use crate::services::Services;

/// The first segments of the paths that pages of other origins may call.
const SHARED_SEGMENTS: [&str; 4] = ["auth", "clients", "api", "openapi.json"];

/// The first segment of the paths that pages of every origin may read, without credentials: public documents.
const PUBLIC_SEGMENT: &str = ".well-known";

/// Request headers that a page may always send in addition to the safelisted ones.
const ALLOWED_HEADERS: [&str; 5] = [
    "authorization",
    "content-type",
    "x-request-id",
    "x-device-token",
    "accept-language",
];

/// Response headers that a page may read in addition to the safelisted ones.
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "x-request-id, x-device-token, retry-after, ratelimit, ratelimit-policy, www-authenticate, allow",
);

/// Every origin, or every request header that is no credential.
const ANY: HeaderValue = HeaderValue::from_static("*");

/// How long a browser may reuse the answer to a preflight, in seconds. Chromium caps it at this value.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The maximum number of further header names that a preflight allows.
const MAX_ASKED: usize = 64;

/// How many characters of a foreign `Origin` or `Host` are shown and logged.
const MAX_SHOWN: usize = 200;

/// What CORS says about one request. By default nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cors {
    /// Whether pages of every origin may read the answer.
    is_public: bool,
    /// Whether the answer depends on the origin, so that caches must distinguish them.
    varies: bool,
    /// The request's origin, if it is allowed.
    origin: Option<HeaderValue>,
    /// For a preflight, in which the browser asks before it sends the request of the page: the request headers that it allows.
    preflight: Option<HeaderValue>,
}

impl Cors {
    /// For a request with this first path segment.
    pub(crate) fn of(request: &ServiceRequest, segment: Option<&str>, services: &Services) -> Self {
        let headers = request.headers();
        let is_preflight = request.method() == Method::OPTIONS
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if segment == Some(PUBLIC_SEGMENT) {
            return Self {
                is_public: true,
                preflight: is_preflight.then_some(ANY),
                ..Self::default()
            };
        }
        let simplejwt = &services.config.simplejwt;
        let is_shared = segment.is_some_and(|segment| {
            SHARED_SEGMENTS.contains(&segment)
                || (simplejwt.enabled && simplejwt.path().split('/').nth(1) == Some(segment))
        });
        if !is_shared || services.current.load().server.allowed_origins.is_empty() {
            return Self::default();
        }
        Self {
            is_public: false,
            varies: true,
            origin: allowed(headers, services).cloned(),
            preflight: is_preflight.then(|| allowed_headers(headers)),
        }
    }

    /// Adds the headers to any answer. A preflight is answered like every `OPTIONS` request: the methods are those that the
    /// route has set in `Allow`.
    pub(crate) fn add(&self, headers: &mut HeaderMap) {
        if self.is_public {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
            return self.add_preflight(headers);
        }
        if !self.varies {
            return;
        }
        let varying = if self.preflight.is_some() {
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
        if self.preflight.is_none() {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
        self.add_preflight(headers);
    }

    /// Adds what a preflight asks for.
    fn add_preflight(&self, headers: &mut HeaderMap) {
        if let Some(allowed_headers) = &self.preflight
            && let Some(methods) = headers.get(ALLOW).cloned()
        {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers.clone());
            headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
    }
}

/// The request headers that a preflight allows: the server's own, and those that it asks for, such as tracing headers. Only a
/// listed origin gets them, which is trusted already; browsers accept no wildcard with credentials.
fn allowed_headers(headers: &HeaderMap) -> HeaderValue {
    let mut names: Vec<String> = ALLOWED_HEADERS.map(str::to_owned).to_vec();
    let asked = headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS);
    for name in asked.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
        let name = name.trim_ascii();
        let Some(name) = HeaderName::from_bytes(name).ok().filter(|_| is_token(name)) else {
            continue;
        };
        let is_known = names.iter().any(|known| known == name.as_str());
        if !is_known && names.len() < ALLOWED_HEADERS.len() + MAX_ASKED {
            names.push(name.as_str().to_owned());
        }
    }
    let names = HeaderValue::from_str(&names.join(", "));
    names.unwrap_or(HeaderValue::from_static(""))
}

/// Whether these bytes are a token (RFC 9110 section 5.6.2). `HeaderName` accepts a few more.
fn is_token(name: &[u8]) -> bool {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    name.iter().all(is_part)
}

/// Why a request does not come from a page of this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// The browser says that a page of another site sent it (`Sec-Fetch-Site`).
    Site,
    /// Its `Origin` is neither that of `server.public_url` nor that of its `Host`.
    Origin {
        /// The header `Origin`.
        origin: String,
        /// The header `Host`.
        host: String,
    },
}

impl Foreign {
    /// Logs what differed. If a proxy changed `Host`, the operator has to set `server.public_url`.
    pub(crate) fn log(&self, request_id: &str) {
        if let Self::Origin { origin, host } = self {
            tracing::warn!(
                request_id,
                origin,
                host,
                "a request was refused because its Origin differs from its Host and from server.public_url: \
                 if the origin is the address of this server, set server.public_url to it"
            );
        }
    }
}

/// Checks that a request comes from a page of this server, or has no header about its origin.
pub(crate) fn check(headers: &HeaderMap, server: &ServerConfig) -> Result<(), Foreign> {
    if !is_same_site_or_unknown(headers) {
        return Err(Foreign::Site);
    }
    if is_own_origin_or_none(headers, server) {
        return Ok(());
    }
    let text = |name| {
        let values: Vec<_> = headers.get_all(name).map(HeaderValue::as_bytes).collect();
        let text = String::from_utf8_lossy(&values.join(&b", "[..])).into_owned();
        text.chars().take(MAX_SHOWN).collect()
    };
    Err(Foreign::Origin {
        origin: text(ORIGIN),
        host: text(HOST),
    })
}

/// Whether a page was opened over http although `server.public_url` begins with https. Its browser sends no `Secure` cookie back.
pub(crate) fn is_http_instead(headers: &HeaderMap, server: &ServerConfig) -> bool {
    let origin = only(headers).map(HeaderValue::as_bytes);
    server.is_https() && origin.is_some_and(|origin| origin.starts_with(b"http://"))
}

/// Whether a request may use the refresh cookie: it comes from a page of this server or of an allowed origin, or has no header
/// about its origin.
///
/// A browser sends the cookie with every request to the server, so the page must be checked (OWASP's cheat sheet on CSRF:
/// standard headers and Fetch Metadata; ASVS 5.0 3.5). No script can set `Origin` or `Sec-Fetch-Site`, and a browser sends at
/// least one of them with every `POST` and `DELETE`: without either header the client is not a browser, so CSRF does not
/// apply. `Origin: null`, from a page that hides its origin, is refused.
pub(crate) fn may_use_cookie(headers: &HeaderMap, services: &Services) -> Result<(), Foreign> {
    match allowed(headers, services) {
        Some(_) => Ok(()),
        None => check(headers, &services.config.server),
    }
}

/// The `Origin` of a request, if it is in `server.allowed_origins`.
pub(crate) fn allowed<'a>(headers: &'a HeaderMap, services: &Services) -> Option<&'a HeaderValue> {
    let origin = only(headers)?;
    let current = services.current.load();
    let mut listed = current.server.allowed_origins.iter();
    listed
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
fn is_own_origin_or_none(headers: &HeaderMap, server: &ServerConfig) -> bool {
    if !headers.contains_key(ORIGIN) {
        return true;
    }
    let Some(origin) = only(headers)
        .and_then(|origin| origin.to_str().ok())
        .and_then(|origin| Url::parse(origin).ok())
    else {
        return false;
    };
    let public = server.public_url.as_ref();
    if public.is_some_and(|public| public.origin() == origin.origin()) {
        return true;
    }
    // With a public https address, a page of the same host over http is foreign: an attacker on the network can forge one.
    let is_public_host = public.is_some_and(|public| public.host() == origin.host());
    let requires_https = is_public_host && server.is_https();
    if !(origin.scheme() == "https" || (origin.scheme() == "http" && !requires_https)) {
        return false;
    }
    // The request may use another name than the public one, such as the loopback address.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| is_host_of(host, &origin))
}

/// Whether a `Host` is that of an origin. Browsers leave the default port of the scheme out, some proxies add it.
fn is_host_of(host: &str, origin: &Url) -> bool {
    let Some(name) = origin.host_str() else {
        return false;
    };
    let authority = match origin.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    };
    let with_port = origin.port_or_known_default();
    let with_port = with_port.map(|port| format!("{name}:{port}"));
    host.eq_ignore_ascii_case(&authority)
        || with_port.is_some_and(|with_port| host.eq_ignore_ascii_case(&with_port))
}
