//! The required headers of every response: API, pages and static files (ASVS 5.0 3.3, 3.4, 14.3.2).

use reqwest::header::HeaderMap;

/// The `Content-Security-Policy` of pages: no other origins, nothing inline, no framing.
const PAGES: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Whether a path belongs to the admin panel, or is the page `/docs`.
pub fn is_in_panel(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or(path);
    let first = path.split('/').find(|part| !part.is_empty());
    first.is_some_and(|part| {
        ["admin", "docs", "account"].contains(&part.replace("%61", "a").as_str())
    })
}

/// Asserts that the headers of a response follow the rules.
pub fn check(path: &str, status: u16, headers: &HeaderMap, is_https: bool) {
    let shown = || format!("{path} {status} {headers:?}");
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
    let is_list = path.starts_with("/oauth/status-lists/") && [200, 304].contains(&status);
    let is_file = path.starts_with("/static/") && [200, 206, 304].contains(&status);
    // How long such a document may be kept is a setting.
    let path_alone = path.trim_end_matches('/');
    let is_document = (path.starts_with("/.well-known/") || path_alone == "/openapi.json")
        && [200, 304].contains(&status);
    let kept = header("cache-control").filter(|value| {
        let seconds = value.strip_prefix("public, max-age=");
        is_document && seconds.is_some_and(|seconds| seconds.parse::<u32>().is_ok())
    });
    let (policy, referrer, cache) = if is_in_panel(path) {
        (PAGES, "same-origin", "no-store")
    } else if is_file {
        let immutable_cache = "public, max-age=31536000, immutable";
        let policy = "default-src 'none'; frame-ancestors 'none'";
        (policy, "no-referrer", immutable_cache)
    } else {
        let policy = "default-src 'none'; frame-ancestors 'none'";
        let cache = if is_list {
            "public, max-age=10"
        } else if is_document {
            kept.unwrap_or("public, max-age=…")
        } else {
            "no-store"
        };
        (policy, "no-referrer", cache)
    };
    for (name, value) in [
        ("x-content-type-options", Some("nosniff")),
        ("content-security-policy", Some(policy)),
        ("referrer-policy", Some(referrer)),
        ("cache-control", Some(cache)),
        (
            "strict-transport-security",
            is_https.then_some("max-age=31536000"),
        ),
    ] {
        assert_eq!(header(name), value, "{name}: {}", shown());
        let lines = headers.get_all(name).iter().count();
        assert!(lines <= 1, "{name} is repeated: {}", shown());
    }
    for cookie in headers.get_all("set-cookie") {
        assert!(!is_file, "a file sets a cookie: {}", shown());
        check_cookie(cookie.to_str().unwrap(), is_https);
    }
}

/// Asserts that a cookie has `HttpOnly`, `SameSite` and `Path` and no `Domain`, and on https `Secure` and a name that
/// begins with `__Host-` or `__Secure-`.
fn check_cookie(cookie: &str, is_https: bool) {
    let mut parts = cookie.split(';').map(str::trim);
    let name = parts.next().and_then(|pair| pair.split_once('='));
    let (name, _) = name.unwrap_or_else(|| panic!("not a cookie: {cookie}"));
    let attributes: Vec<&str> = parts.collect();
    let has = |attribute: &str| attributes.contains(&attribute);
    assert!(has("HttpOnly"), "{cookie}");
    assert!(has("SameSite=Lax") || has("SameSite=Strict"), "{cookie}");
    let path = attributes
        .iter()
        .find_map(|part| part.strip_prefix("Path="));
    assert!(path.is_some_and(|path| path.starts_with('/')), "{cookie}");
    let domain = attributes.iter().find(|part| part.starts_with("Domain"));
    assert_eq!(domain, None, "{cookie}");
    let (host, secure) = (name.starts_with("__Host-"), name.starts_with("__Secure-"));
    assert_eq!(has("Secure"), is_https, "{cookie}");
    assert_eq!(host || secure, is_https, "{cookie}");
    assert!(!host || path == Some("/"), "{cookie}");
}
