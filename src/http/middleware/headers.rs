//! The headers that answers carry whoever made them, errors too (ASVS 5.0 3.4 and 14.3.2): those of the panel, and those of
//! everything else.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// For pages: nothing from elsewhere, nothing inline, in nobody's frame.
const PAGES: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// For what is no page: nothing at all, should a browser ever show it as one.
const DATA: &str = "default-src 'none'; frame-ancestors 'none'";

/// Adds what every answer says.
pub(crate) fn secure(headers: &mut HeaderMap, in_panel: bool, is_https: bool) {
    put(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
    if is_https {
        put(headers, STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if in_panel {
        of_pages(headers);
    } else {
        of_data(headers);
    }
}

/// `Referrer-Policy` is `same-origin` and not stricter: without a referrer, browsers say `Origin: null` for our own forms.
fn of_pages(headers: &mut HeaderMap) {
    put(headers, CONTENT_SECURITY_POLICY, PAGES);
    put(headers, REFERRER_POLICY, "same-origin");
    put(headers, X_FRAME_OPTIONS, "DENY");
    put(headers, CACHE_CONTROL, "no-store");
    put(
        headers,
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    put(headers, VARY, "Cookie, Accept-Language, Accept-Encoding");
}

/// Whoever may be kept, such as a static file, has said so already: all else is about somebody, or may be.
fn of_data(headers: &mut HeaderMap) {
    put(headers, CONTENT_SECURITY_POLICY, DATA);
    put(headers, REFERRER_POLICY, "no-referrer");
    if !headers.contains_key(CACHE_CONTROL) {
        put(headers, CACHE_CONTROL, "no-store");
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}
