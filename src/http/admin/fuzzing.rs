//! Fuzz targets of the panel's forms and cookies. See `src/fuzzing.rs`.

use actix_web::{HttpRequest, http::header::CONTENT_TYPE, test::TestRequest};
use url::Url;

use crate::config::ServerConfig;
use crate::http::admin::redirect_targets::panel_path;
use crate::http::admin::web::cookies::{self, Name};
use crate::http::admin::web::csrf;
use crate::http::admin::web::form::fields;

/// Parses bytes as a form: no forged CSRF token is valid, and no `next` leads to another site.
///
/// # Panics
/// On a violation.
pub fn forms(bytes: &[u8]) {
    let form = (CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = TestRequest::post().insert_header(form).to_http_request();
    let Ok(fields) = fields(&request, bytes) else {
        assert!(std::str::from_utf8(bytes).is_err());
        return;
    };
    for (_, value) in &fields {
        assert!(!csrf::is_token("an unknown secret", value));
        if let Some(path) = panel_path(value) {
            stays_here(path);
        }
    }
}

/// Resolves a redirect to `path` as a browser does.
fn stays_here(path: &str) {
    let here = Url::parse("https://login.example.org/admin/login");
    let there = here.as_ref().map(|here| here.join(path));
    let there = there.ok().and_then(Result::ok);
    let stays = there.is_some_and(|there| {
        there.host_str() == Some("login.example.org") && there.path().starts_with("/admin")
    });
    assert!(stays, "{path:?}");
}

/// Reads a request's cookies.
pub(in crate::http) fn cookies(request: &HttpRequest) {
    let server = ServerConfig::default();
    for name in [
        Name::Session,
        Name::AnonymousPage,
        Name::Notice,
        Name::Language,
    ] {
        let _ = cookies::read(request, name, &server);
    }
    let _ = cookies::zone(request, &server);
}
