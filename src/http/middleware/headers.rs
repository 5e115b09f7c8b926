//! The headers of every answer, errors included (ASVS 5.0 3.4 and 14.3.2): one set for the admin panel, one for everything
//! else.

use std::time::Duration;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CROSS_ORIGIN_OPENER_POLICY, HeaderMap, HeaderName,
    HeaderValue, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use crate::config::ServerConfig;
use crate::http::middleware::context::RequestContext;
use crate::services::limits::quota::{Policy, Quota};

/// The header of the request id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// For pages: no resource of another origin, nothing inline, no embedding in a frame.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// For answers that are not pages: nothing is loaded, should a browser render one as a page.
const DATA_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

// As constants they are checked when the program is compiled, and not in every request.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const DENY: HeaderValue = HeaderValue::from_static("DENY");
const PAGE_VARY: HeaderValue = HeaderValue::from_static("Cookie, Accept-Language, Accept-Encoding");
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");
const HSTS_WITH_SUBDOMAINS: HeaderValue =
    HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// Adds the headers of every answer to a request: security, CORS and the request id.
pub(crate) fn add(headers: &mut HeaderMap, context: &RequestContext, server: &ServerConfig) {
    if server.is_https() {
        let policy = if server.hsts_include_subdomains {
            HSTS_WITH_SUBDOMAINS
        } else {
            HSTS
        };
        headers.insert(STRICT_TRANSPORT_SECURITY, policy);
    }
    secure(headers, context.in_panel);
    context.cors.add(headers);
    if let Some(quota) = context
        .quota()
        .filter(|_| !headers.contains_key(RATE_LIMIT))
    {
        for (name, value) in rate_limit(&quota) {
            headers.insert(name, value);
        }
    }
    if let Ok(id) = HeaderValue::from_str(&context.id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// Adds the security headers of a page or of any other answer.
pub(crate) fn secure(headers: &mut HeaderMap, in_panel: bool) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    if in_panel {
        secure_page(headers);
    } else {
        secure_data(headers);
    }
}

/// `Retry-After`, `RateLimit-Policy` and `RateLimit` for a limit that is used up.
pub(crate) fn used_up(retry_after: Duration, policy: Policy) -> [(HeaderName, HeaderValue); 3] {
    let [allowed, left] = rate_limit(&Quota {
        policy,
        remaining: 0,
        resets_in: retry_after,
    });
    let wait = HeaderValue::from(whole_seconds(retry_after));
    [(RETRY_AFTER, wait), allowed, left]
}

/// `RateLimit-Policy` and `RateLimit`: a limit and what is left of it, as items of structured fields
/// (draft-ietf-httpapi-ratelimit-headers-10).
fn rate_limit(quota: &Quota) -> [(HeaderName, HeaderValue); 2] {
    let Policy {
        name,
        quota: allowed,
        window,
    } = quota.policy;
    let (window, resets_in) = (whole_seconds(window), whole_seconds(quota.resets_in));
    let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    [
        (
            RATE_LIMIT_POLICY,
            value(format!(r#""{name}";q={allowed};w={window}"#)),
        ),
        (
            RATE_LIMIT,
            value(format!(r#""{name}";r={};t={resets_in}"#, quota.remaining)),
        ),
    ]
}

/// Seconds for `Retry-After`, rounded up, so that the wait is never too short.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// `Referrer-Policy` is `same-origin` and not stricter: without a referrer, browsers send `Origin: null` with the panel's own
/// forms.
fn secure_page(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    headers.insert(REFERRER_POLICY, SAME_ORIGIN);
    headers.insert(X_FRAME_OPTIONS, DENY);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(CROSS_ORIGIN_OPENER_POLICY, SAME_ORIGIN);
    headers.insert(VARY, PAGE_VARY);
}

/// Answers that may be cached, such as static files, have set `Cache-Control` themselves.
fn secure_data(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, DATA_POLICY);
    headers.insert(REFERRER_POLICY, NO_REFERRER);
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, NO_STORE);
    }
}
