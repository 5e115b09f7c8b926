//! A path prefix that no proxy has removed: the panel's own listener can be opened directly, and its links begin with the path of
//! `server.public_url`.

use actix_web::{
    Error as ActixError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Uri, uri::PathAndQuery},
    middleware::Next,
    web,
};

use crate::services::Services;

/// Removes the prefix from the path of a request, if the rest is a path of the panel.
///
/// # Errors
/// Those of the inner middleware.
pub(in crate::http) async fn remove<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, ActixError> {
    let services = request.app_data::<web::Data<Services>>();
    let prefix = services.map_or("", |services| services.config.server.path_prefix());
    let uri = inside(request.uri(), prefix);
    if let Some(uri) = uri {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
    next.call(request).await
}

/// The address without the prefix; `None` if it has none.
fn inside(uri: &Uri, prefix: &str) -> Option<Uri> {
    let path = uri.path();
    let rest = path.strip_prefix(prefix).filter(|_| !prefix.is_empty())?;
    // The prefix itself may begin as the paths of the panel do.
    let is_root = matches!(rest, "" | "/") && !is_of_panel(path);
    if !is_root && !is_of_panel(rest) {
        return None;
    }
    let rest = if is_root { "/" } else { rest };
    let query = uri.query().map(|query| format!("?{query}"));
    let target = format!("{rest}{}", query.unwrap_or_default());
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
    Uri::from_parts(parts).ok()
}

fn is_of_panel(path: &str) -> bool {
    ["/admin", "/static"].iter().any(|of_panel| {
        path.strip_prefix(of_panel)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_removed_from_paths_of_the_panel() {
        for (prefix, path, expected) in [
            ("/auth", "/auth/admin", Some("/admin")),
            (
                "/auth",
                "/auth/admin/users?q=a%20b",
                Some("/admin/users?q=a%20b"),
            ),
            ("/auth", "/auth/static/app.css", Some("/static/app.css")),
            ("/auth", "/auth", Some("/")),
            ("/auth", "/auth/", Some("/")),
            // A proxy has removed it.
            ("/auth", "/admin/users", None),
            ("/auth", "/authadmin", None),
            ("/auth", "/auth/api/me", None),
            ("/auth", "/auth/administrators", None),
            ("", "/admin", None),
            // The dashboard, not the start.
            ("/admin", "/admin", None),
            ("/admin", "/admin/login", None),
            ("/admin", "/admin/admin/login", Some("/admin/login")),
            ("/admin", "/admin/static/app.css", Some("/static/app.css")),
        ] {
            let uri = path.parse().unwrap();
            let found = inside(&uri, prefix).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), expected, "{prefix} {path}");
        }
    }
}
