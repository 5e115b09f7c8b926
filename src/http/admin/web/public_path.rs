//! Paths as browsers see them. Where `server.public_url` has a path, a proxy removes it from each request: links, forms and
//! redirects begin with it. Routes, templates and handlers know only the paths without it.

use crate::config::ServerConfig;

/// The attributes of pages that contain a path.
const ATTRIBUTES: [&str; 6] = [
    " href",
    " action",
    " formaction",
    " src",
    " data-job",
    " data-suggestions",
];

/// A path of the server as browsers see it.
pub(crate) fn public_path(server: &ServerConfig, path: &str) -> String {
    format!("{}{path}", server.path_prefix())
}

/// A rendered page with its paths as browsers see them.
///
/// Only templates contain these attributes: in the values of a page quotation marks are escaped.
pub(crate) fn with_public_paths(html: String, server: &ServerConfig) -> String {
    let prefix = server.path_prefix();
    if prefix.is_empty() {
        return html;
    }
    ATTRIBUTES.iter().fold(html, |html, attribute| {
        let before = format!("{attribute}=\"/");
        let after = format!("{attribute}=\"{prefix}/");
        html.replace(&before, &after)
    })
}
