//! The headers that every answer of the panel carries, errors too (ASVS 5.0 3.4).

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, VARY, X_FRAME_OPTIONS,
};

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Adds them. `Referrer-Policy` is `same-origin` and not stricter: without a referrer, browsers say `Origin: null` for
/// our own forms.
pub(in crate::http) fn secure(headers: &mut HeaderMap, is_https: bool) {
    let mut put = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    put(CONTENT_SECURITY_POLICY, POLICY);
    put(REFERRER_POLICY, "same-origin");
    put(X_FRAME_OPTIONS, "DENY");
    put(CACHE_CONTROL, "no-store");
    put(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    put(VARY, "Cookie, Accept-Language, Accept-Encoding");
    if is_https {
        put(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}
