//! The paths that a form or an address may name as the page to continue with.

use crate::http::admin::paths::{API_DOCS, DASHBOARD, OWNERS};

/// A path that may be redirected to after sign-in: pages of the panel only, so that the sign-in page is no open redirect.
pub(crate) fn panel_path(path_and_query: &str) -> Option<&str> {
    path_below(DASHBOARD, path_and_query)
}

/// A path of the pages for owners of accounts, or of the API reference, that may be redirected to.
pub(crate) fn owners_path(path_and_query: &str) -> Option<&str> {
    path_below(OWNERS, path_and_query).or_else(|| path_below(API_DOCS, path_and_query))
}

/// The same text, if it is a path of this scope and nothing else for a browser.
fn path_below<'a>(scope: &str, path_and_query: &'a str) -> Option<&'a str> {
    let path = path_and_query.split(['?', '#']).next().unwrap_or("");
    let is_below = path
        .strip_prefix(scope)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let is_plain = |c: char| c.is_ascii_graphic() && c != '\\';
    // Browsers decode an encoded dot segment (WHATWG URL section 4.1).
    let dots = path.to_ascii_lowercase().replace("%2e", ".");
    let leaves = dots.split('/').any(|part| part == ".." || part == ".");
    (is_below
        && !leaves
        && path_and_query.len() <= 2_000
        && path_and_query.chars().all(is_plain)
        && !path_and_query.contains("//"))
    .then_some(path_and_query)
}

#[cfg(test)]
mod tests {
    use super::panel_path;

    #[test]
    fn only_panel_paths_are_accepted() {
        for path in [
            "/admin",
            "/admin/users?search=a%20b&sort=-id",
            "/admin/users/7#x",
        ] {
            assert_eq!(panel_path(path), Some(path));
        }
        for path in [
            "",
            "admin",
            "/",
            "/api/users",
            "//evil.example/admin",
            "/admin//evil.example",
            "https://evil.example/admin",
            "/\\evil.example",
            "/admin\\@evil.example",
            "/admin/../api",
            "/admin/%2e%2E/api/me",
            "/admin/.%2e",
            "/admin/\r\nset-cookie: a=b",
            "/administrator",
            "javascript:alert(1)",
        ] {
            assert_eq!(panel_path(path), None, "{path}");
        }
    }
}
