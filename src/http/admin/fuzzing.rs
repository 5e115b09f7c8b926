//! What must hold of every form and cookie of the panel. See `src/fuzzing.rs`.

use actix_web::{HttpRequest, http::header::CONTENT_TYPE, test::TestRequest};
use url::Url;

use crate::http::admin::web::{
    cookies::{self, Name},
    csrf,
    form::fields,
    page_context::own_path,
};

/// Bytes as a form: its fields are those that it has, no made-up token is good, and no wish leads to another site.
///
/// # Panics
/// Where that does not hold.
pub fn forms(bytes: &[u8]) {
    let form = (CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = TestRequest::post().insert_header(form).to_http_request();
    let Ok(fields) = fields(&request, bytes) else {
        assert!(std::str::from_utf8(bytes).is_err());
        return;
    };
    for (_, value) in &fields {
        assert!(!csrf::is_token("a secret that nobody knows", value));
        if let Some(path) = own_path(value) {
            stays_here(path);
        }
    }
}

/// Where a browser goes that is sent to `path`.
fn stays_here(path: &str) {
    let here = Url::parse("https://login.example.org/admin/login");
    let there = here.as_ref().map(|here| here.join(path));
    let there = there.ok().and_then(Result::ok);
    let stays = there.is_some_and(|there| {
        there.host_str() == Some("login.example.org") && there.path().starts_with("/admin")
    });
    assert!(stays, "{path:?}");
}

/// A request's cookies as the panel reads them.
pub(in crate::http) fn cookies(request: &HttpRequest) {
    for name in [
        Name::Session,
        Name::AnonymousPage,
        Name::Notice,
        Name::Language,
    ] {
        for is_https in [false, true] {
            let _ = cookies::read(request, name, is_https);
        }
    }
    let _ = cookies::zone(request);
}
